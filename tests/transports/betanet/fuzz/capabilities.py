"""Fuzz target: CapMsg and SelMsg."""

from transports.betanet.capabilities import decode_capabilities, decode_selection, encode_capabilities, encode_selection
from transports.betanet.errors import BetanetError


def fuzz_one(data: bytes) -> None:
    """Let nothing but `BetanetError` pass."""
    for decode, encode in ((decode_capabilities, encode_capabilities), (decode_selection, encode_selection)):
        try:
            value = decode(data)
        except BetanetError:
            continue
        assert encode(value) == data
