"""Fuzz target: a ping or pong."""

from gateway.errors import DecodeError
from gateway.wire.ping import decode_ping, encode_ping


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass."""
    try:
        ping = decode_ping(data)
    except DecodeError:
        return
    assert decode_ping(encode_ping(ping)) == ping
