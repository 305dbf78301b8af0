"""Fuzz target: a live voice packet."""

from gateway.errors import DecodeError
from gateway.limits import MAX_VOICE_CONTENT
from gateway.wire.voice import decode_voice, encode_voice


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass."""
    try:
        burst = decode_voice(data)
    except DecodeError:
        return
    if len(data) <= MAX_VOICE_CONTENT:  # we write no longer ones
        assert decode_voice(encode_voice(burst)) == burst
