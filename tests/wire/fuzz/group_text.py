"""Fuzz target: the text in a group message."""

from gateway.errors import DecodeError
from gateway.wire.group import decode_group_text, encode_group_text


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass."""
    try:
        text = decode_group_text(data)
    except DecodeError:
        return
    assert decode_group_text(encode_group_text(text)) == text
