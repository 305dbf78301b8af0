"""The envelope in the Protobuf wire format of docs/protocol/envelope.md (proto3).

    tag = field number << 3 | wire type      varint, little groups of 7 bits first
    0 varint   1 eight bytes   2 length and bytes   5 four bytes

Written like the reference encoders: fields in order of their number, defaults left out.
Groups (wire types 3 and 4) are obsolete and refused.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_SITES_SEEN
from gateway.wire.envelope_schema import (
    FIELD_NUMBER_END,
    FIELDS,
    U64_END,
    Encoding,
    Envelope,
    FieldType,
    Foreign,
    Scalar,
    Unknown,
    assemble,
    malformed,
    row,
)

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5
MAX_VARINT: Final = 10  # bytes

_WIRE_TYPES: Final = {
    FieldType.BYTES: BYTES,
    FieldType.UINT: VARINT,
    FieldType.KIND: VARINT,
    FieldType.BYTES_LIST: BYTES,
}
_BY_NUMBER: Final = {field.number: field for field in FIELDS}


class Record(NamedTuple):
    """One field as it stands on the wire; `raw` includes the tag."""

    number: int
    wire_type: int
    value: Scalar
    raw: bytes


def encode(envelope: Envelope) -> bytes:
    """Return the Protobuf form; raises `ValueError` for an envelope no site would accept."""
    parts: list[bytes] = []
    for field, value in zip(FIELDS, row(envelope), strict=True):
        if value != field.default:
            _put(parts, field.number, value)
    for item in envelope.unknown:
        if isinstance(item, Unknown):
            _put(parts, item.number, item.value)
        elif item.encoding is Encoding.PROTOBUF:
            parts.append(item.data)
    return b"".join(parts)


def decode(data: bytes) -> Envelope:
    """Return the envelope in `data`; raises `DecodeError` (ENVELOPE or OVERSIZED)."""
    known: dict[int, object] = {}
    seen: list[Scalar] = []
    newer: dict[int, list[Scalar]] = {}
    foreign: list[Foreign] = []
    for record in records(data):
        field = _BY_NUMBER.get(record.number)
        if field is None:
            if record.wire_type in (VARINT, BYTES):
                _collect(newer.setdefault(record.number, []), record.value)
            else:
                foreign.append(Foreign(Encoding.PROTOBUF, record.raw))
        elif record.wire_type != _WIRE_TYPES[field.type]:
            raise malformed(f"{field.name} has the wrong wire type")
        elif field.type is FieldType.BYTES_LIST:
            _collect(seen, record.value)
            known[record.number] = tuple(seen)
        else:
            known[record.number] = record.value
    unknown = [Unknown(number, tuple(items) if len(items) > 1 else items[0]) for number, items in newer.items()]
    return assemble([known.get(field.number, field.default) for field in FIELDS], [*unknown, *foreign])


def _collect(items: list[Scalar], value: Scalar) -> None:
    if len(items) >= MAX_SITES_SEEN:
        raise DecodeError(Reason.OVERSIZED, "too many values in a list")
    items.append(value)


def records(data: bytes) -> Iterator[Record]:
    """Yield the fields of a message in order; raises `DecodeError` (ENVELOPE)."""
    offset = 0
    while offset < len(data):
        start = offset
        tag, offset = read_varint(data, offset)
        number, wire_type = tag >> 3, tag & 7
        if not 0 < number < FIELD_NUMBER_END:
            raise malformed("field number out of range")
        value: Scalar
        if wire_type == VARINT:
            value, offset = read_varint(data, offset)
        else:
            if wire_type == BYTES:
                size, offset = read_varint(data, offset)
            elif wire_type in (FIXED64, FIXED32):
                size = 8 if wire_type == FIXED64 else 4
            else:
                raise malformed(f"wire type {wire_type}")
            if size > len(data) - offset:
                raise malformed("a field runs past the end")
            value = data[offset : offset + size]
            offset += size
        yield Record(number, wire_type, value, data[start:offset])


def read_varint(data: bytes, offset: int) -> tuple[int, int]:
    """Return an unsigned integer below 2^64 and the offset after it; raises `DecodeError` (ENVELOPE)."""
    value = 0
    for index, byte in enumerate(data[offset : offset + MAX_VARINT]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            if value >= U64_END:
                break
            return value, offset + index + 1
    raise malformed("varint too long or cut off")


def write_varint(value: int) -> bytes:
    """Return the shortest varint of an unsigned integer."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _put(parts: list[bytes], number: int, value: object) -> None:
    if isinstance(value, tuple):
        for item in value:
            _put(parts, number, item)
    elif isinstance(value, bytes):
        parts += (write_varint(number << 3 | BYTES), write_varint(len(value)), value)
    elif isinstance(value, int):
        parts += (write_varint(number << 3 | VARINT), write_varint(value))
