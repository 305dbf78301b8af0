"""Fuzz target: a group message."""

from gateway.errors import DecodeError
from gateway.wire.group import decode_group_message, encode_group_message


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass."""
    try:
        message = decode_group_message(data)
    except DecodeError:
        return
    assert decode_group_message(encode_group_message(message)) == message
