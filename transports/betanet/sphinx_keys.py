"""The keys of one hop of a Sphinx packet, and how the packet's group element changes from hop to hop.

    secret 160   Expand(X25519 secret, "katzenpost-kdf-v0-hkdf-sha256", 160)
                 = MAC key 32 | AES-256 key 32 | IV 16 | payload key 48 | blinding seed 32
    blinding     b = 32 bytes of ChaCha20 keystream (key: blinding seed, nonce of zeros, counter 0)
    next hop's group element = X25519(b, group element)

Source: Katzenpost's header, as its published vectors show it; Danezis and Goldberg, "Sphinx", 2009.
"""

from dataclasses import dataclass, field
from functools import reduce
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256, ChaCha20
from cryptography.hazmat.primitives.ciphers.modes import CTR

from transports.betanet.errors import BetanetError, Fault
from transports.betanet.keys import expand

_INFO: Final = b"katzenpost-kdf-v0-hkdf-sha256"
_NONCE: Final = bytes(16)


@dataclass(frozen=True, slots=True)
class HopKeys:
    """What a hop derives from its secret with a packet."""

    mac: bytes = field(repr=False)
    stream: bytes = field(repr=False)
    iv: bytes = field(repr=False)
    payload: bytes = field(repr=False)
    blinding: bytes = field(repr=False)  # the factor b, not its seed

    def keystream(self, size: int) -> bytes:
        """Return what the routing block is XORed with."""
        return Cipher(AES256(self.stream), CTR(self.iv)).encryptor().update(bytes(size))

    def blind(self, element: bytes) -> bytes:
        """Return a group element as the next hop sees it; raises `BetanetError` for one of small order."""
        return exchange(self.blinding, element)


def exchange(private: bytes, public: bytes) -> bytes:
    """Return X25519 of 32 and 32 bytes; raises `BetanetError` (AUTH_FAILED) for a public key of small order."""
    try:
        return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        raise BetanetError(Fault.AUTH_FAILED, "unusable group element") from None


def keys_of(secret: bytes) -> HopKeys:
    """Return the keys that follow from the X25519 secret of a hop and a packet."""
    keys = expand(secret, _INFO, 160)
    blinding = Cipher(ChaCha20(keys[128:], _NONCE), mode=None).encryptor().update(bytes(32))
    return HopKeys(keys[:32], keys[32:64], keys[64:80], keys[80:128], blinding)


def path_keys(ephemeral: bytes, publics: list[bytes]) -> tuple[bytes, list[HopKeys]]:
    """Return the first group element and the keys of every hop on a path.

    Raises:
        BetanetError: a hop's public key is unusable.
    """
    keys: list[HopKeys] = []
    for public in publics:
        # The hop will see the element after all blindings before it; the sender applies them to the secret.
        keys.append(keys_of(reduce(lambda secret, hop: hop.blind(secret), keys, exchange(ephemeral, public))))
    return X25519PrivateKey.from_private_bytes(ephemeral).public_key().public_bytes_raw(), keys
