"""Fuzz target: a Nostr event."""

from gateway.errors import DecodeError
from gateway.wire.nostr import decode_event, encode_event


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass."""
    try:
        event = decode_event(data)
    except DecodeError:
        return
    assert decode_event(encode_event(event)) == event
