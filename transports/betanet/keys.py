"""The keys of one direction of a channel, generation after generation, and their nonces.

Both versions begin with one of the two keys that the Noise handshake leaves behind (`Split`): the first for what
the initiator sends, the second for what the responder sends. The texts would take them from the TLS exporter
instead, and then whoever ends TLS reads everything; here the exporter only goes into the prologue (see `binding`).

    1.1    key    = K                                       K the key from Split, 32 bytes
           salt   = HKDF(ikm K, salt "ns", info "", 12)
           next K = HKDF(ikm K, salt "next", info handshake hash, 64)[:32]
    1.2    key    = Expand(T, "betanet key", 32)            T the key from Split
           salt   = Expand(T, "betanet nonce", 12)
           next T = Expand(T, "betanet next", 32)
    both   nonce  = salt XOR (u64 little-endian counter || 4 zero bytes), the counter from 0 in every generation

HKDF is RFC 5869 with SHA-256, Expand its second step.

Source: BetaNet 1.1, section 5.3; 1.2 draft, sections 8.3, 8.4.5 and Appendix C.
"""

from dataclasses import dataclass, field
from typing import Final, Protocol

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

KEY_BYTES: Final = 32
SALT_BYTES: Final = 12


def hkdf(secret: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    """Return `size` bytes of HKDF-SHA256, both steps; an empty salt means 32 zero bytes, as in RFC 5869."""
    return HKDF(SHA256(), size, salt or None, info).derive(secret)


def expand(secret: bytes, info: bytes, size: int) -> bytes:
    """Return `size` bytes of HKDF-SHA256's second step."""
    return HKDFExpand(SHA256(), size, info).derive(secret)


def nonce(salt: bytes, counter: int) -> bytes:
    """Return the 12-byte nonce of the frame with this number, 0 to 2^64 - 1."""
    return (int.from_bytes(salt, "little") ^ counter).to_bytes(SALT_BYTES, "little")


class Generation(Protocol):
    """The key and salt in use in one direction, and how the next ones follow from them."""

    @property
    def key(self) -> bytes:
        """32 bytes for ChaCha20-Poly1305."""

    @property
    def salt(self) -> bytes:
        """12 bytes that every nonce is made from."""

    def following(self) -> "Generation":
        """Return what is in use after KEY_UPDATE."""


@dataclass(frozen=True, slots=True)
class Generation11:
    """Keys of 1.1, from a key of `Split` and the handshake hash (32 bytes each)."""

    key: bytes = field(repr=False)
    handshake_hash: bytes

    @property
    def salt(self) -> bytes:
        """12 bytes that every nonce is made from."""
        return hkdf(self.key, b"ns", b"", SALT_BYTES)

    def following(self) -> "Generation11":
        """Return what is in use after KEY_UPDATE."""
        return Generation11(hkdf(self.key, b"next", self.handshake_hash, 2 * KEY_BYTES)[:KEY_BYTES], self.handshake_hash)


@dataclass(frozen=True, slots=True)
class Generation12:
    """Keys of the 1.2 draft, from a traffic secret of 32 bytes: a key of `Split`."""

    secret: bytes = field(repr=False)

    @property
    def key(self) -> bytes:
        """32 bytes for ChaCha20-Poly1305."""
        return expand(self.secret, b"betanet key", KEY_BYTES)

    @property
    def salt(self) -> bytes:
        """12 bytes that every nonce is made from."""
        return expand(self.secret, b"betanet nonce", SALT_BYTES)

    def following(self) -> "Generation12":
        """Return what is in use after KEY_UPDATE."""
        return Generation12(expand(self.secret, b"betanet next", KEY_BYTES))
