"""Fuzz target: a Sphinx packet."""

from transports.betanet.errors import BetanetError
from transports.betanet.packets import MixHop, packet_bytes

PRIVATE = bytes.fromhex("df3f166fbdfb26c6c18635af1b5e7f2711f7122cabc7452a8c3803c1a38e845f")


def fuzz_one(data: bytes) -> None:
    """Let nothing but `BetanetError` pass."""
    try:
        MixHop(PRIVATE, payload=1_024).take(data)
    except BetanetError:
        return
    assert len(data) == packet_bytes(1_024)
