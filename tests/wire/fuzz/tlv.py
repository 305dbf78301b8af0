"""Fuzz target: both TLV readers, and that their lists can be written again."""

from gateway.errors import DecodeError
from gateway.wire.tlv import read_tlv8, read_tlv16, tlv8, tlv16


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass."""
    for read, write in ((read_tlv8, tlv8), (read_tlv16, tlv16)):
        try:
            entries = list(read(data))
        except DecodeError:
            continue
        assert b"".join(write(kind, value) for kind, value in entries) == data
