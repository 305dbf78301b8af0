"""Fuzz target: a courier envelope."""

from gateway.errors import DecodeError
from gateway.wire.courier import decode_courier, encode_courier


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass."""
    try:
        envelope = decode_courier(data)
    except DecodeError:
        return
    assert decode_courier(encode_courier(envelope)) == envelope
