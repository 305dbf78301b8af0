"""One direction of a channel: sealing with a counter that never repeats, opening over a change of keys.

A sender changes its key after 65,536 frames, 8 GiB or an hour, whichever comes first. The frame with counter
65,536 can only be KEY_UPDATE, the last under the old key; what follows counts from 0 under the next.

A receiver that has opened KEY_UPDATE waits for the next key and still takes at most three frames under the old one,
until three frames have come in all. After that the old key opens nothing; for three more frames it is kept to tell
a late frame (OLD_KEY_FRAME) from a forged one (AUTH_FAILED), then it is forgotten. On an ordered link, as ours are,
no honest frame comes late. A second KEY_UPDATE within those three frames is refused, so that a sender with nothing to
say for an hour pads up to three frames before it.

Source: BetaNet 1.1, section 5.3; 1.2 draft, section 8.4.5.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from transports import limits
from transports.betanet.errors import BetanetError, Fault
from transports.betanet.keys import Generation, nonce

TAG_BYTES: Final = 16
OVERLAP_FRAMES: Final = 3  # after KEY_UPDATE, in which the old key still opens
NAMED_FRAMES: Final = 3  # after those, in which a frame under the old key is still recognised as one


class _Cipher:
    """A generation in use, and the counter of its next frame."""

    __slots__ = ("_aead", "_salt", "counter", "generation")

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        self._aead = ChaCha20Poly1305(generation.key)
        self._salt = generation.salt
        self.counter = 0

    def seal(self, header: bytes, plaintext: bytes) -> bytes:
        sealed = self._aead.encrypt(nonce(self._salt, self.counter), plaintext, header)
        self.counter += 1
        return sealed

    def open(self, header: bytes, sealed: bytes) -> bytes | None:
        try:
            plaintext = self._aead.decrypt(nonce(self._salt, self.counter), sealed, header)
        except InvalidTag:
            return None
        self.counter += 1
        return plaintext


class Sealer:
    """Seals what this side sends.

    Args:
        generation: the first keys of this direction.
        now: monotonic seconds.
    """

    __slots__ = ("_bytes", "_cipher", "_since", "_turned")

    def __init__(self, generation: Generation, now: float) -> None:
        self._cipher = _Cipher(generation)
        self._since = now
        self._bytes = 0
        self._turned = False

    @property
    def counter(self) -> int:
        """The number of the next frame in this generation."""
        return self._cipher.counter

    @property
    def due_at(self) -> float:
        """Monotonic seconds at which the key is an hour old."""
        return self._since + limits.HTX_REKEY_S

    @property
    def owed(self) -> int:
        """Frames that must go out under this key before KEY_UPDATE, because the receiver still takes the key before it."""
        return max(0, OVERLAP_FRAMES - self._cipher.counter) if self._turned else 0

    def due(self, now: float) -> bool:
        """True when the next frame must be KEY_UPDATE."""
        return self._cipher.counter >= limits.HTX_REKEY_FRAMES or self._bytes >= limits.HTX_REKEY_BYTES or now >= self.due_at

    def seal(self, header: bytes, plaintext: bytes) -> bytes:
        """Return ciphertext and tag of one frame; `header` is authenticated with it.

        Raises:
            BetanetError: INTERNAL_ERROR when the key has sealed all it may.
        """
        if self._cipher.counter >= limits.HTX_REKEY_FRAMES:
            raise BetanetError(Fault.INTERNAL_ERROR, "this key has sealed all it may")
        return self._sealed(header, plaintext)

    def turn(self, header: bytes, now: float) -> bytes:
        """Return ciphertext and tag of KEY_UPDATE under the old key; whatever follows is sealed with the next."""
        sealed = self._sealed(header, b"")
        self._cipher = _Cipher(self._cipher.generation.following())
        self._since = now
        self._bytes = 0
        self._turned = True
        return sealed

    def _sealed(self, header: bytes, plaintext: bytes) -> bytes:
        sealed = self._cipher.seal(header, plaintext)
        self._bytes += len(sealed)
        return sealed


class Opener:
    """Opens what the other side sends.

    Args:
        generation: the first keys of that direction.
    """

    __slots__ = ("_cipher", "_old", "_since_turn")

    def __init__(self, generation: Generation) -> None:
        self._cipher = _Cipher(generation)
        self._old: _Cipher | None = None
        self._since_turn = 0  # frames since KEY_UPDATE, while the old key is kept

    @property
    def turning(self) -> bool:
        """True from KEY_UPDATE until three frames later: another KEY_UPDATE must wait."""
        return self._old is not None and self._since_turn < OVERLAP_FRAMES

    def open(self, header: bytes, sealed: bytes, *, turns: bool = False) -> bytes:
        """Return the plaintext of one frame; `turns` says that its header calls it KEY_UPDATE.

        Raises:
            BetanetError: AUTH_FAILED for a frame that is not authentic, OLD_KEY_FRAME for one under a key that is
                over, FLOW_CONTROL_VIOLATION for a key that is not changed in time or changed twice at once.
        """
        if self._cipher.counter >= limits.HTX_REKEY_FRAMES and not turns:
            raise BetanetError(Fault.FLOW_CONTROL_VIOLATION, "the key had to be changed before this frame")
        if turns and self.turning:
            raise BetanetError(Fault.FLOW_CONTROL_VIOLATION, "a key update while another is under way")
        plaintext = self._opened(header, sealed)
        if turns:
            self._old = self._cipher
            self._since_turn = 0
            self._cipher = _Cipher(self._cipher.generation.following())
        return plaintext

    def _opened(self, header: bytes, sealed: bytes) -> bytes:
        plaintext = self._cipher.open(header, sealed)
        if self._old is not None:
            late = self._old.open(header, sealed) if plaintext is None else None
            if late is not None and not self.turning:
                raise BetanetError(Fault.OLD_KEY_FRAME)
            if late is not None:
                plaintext = late
            self._since_turn += 1
            if self._since_turn >= OVERLAP_FRAMES + NAMED_FRAMES:
                self._old = None
        if plaintext is None:
            raise BetanetError(Fault.AUTH_FAILED, "frame is not authentic")
        return plaintext
