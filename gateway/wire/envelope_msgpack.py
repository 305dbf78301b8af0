"""The envelope as MessagePack: one map from field number to value. The fast encoding."""

from typing import Final

import msgpack

from gateway.limits import MAX_ENVELOPE_UNKNOWN, MAX_SITES_SEEN
from gateway.wire.envelope_schema import (
    FIELDS,
    Encoding,
    Envelope,
    Foreign,
    Unknown,
    assemble,
    is_free_number,
    is_value,
    malformed,
    row,
)

# Twice what the schema allows, so that a little too much is refused as oversized by the
# schema, and a lot is refused before anything of a declared length is allocated.
_ARRAY_LEN: Final = 2 * MAX_SITES_SEEN
_MAP_LEN: Final = 2 * (len(FIELDS) + MAX_ENVELOPE_UNKNOWN)
_SLOTS: Final = tuple((field.number, field.default) for field in FIELDS)
_NUMBERS: Final = tuple(field.number for field in FIELDS)


def encode(envelope: Envelope) -> bytes:
    """Return the MessagePack form; raises `ValueError` for an envelope no site would accept."""
    known = dict(zip(_NUMBERS, row(envelope), strict=True))
    if not envelope.unknown:
        return _pack(known)
    pairs = [_pack(number) + _pack(value) for number, value in known.items()]
    for field in envelope.unknown:
        if isinstance(field, Unknown):
            pairs.append(_pack(field.number) + _pack(field.value))
        elif field.encoding is Encoding.MSGPACK:
            pairs.append(field.data)
    head: bytes = msgpack.Packer().pack_map_header(len(pairs))
    return head + b"".join(pairs)


def decode(data: bytes) -> Envelope:
    """Return the envelope in `data`; raises `DecodeError` (ENVELOPE or OVERSIZED)."""
    try:
        fields = msgpack.unpackb(
            data,
            use_list=False,
            strict_map_key=False,
            max_array_len=_ARRAY_LEN,
            max_map_len=_MAP_LEN,
            max_ext_len=0,
        )
        if type(fields) is not dict:
            raise malformed("not a map")
        values = [fields.pop(number, default) for number, default in _SLOTS]
        return assemble(values, [_unknown(key, value) for key, value in fields.items()] if fields else ())
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise malformed(f"not MessagePack: {error}") from None


def _unknown(key: object, value: object) -> Unknown | Foreign:
    if is_free_number(key) and is_value(value):
        return Unknown(key, value)  # type: ignore[arg-type]
    return Foreign(Encoding.MSGPACK, _pack(key) + _pack(value))


def _pack(value: object) -> bytes:
    packed: bytes = msgpack.packb(value)
    return packed
