"""Fuzz target: a message of 1.2 frames."""

from transports.betanet.errors import BetanetError
from transports.betanet.frames12 import encode_header12, split_frames12


def fuzz_one(data: bytes) -> None:
    """Let nothing but `BetanetError` pass."""
    try:
        frames = split_frames12(data)
    except BetanetError:
        return
    headers = [encode_header12(frame.type, len(frame.sealed) - 16, frame.stream, frame.free) for frame in frames]
    assert b"".join(header + frame.sealed for header, frame in zip(headers, frames, strict=True)) == data
