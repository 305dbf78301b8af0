"""Fuzz target: a declared size (4 bytes) and a stream that may keep to it."""

from gateway.errors import DecodeError
from gateway.wire.deflate import inflate


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass."""
    size = int.from_bytes(data[:4])
    try:
        out = inflate(data[4:], size)
    except DecodeError:
        return
    assert len(out) == size
