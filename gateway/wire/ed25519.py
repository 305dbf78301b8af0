"""Check the Ed25519 signatures that payloads carry inside, besides the one of their packet."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def is_signed(message: bytes, signature: bytes, public_key: bytes) -> bool:
    """Tell whether `signature` (64 bytes) over `message` was made by the owner of `public_key` (32 bytes)."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
