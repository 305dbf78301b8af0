"""LIONESS: a cipher over a whole payload, in which every bit depends on every other.

    key 192   HKDF-SHA256(ikm payload key 48, no salt, info "betanet-gw sphinx lioness v1") = k1 32 | k2 64 | k3 32 | k4 64
    L         the first 32 bytes; R the rest
    seal      R ^= ChaCha20(L ^ k1);  L ^= BLAKE2b-256(R, key k2);  R ^= ChaCha20(L ^ k3);  L ^= BLAKE2b-256(R, key k4)
    open      the same steps backwards

ChaCha20 with a nonce of zeros and the counter at 0; BLAKE2b keyed, with 32 bytes of output.

Source: Anderson and Biham, "Two practical and provably secure block ciphers: BEAR and LION", 1996. Katzenpost's Sphinx
has AEZ in this place, which no Python package offers.
"""

from hashlib import blake2b
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from transports.betanet.keys import hkdf

PAYLOAD_KEY_BYTES: Final = 48
_LEFT: Final = 32
_INFO: Final = b"betanet-gw sphinx lioness v1"
_KEY_BYTES: Final = 192
_NONCE: Final = bytes(16)


class Lioness:
    """The cipher of one payload key of 48 bytes; payloads have more than 32 bytes."""

    __slots__ = ("_k1", "_k2", "_k3", "_k4")

    def __init__(self, payload_key: bytes) -> None:
        key = hkdf(payload_key, b"", _INFO, _KEY_BYTES)
        self._k1, self._k2, self._k3, self._k4 = key[:32], key[32:96], key[96:128], key[128:]

    def seal(self, payload: bytes) -> bytes:
        """Return the payload encrypted; it stays as long as it is."""
        left, right = payload[:_LEFT], payload[_LEFT:]
        right = _streamed(_xor(left, self._k1), right)
        left = _xor(left, _hashed(self._k2, right))
        right = _streamed(_xor(left, self._k3), right)
        return _xor(left, _hashed(self._k4, right)) + right

    def open(self, payload: bytes) -> bytes:
        """Return the payload decrypted; nothing tells whether the key was right."""
        left, right = payload[:_LEFT], payload[_LEFT:]
        left = _xor(left, _hashed(self._k4, right))
        right = _streamed(_xor(left, self._k3), right)
        left = _xor(left, _hashed(self._k2, right))
        return left + _streamed(_xor(left, self._k1), right)


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one) ^ int.from_bytes(other)).to_bytes(len(one))


def _streamed(key: bytes, data: bytes) -> bytes:
    return Cipher(ChaCha20(key, _NONCE), mode=None).encryptor().update(data)


def _hashed(key: bytes, data: bytes) -> bytes:
    return blake2b(data, key=key, digest_size=_LEFT).digest()
