"""Fuzz target: deterministic CBOR."""

from transports.betanet.detcbor import decode_cbor, encode_cbor
from transports.betanet.errors import BetanetError


def fuzz_one(data: bytes) -> None:
    """Let nothing but `BetanetError` pass."""
    try:
        value = decode_cbor(data)
    except BetanetError:
        return
    assert encode_cbor(value) == data
