"""Fuzz target: a Nostr carrier."""

from gateway.errors import DecodeError
from gateway.wire.carrier import decode_carrier, encode_carrier


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass."""
    try:
        carrier = decode_carrier(data)
    except DecodeError:
        return
    assert decode_carrier(encode_carrier(carrier)) == carrier
