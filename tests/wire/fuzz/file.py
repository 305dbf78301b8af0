"""Fuzz target: a file transfer."""

from gateway.errors import DecodeError
from gateway.wire.file import decode_file, encode_file


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass."""
    try:
        file = decode_file(data)
    except DecodeError:
        return
    assert decode_file(encode_file(file)) == file
