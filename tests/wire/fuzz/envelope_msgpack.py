"""Fuzz target: an envelope in MessagePack, passed on in every encoding."""

from gateway.errors import DecodeError
from gateway.wire.envelope import Encoding, decode, encode


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass."""
    try:
        envelope = decode(data, Encoding.MSGPACK)
    except DecodeError:
        return
    assert decode(encode(envelope, Encoding.MSGPACK), Encoding.MSGPACK) == envelope
    for encoding in Encoding:
        assert decode(encode(envelope, encoding), encoding).body == envelope.body
