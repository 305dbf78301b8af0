"""Who a node is: its two long-lived key pairs and the peer ID that follows from one of them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.wire.announce import peer_id_of


@dataclass(frozen=True)
class Identity:
    """A node's keys (spec section 1).

    Args:
        noise_private: X25519 private key, 32 bytes.
        signing_private: Ed25519 seed, 32 bytes, independent of the Noise key.

    """

    noise_private: bytes = field(repr=False)
    signing_private: bytes = field(repr=False)
    noise_public: bytes = field(init=False)
    signing_public: bytes = field(init=False)
    peer_id: bytes = field(init=False)
    signing_key: Ed25519PrivateKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        signing_key = Ed25519PrivateKey.from_private_bytes(self.signing_private)
        noise_public = X25519PrivateKey.from_private_bytes(self.noise_private).public_key().public_bytes_raw()
        derived = {
            "signing_key": signing_key,
            "signing_public": signing_key.public_key().public_bytes_raw(),
            "noise_public": noise_public,
            "peer_id": peer_id_of(noise_public),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    @classmethod
    def generate(cls, randbytes: Callable[[int], bytes]) -> "Identity":
        """Make a new identity from 64 bytes of `randbytes` (a cryptographic source, but in tests)."""
        return cls(noise_private=randbytes(32), signing_private=randbytes(32))
