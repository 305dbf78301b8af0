"""Fuzz target: the first message of a handshake."""

from transports.betanet.errors import BetanetError
from transports.betanet.handshake import FIRST_MESSAGE, Handshake, Secrets


def fuzz_one(data: bytes) -> None:
    """Let nothing but `BetanetError` pass."""
    for pattern in FIRST_MESSAGE.values():
        responder = Handshake(pattern, Secrets(b"s" * 32, b"e" * 32), prologue=b"", remote_static=None)
        try:
            responder.read(data)
        except BetanetError:
            assert not responder.finished
            continue
        assert responder.write()
