"""Fuzz target: a run of fragment payloads (2 bytes of length each) into one assembler."""

from gateway.errors import DecodeError
from gateway.wire.fragment import Assembler, decode_fragment


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass."""
    assembler = Assembler()
    while data:
        end = 2 + int.from_bytes(data[:2])
        payload, data = data[2:end], data[end:]
        try:
            assembler.add(b"sender--", decode_fragment(payload), 0.0)
        except DecodeError:
            continue
    assembler.expire(1e9)
    assert len(assembler) == assembler.bytes == 0
