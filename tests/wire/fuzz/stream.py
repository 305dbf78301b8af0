"""Fuzz target: a byte stream, cut into chunks whose length the first byte says."""

from gateway.wire.stream import StreamAssembler


def fuzz_one(data: bytes) -> None:
    """Let nothing pass at all: a stream has no errors, only bytes that are dropped."""
    step = 1 + data[0] if data else 1
    assembler = StreamAssembler()
    frames = [frame for start in range(1, len(data), step) for frame in assembler.feed(data[start : start + step], 0.0)]
    assert sum(map(len, frames)) + assembler.dropped + len(assembler) <= len(data)
