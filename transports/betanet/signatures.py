"""Ed25519 signatures, of keys that belong to somebody.

A key of small order has signatures that anybody can make without it: 64 zero bytes can be one. The library takes them,
so they are refused here before it is asked.
"""

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from transports.betanet.errors import BetanetError, Fault

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
_P: Final = 2**255 - 19
# The y coordinates of all points of small order; 0 and 1 also as they are spelled unreduced.
_ORDER_8: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL: Final = frozenset(y.to_bytes(32, "little") for y in (0, 1, _P - 1, _P, _P + 1, _ORDER_8, _P - _ORDER_8))


def check_signature(public_key: bytes, signature: bytes, signed: bytes, fault: Fault = Fault.AUTH_FAILED) -> None:
    """Refuse what the owner of an Ed25519 public key (32 bytes) has not signed.

    Raises:
        BetanetError: `fault` for a wrong signature, and for a key that has no owner.
    """
    # The topmost bit is the sign of x, and points of small order come with both.
    owned = len(public_key) == KEY_BYTES and public_key[:31] + bytes((public_key[31] & 0x7F,)) not in _SMALL
    try:
        if owned:
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signed)
    except (InvalidSignature, ValueError):
        owned = False
    if not owned:
        raise BetanetError(fault, "signature does not fit")
