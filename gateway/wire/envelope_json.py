"""The envelope as JSON: readable names, bytes as base64url without padding.

Fields of a newer version that came with a number are kept under "unknown", where a string
always is base64url. Names we do not know stay as they are, but leave JSON with nobody.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, NoReturn

from gateway.limits import MAX_SITES_SEEN
from gateway.wire.envelope_schema import (
    FIELDS,
    Encoding,
    Envelope,
    FieldType,
    Foreign,
    Kind,
    Scalar,
    Unknown,
    assemble,
    is_free_number,
    is_value,
    malformed,
    row,
)

_UNKNOWN: Final = "unknown"
_KIND_NAMES: Final = {int(kind): kind.name.lower() for kind in Kind}
_KINDS: Final = {name: number for number, name in _KIND_NAMES.items()}


def encode(envelope: Envelope) -> bytes:
    """Return the JSON form in UTF-8; raises `ValueError` for an envelope no site would accept."""
    members: list[str] = []
    for field, value in zip(FIELDS, row(envelope), strict=True):
        members.append(_member(field.name, _KIND_NAMES[envelope.kind] if field.type is FieldType.KIND else _to_json(value)))
    numbered = {str(item.number): _to_json(item.value) for item in envelope.unknown if isinstance(item, Unknown)}
    if numbered:
        members.append(_member(_UNKNOWN, numbered))
    members.extend(item.data.decode() for item in envelope.unknown if isinstance(item, Foreign) and item.encoding is Encoding.JSON)
    return ("{" + ",".join(members) + "}").encode()


def decode(data: bytes) -> Envelope:
    """Return the envelope in `data`; raises `DecodeError` (ENVELOPE or OVERSIZED)."""
    try:
        fields = json.loads(data.decode(), parse_constant=_refuse)
        if type(fields) is not dict:
            raise malformed("not an object")
        values = [_from_json(field.type, fields.pop(field.name)) if field.name in fields else field.default for field in FIELDS]
        unknown: list[Unknown | Foreign] = _numbered(fields.pop(_UNKNOWN, {}))
        unknown.extend(Foreign(Encoding.JSON, _member(name, value).encode()) for name, value in fields.items())
        return assemble(values, unknown)
    except (ValueError, RecursionError) as error:
        raise malformed(f"not JSON: {error}") from None


def _member(name: str, value: object) -> str:
    return f"{json.dumps(name)}:{json.dumps(value, separators=(',', ':'), allow_nan=False)}"


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _to_json(value: object) -> object:
    if isinstance(value, bytes):
        return urlsafe_b64encode(value).rstrip(b"=").decode()
    if isinstance(value, tuple):
        return [_to_json(item) for item in value]
    return value


def _from_json(kind: FieldType, value: object) -> object:
    if kind is FieldType.KIND:
        return _KINDS.get(value) if isinstance(value, str) else None
    if kind is FieldType.UINT:
        return value
    if kind is FieldType.BYTES_LIST and isinstance(value, list):
        return tuple(_bytes(item) for item in value)
    return _bytes(value)


def _bytes(text: object) -> bytes:
    if not isinstance(text, str):
        raise malformed("bytes must be base64url")
    value = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    # The decoder skips characters it does not know; there must be one spelling for one value.
    if urlsafe_b64encode(value).rstrip(b"=") != text.encode():
        raise malformed("bytes must be canonical base64url without padding")
    return value


def _numbered(fields: object) -> list[Unknown | Foreign]:
    if not isinstance(fields, dict) or len(fields) > MAX_SITES_SEEN:
        raise malformed("unknown must be a small object")
    kept: list[Unknown | Foreign] = []
    for name, value in fields.items():
        number = int(name) if name.isdecimal() and len(name) < 10 and name.isascii() else 0  # digits of 2^29
        if not is_free_number(number) or str(number) != name:
            raise malformed("unknown fields must have the number of no other field")
        items = tuple(_scalar(item) for item in value) if isinstance(value, list) else _scalar(value)
        if not is_value(items):
            raise malformed("unknown fields must be integers, bytes or short lists")
        kept.append(Unknown(number, items))
    return kept


def _scalar(value: object) -> Scalar:
    return value if type(value) is int else _bytes(value)
