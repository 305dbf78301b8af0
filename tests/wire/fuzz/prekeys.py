"""Fuzz target: a prekey bundle."""

from gateway.errors import DecodeError
from gateway.wire.prekeys import decode_prekeys, encode_prekeys


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass."""
    try:
        bundle = decode_prekeys(data)
    except DecodeError:
        return
    assert decode_prekeys(encode_prekeys(bundle)) == bundle
