"""Fuzz target: an announce."""

from gateway.errors import DecodeError
from gateway.wire.announce import decode_announce, encode_announce


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass."""
    try:
        announce = decode_announce(data)
    except DecodeError:
        return
    assert decode_announce(encode_announce(announce)) == announce
