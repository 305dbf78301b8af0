"""Fuzz target: what stands in a frame that is authentic: a byte for its type and stream, then the plaintext."""

from transports.betanet.channel import Channel
from transports.betanet.direction import Sealer
from transports.betanet.errors import BetanetError
from transports.betanet.frames import ON_STREAM, FrameType, encode_header
from transports.betanet.keys import Generation11

KEYS = Generation11(b"k" * 32, b"h" * 32), Generation11(b"q" * 32, b"h" * 32)


def fuzz_one(data: bytes) -> None:
    """Let nothing but `BetanetError` pass."""
    channel = Channel(*KEYS, initiator=True, now=0.0)
    channel.open_stream()
    sealer = Sealer(KEYS[1], 0.0)
    for at in range(0, len(data), 16):
        kind = FrameType(data[at] % len(FrameType))
        plaintext = data[at + 1 : at + 16]
        header = encode_header(kind, len(plaintext), data[at] // 8 if kind in ON_STREAM else None)
        try:
            channel.read(header + sealer.seal(header, plaintext), 0.0)
        except BetanetError:
            assert not channel.readable
            return
