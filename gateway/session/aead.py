"""Authenticated encryption for things at rest: backups, spooled mail, keys.

    byte 0       0xA1: this format, version 1
    byte 1       algorithm: 1 AES-256-GCM, 2 ChaCha20-Poly1305
    bytes 2-9    key ID: SHA-256("meshgate-seal-key" || algorithm || key)[:8]
    bytes 10-21  nonce
    rest         ciphertext || 16-byte tag

The first ten bytes and the caller's associated data are authenticated with the ciphertext, so a
blob opens only with its key, in its format, and in the place it was sealed for.

Nonces: 96 random bits for each blob, because a counter would have to survive crashes and restored
backups, and one repeat would give the key's authenticity away. Random ones stay safe for 2^32 blobs
under one key (NIST SP 800-38D, section 8.3); a sealer stops there. Use a key for one purpose, and
a new key when a purpose restarts.
"""

from collections.abc import Callable
from enum import IntEnum
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from gateway.errors import SealError
from gateway.limits import MAX_SEALED_PER_KEY

FORMAT: Final = 0xA1
KEY_BYTES: Final = 32
KEY_ID_BYTES: Final = 8
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
_NONCE_AT: Final = 2 + KEY_ID_BYTES
_SEALED_AT: Final = _NONCE_AT + NONCE_BYTES
OVERHEAD: Final = _SEALED_AT + TAG_BYTES  # bytes a blob is longer than its plaintext


class Algorithm(IntEnum):
    """How a blob is encrypted; the numbers are written into it."""

    AES_256_GCM = 1  # fast where the processor has AES instructions (Raspberry Pi 5)
    CHACHA20_POLY1305 = 2  # fast everywhere


def new_cipher(algorithm: Algorithm, key: bytes) -> AESGCM | ChaCha20Poly1305:
    """Return the cipher object of a 32-byte key.

    Raises:
        ValueError: a key of another size, an unknown algorithm.
    """
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
    return AESGCM(key) if Algorithm(algorithm) is Algorithm.AES_256_GCM else ChaCha20Poly1305(key)


def key_id_of(blob: bytes) -> bytes:
    """Return the 8-byte ID of the key that opens a blob.

    Raises:
        SealError: these bytes are no blob of this format.
    """
    if len(blob) < OVERHEAD:
        raise SealError(f"{len(blob)} bytes are too short for sealed data")
    if blob[0] != FORMAT:
        raise SealError(f"unknown sealed format 0x{blob[0]:02x}")
    return blob[2:_NONCE_AT]


class Sealer:
    """Seals and opens blobs with one key.

    Args:
        key: 32 secret bytes.
        randbytes: a cryptographic source of random bytes; every blob takes 12.
        algorithm: for sealing and for opening, a blob of the other one is of another key.

    Attributes:
        key_id: 8 bytes that name the key and give nothing of it away.
        sealed: blobs sealed by this object; set it from a stored count when the key is older.

    Raises:
        ValueError: a key of another size.
    """

    __slots__ = ("_cipher", "_head", "_randbytes", "key_id", "sealed")

    def __init__(self, key: bytes, randbytes: Callable[[int], bytes], algorithm: Algorithm = Algorithm.CHACHA20_POLY1305) -> None:
        self._cipher = new_cipher(algorithm, key)
        self._randbytes = randbytes
        self.key_id = sha256(b"meshgate-seal-key" + bytes((algorithm,)) + key).digest()[:KEY_ID_BYTES]
        self._head = bytes((FORMAT, algorithm)) + self.key_id
        self.sealed = 0

    def seal(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """Return the blob for `plaintext`, tied to `associated_data`: what it is and where it belongs.

        Raises:
            ValueError: no associated data.
            SealError: the key has sealed as many blobs as it safely can.
        """
        if self.sealed >= MAX_SEALED_PER_KEY:
            raise SealError("this key has sealed all it may; use a new one")
        self.sealed += 1
        nonce = self._randbytes(NONCE_BYTES)
        return self._head + nonce + self._cipher.encrypt(nonce, plaintext, self._bound(associated_data))

    def open(self, blob: bytes, associated_data: bytes) -> bytes:
        """Return the plaintext of a blob sealed with this key and the same associated data.

        Raises:
            ValueError: no associated data.
            SealError: another key, altered, cut short, of another place or of an unknown format.
        """
        bound = self._bound(associated_data)
        key_id = key_id_of(blob)
        if blob[:_NONCE_AT] != self._head:
            raise SealError(f"sealed with algorithm {blob[1]} and key {key_id.hex()}, this is key {self.key_id.hex()}")
        try:
            return self._cipher.decrypt(blob[_NONCE_AT:_SEALED_AT], blob[_SEALED_AT:], bound)
        except InvalidTag:
            raise SealError("sealed data was altered, or belongs elsewhere") from None

    def _bound(self, associated_data: bytes) -> bytes:
        if not associated_data:
            raise ValueError("associated data must say what is sealed")
        return self._head + associated_data
