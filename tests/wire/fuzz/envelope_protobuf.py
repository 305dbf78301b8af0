"""Fuzz target: an envelope in Protobuf, passed on in every encoding."""

from gateway.errors import DecodeError
from gateway.wire.envelope import Encoding, decode, encode


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass."""
    try:
        envelope = decode(data, Encoding.PROTOBUF)
    except DecodeError:
        return
    assert decode(encode(envelope, Encoding.PROTOBUF), Encoding.PROTOBUF) == envelope
    for encoding in Encoding:
        assert decode(encode(envelope, encoding), encoding).body == envelope.body
