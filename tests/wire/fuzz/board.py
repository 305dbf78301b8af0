"""Fuzz target: a board post or tombstone."""

from gateway.errors import DecodeError
from gateway.wire.board import decode_board, encode_board


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass."""
    try:
        notice = decode_board(data)
    except DecodeError:
        return
    assert decode_board(encode_board(notice)) == notice
