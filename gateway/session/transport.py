"""Messages of an established session: 4-byte big-endian counter || ciphertext || 16-byte tag.

    AEAD        ChaCha20-Poly1305, empty associated data
    nonce       4 zero bytes || counter as 8 bytes little-endian (the Noise rule)
    counter     from 0 up to 2^32 - 2, one sequence for each direction

Source: BitChat iOS NoiseProtocol.swift, NoiseCipherState with extracted nonce.
"""

from struct import Struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from gateway.errors import Reason, SessionError
from gateway.limits import MAX_NONCE, MAX_PAYLOAD
from gateway.session.replay import ReplayWindow

_COUNTER = Struct(">I")
_NONCE = Struct("<4xQ")
_TAG_BYTES = 16
OVERHEAD = _COUNTER.size + _TAG_BYTES  # bytes a message is longer than its plaintext


class SendCipher:
    """Encrypts one direction of a session; the counter never repeats and never goes back."""

    __slots__ = ("_aead", "counter")

    def __init__(self, key: bytes) -> None:
        self._aead = ChaCha20Poly1305(key)
        self.counter = 0  # of the next message

    @property
    def exhausted(self) -> bool:
        """True when every counter has been used and the session must be renewed."""
        return self.counter > MAX_NONCE

    def encrypt(self, plaintext: bytes) -> bytes:
        """Return the message for `plaintext`, up to MAX_PAYLOAD bytes together with its overhead.

        Raises:
            SessionError: Reason.SESSION when the counter is used up, Reason.OVERSIZED.
        """
        if self.exhausted:
            raise SessionError(Reason.SESSION, "every counter of this session has been used")
        if len(plaintext) > MAX_PAYLOAD - OVERHEAD:
            raise SessionError(Reason.OVERSIZED, f"{len(plaintext)} bytes of plaintext")
        counter = self.counter
        self.counter = counter + 1
        return _COUNTER.pack(counter) + self._aead.encrypt(_NONCE.pack(counter), plaintext, None)


class ReceiveCipher:
    """Decrypts one direction of a session, in any order inside the window, each message once."""

    __slots__ = ("_aead", "window")

    def __init__(self, key: bytes) -> None:
        self._aead = ChaCha20Poly1305(key)
        self.window = ReplayWindow()

    def decrypt(self, message: bytes) -> bytes:
        """Return the plaintext of `message`; nothing changes unless it is authentic.

        Raises:
            SessionError: Reason.SESSION for anything that is not authentic, Reason.DUPLICATE for a
                message of this session seen before or older than the window, Reason.OVERSIZED.
        """
        if len(message) < OVERHEAD:
            raise SessionError(Reason.SESSION, f"{len(message)} bytes are no message")
        if len(message) > MAX_PAYLOAD:
            raise SessionError(Reason.OVERSIZED, f"{len(message)} bytes of ciphertext")
        (counter,) = _COUNTER.unpack_from(message)
        if counter > MAX_NONCE:
            raise SessionError(Reason.SESSION, "counter out of range")
        # First the tag, then the window: a counter seen before means a replay only under the same key.
        try:
            plaintext = self._aead.decrypt(_NONCE.pack(counter), message[_COUNTER.size :], None)
        except InvalidTag:
            raise SessionError(Reason.SESSION, "message is not authentic") from None
        if not self.window.fresh(counter):
            raise SessionError(Reason.DUPLICATE, f"counter {counter}")
        self.window.accept(counter)
        return plaintext
