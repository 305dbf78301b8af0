"""BIP-340 Schnorr signatures over secp256k1, which Nostr events are signed with.

Keys are x-only public keys, 32 bytes; a signature has 64 bytes. The arithmetic is
libsecp256k1's. Source: BIP-340.
"""

from coincurve import PrivateKey, PublicKeyXOnly

_KEY = 32
_SIGNATURE = 64


def is_signed(message: bytes, signature: bytes, public_key: bytes) -> bool:
    """Tell whether `signature` (64 bytes) over `message` was made by the owner of `public_key` (32 bytes)."""
    if len(signature) != _SIGNATURE or len(public_key) != _KEY:
        return False
    try:
        return PublicKeyXOnly(public_key).verify(signature, message)
    except ValueError:
        return False  # no point of the curve has this coordinate


def sign(message: bytes, secret_key: bytes, fresh: bytes) -> bytes:
    """Return the 64-byte signature over `message` (32 bytes).

    Args:
        message: what is signed, normally a hash.
        secret_key: 32 bytes.
        fresh: 32 random bytes, which only make it harder to learn the key from watching the machine.

    Raises:
        ValueError: an argument of the wrong size, or no valid secret key.

    """
    if len(fresh) != _KEY:
        raise ValueError("fresh must be 32 bytes")
    return PrivateKey(secret_key).sign_schnorr(message, fresh)


def public_key_of(secret_key: bytes) -> bytes:
    """Return the x-only public key, 32 bytes, of a secret key; raises `ValueError` where it is none."""
    return PublicKeyXOnly.from_secret(secret_key).format()
