"""Fuzz target: what is inside a Noise message."""

from gateway.errors import DecodeError
from gateway.limits import MAX_VOICE_CONTENT
from gateway.wire.private import decode_noise_payload, encode_noise_payload
from gateway.wire.voice import VoiceBurst


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass."""
    try:
        value = decode_noise_payload(data)
    except DecodeError:
        return
    if not isinstance(value, VoiceBurst) or len(data) <= MAX_VOICE_CONTENT:  # we write no longer ones
        assert decode_noise_payload(encode_noise_payload(value)) == value
