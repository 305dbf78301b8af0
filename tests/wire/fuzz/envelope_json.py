"""Fuzz target: an envelope in JSON, passed on in every encoding."""

from gateway.errors import DecodeError
from gateway.wire.envelope import Encoding, decode, encode


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass."""
    try:
        envelope = decode(data, Encoding.JSON)
    except DecodeError:
        return
    assert decode(encode(envelope, Encoding.JSON), Encoding.JSON) == envelope
    for encoding in Encoding:
        assert decode(encode(envelope, encoding), encoding).body == envelope.body
