"""Fuzz target: a reply block."""

from transports.betanet.errors import BetanetError
from transports.betanet.replies import decode_reply_block, encode_reply_block


def fuzz_one(data: bytes) -> None:
    """Let nothing but `BetanetError` pass."""
    try:
        block = decode_reply_block(data)
    except BetanetError:
        return
    assert encode_reply_block(block) == data
