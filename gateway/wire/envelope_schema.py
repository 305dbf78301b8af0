"""What travels between sites: the envelope, its one schema table and its rules of shape.

The table drives all three encodings. Adding a field means one line in `FIELDS`, one in
`Envelope`, one in `assemble` and one in docs/protocol/envelope.md. A new field must be an
unsigned integer below 2^64, bytes, or a list of either, because only these cross from one
encoding to another through a site that does not know the field.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum
from typing import Final, NamedTuple

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_ENVELOPE_UNKNOWN, MAX_ENVELOPE_UNKNOWN_BYTES, MAX_FRAME, MAX_SITES_SEEN

PACKET_ID: Final = 16  # bytes
SITE_ID: Final = 8  # bytes
U64_END: Final = 1 << 64
_UINT: Final = 8  # bytes an integer counts for
FIELD_NUMBER_END: Final = 1 << 29  # Protobuf has no room for more


class Encoding(StrEnum):
    """How an envelope is written."""

    MSGPACK = "msgpack"
    JSON = "json"
    PROTOBUF = "protobuf"


class Kind(IntEnum):
    """What the body of an envelope is."""

    FRAME = 1  # one BitChat packet as it came over the air
    PRESENCE = 2  # a greeting: the kinds of envelopes a site understands, one byte each
    EVENT = 3  # a carrier payload as its author deposited it for the bridge
    OFFER = 4  # packet IDs of the events a site keeps, 16 bytes each
    WANT = 5  # those it lacks of an offer
    FEDERATION = 6  # a message about the federation itself (`gateway.wire.federation`)
    MAIL = 7  # a courier envelope for somebody who is at the other site
    NEWS = 8  # what became of such letters: a byte and a name of 16 for each
    MESSAGE = 64  # what one program says to another; between programs, from 64 on, and never sent to a gateway
    RECEIPT = 65  # which of these another program has taken


BETWEEN_PROGRAMS: Final = frozenset({Kind.MESSAGE, Kind.RECEIPT})


class FieldType(Enum):
    """How a field is written."""

    BYTES = "bytes"
    UINT = "uint64"
    KIND = "Kind"
    BYTES_LIST = "repeated bytes"


class Field(NamedTuple):
    """One line of the schema; an absent field has its default."""

    number: int
    name: str
    type: FieldType
    default: object


FIELDS: Final = (
    Field(1, "packet_id", FieldType.BYTES, b""),
    Field(2, "kind", FieldType.KIND, 0),
    Field(3, "origin", FieldType.BYTES, b""),
    Field(4, "seen", FieldType.BYTES_LIST, ()),
    Field(5, "created_ms", FieldType.UINT, 0),
    Field(6, "expires_ms", FieldType.UINT, 0),
    Field(7, "body", FieldType.BYTES, b""),
)
NUMBERS: Final = frozenset(field.number for field in FIELDS)

Scalar = int | bytes
Value = Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """A field of a newer version that every encoding can carry."""

    number: int
    value: Value


@dataclass(frozen=True, slots=True)
class Foreign:
    """A field that only the encoding it came in can carry, ready to be written again."""

    encoding: Encoding
    data: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """One thing a site tells another, with the sites that have it already.

    `packet_id` is the 16-byte gossip ID, `origin` and `seen` are 8-byte site IDs, times are
    Unix milliseconds. `unknown` holds what a newer version wrote and we pass on.
    """

    packet_id: bytes
    kind: Kind
    origin: bytes
    seen: tuple[bytes, ...]
    created_ms: int
    expires_ms: int
    body: bytes
    unknown: tuple[Unknown | Foreign, ...] = ()


def malformed(detail: str) -> DecodeError:
    """Return the error for an envelope that does not follow its schema."""
    return DecodeError(Reason.ENVELOPE, detail)


def assemble(values: Sequence[object], unknown: Sequence[Unknown | Foreign]) -> Envelope:
    """Return the envelope made of decoded values in schema order; raises `DecodeError` (ENVELOPE or OVERSIZED)."""
    packet_id, kind, origin, seen, created_ms, expires_ms, body = values
    if type(packet_id) is not bytes or len(packet_id) != PACKET_ID:
        raise malformed("packet_id must be 16 bytes")
    if type(kind) is not int or kind not in _KINDS:
        raise malformed("kind must be known")
    if type(origin) is not bytes or len(origin) != SITE_ID:
        raise malformed("origin must be 8 bytes")
    if type(created_ms) is not int or not 0 <= created_ms < U64_END:
        raise malformed("created_ms must be an unsigned 64-bit integer")
    if type(expires_ms) is not int or not 0 <= expires_ms < U64_END:
        raise malformed("expires_ms must be an unsigned 64-bit integer")
    if type(body) is not bytes:
        raise malformed("body must be bytes")
    if len(body) > MAX_FRAME:
        raise DecodeError(Reason.OVERSIZED, "body longer than any packet")
    if unknown and (len(unknown) > MAX_ENVELOPE_UNKNOWN or sum(map(_weight, unknown)) > MAX_ENVELOPE_UNKNOWN_BYTES):
        raise DecodeError(Reason.OVERSIZED, "too much in unknown fields")
    return Envelope(packet_id, _KINDS[kind], origin, _sites(seen), created_ms, expires_ms, body, tuple(unknown))


_KINDS: Final = {int(kind): kind for kind in Kind}


def _sites(seen: object) -> tuple[bytes, ...]:
    if type(seen) is bytes:
        # A site that did not know the field may have turned a list of one into its only value.
        seen = (seen,)
    if not isinstance(seen, tuple):
        raise malformed("seen must be a list")
    if len(seen) > MAX_SITES_SEEN:
        raise DecodeError(Reason.OVERSIZED, "too many sites in seen")
    for site in seen:
        if type(site) is not bytes or len(site) != SITE_ID:
            raise malformed("a site ID must be 8 bytes")
    return seen


def _weight(field: Unknown | Foreign) -> int:
    if isinstance(field, Foreign):
        return len(field.data)
    items = field.value if isinstance(field.value, tuple) else (field.value,)
    return sum(len(item) if isinstance(item, bytes) else _UINT for item in items)


def is_value(value: object) -> bool:
    """Tell whether every encoding can carry `value`."""
    if isinstance(value, tuple):
        return 0 < len(value) <= MAX_SITES_SEEN and all(_is_scalar(item) for item in value)
    return _is_scalar(value)


def _is_scalar(value: object) -> bool:
    return type(value) is bytes or (type(value) is int and 0 <= value < U64_END)


def is_free_number(number: object) -> bool:
    """Tell whether `number` can belong to a field of a newer version."""
    return type(number) is int and 0 < number < FIELD_NUMBER_END and number not in NUMBERS


def row(envelope: Envelope) -> tuple[object, ...]:
    """Return the known values in schema order; raises `ValueError` for what no site would accept."""
    values = (
        envelope.packet_id,
        int(envelope.kind),
        envelope.origin,
        envelope.seen,
        envelope.created_ms,
        envelope.expires_ms,
        envelope.body,
    )
    try:
        assemble(values, envelope.unknown)
    except DecodeError as error:
        raise ValueError(str(error)) from error
    return values
