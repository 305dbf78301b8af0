"""Fuzz target: the commands of a hop, as its MAC has vouched for them."""

from transports.betanet.errors import BetanetError
from transports.betanet.sphinx import _decode_commands


def fuzz_one(data: bytes) -> None:
    """Let nothing but `BetanetError` pass."""
    try:
        commands, following = _decode_commands(data.ljust(82, b"\0")[:82])
    except BetanetError:
        return
    assert following is None or (commands.recipient is None and len(following) == 64)
