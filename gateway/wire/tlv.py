"""Type-length-value lists: a type byte, a length of one byte (TLV8) or two (TLV16, big-endian), the value.

Readers only cut; which types may repeat, which are needed and what an unknown one means belongs to
the format that uses them.
"""

from collections.abc import Iterator

from gateway.errors import DecodeError, Reason


def read_tlv8(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The (type, value) pairs of a TLV8 list. Raises `DecodeError` (TLV) where one runs past the end."""
    return _read(data, 1)


def read_tlv16(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The (type, value) pairs of a TLV16 list. Raises `DecodeError` (TLV) where one runs past the end."""
    return _read(data, 2)


def _read(data: bytes, width: int) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset < len(data):
        start = offset + 1 + width
        end = start + int.from_bytes(data[offset + 1 : start])
        if end > len(data):
            raise DecodeError(Reason.TLV, f"{len(data)} bytes, needs {end}")
        yield data[offset], data[start:end]
        offset = end


def tlv8(kind: int, value: bytes) -> bytes:
    """One TLV8 entry. Raises ValueError for more than 255 bytes."""
    return bytes((kind, len(value))) + value


def tlv16(kind: int, value: bytes) -> bytes:
    """One TLV16 entry. Raises ValueError for more than 65,535 bytes."""
    if len(value) > 0xFFFF:
        raise ValueError(f"value of {len(value)} bytes")
    return bytes((kind,)) + len(value).to_bytes(2) + value
