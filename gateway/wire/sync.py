"""REQUEST_SYNC (0x21): "this is what I have; send me the rest".

Source: BitChat iOS RequestSyncPacket.swift, SyncTypeFlags.swift. A TLV16 list:

    type  length  value
    01    1       P of the filter, 1 to 32
    02    4       M of the filter, above 0
    03    0-1024  the filter's data
    04    1-8     packet types asked for, a bit set, little-endian    optional
    05    8       ms since the epoch, the time the filter reaches back to    optional
    06    -1024   fragment IDs asked for, 16 hex digits each, comma-separated, at most 60    optional

As in the apps, an optional entry that is malformed counts as absent, and an unknown one is skipped.
"""

from dataclasses import dataclass
from typing import Final

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_SYNC_FILTER, MAX_SYNC_FRAGMENT_IDS
from gateway.wire.gcs import MAX_P, GcsFilter
from gateway.wire.tlv import read_tlv16, tlv16
from gateway.wire.types import MessageType

_P: Final = 1
_M: Final = 2
_DATA: Final = 3
_TYPES: Final = 4
_SINCE: Final = 5
_FRAGMENT_IDS: Final = 6

_BITS: Final[dict[int, int]] = {
    kind: bit
    for bit, kind in enumerate(
        (
            MessageType.ANNOUNCE,
            MessageType.MESSAGE,
            MessageType.LEAVE,
            MessageType.NOISE_HANDSHAKE,
            MessageType.NOISE_ENCRYPTED,
            MessageType.FRAGMENT,
            MessageType.REQUEST_SYNC,
            MessageType.FILE,
            MessageType.BOARD,
            MessageType.PREKEYS,
            MessageType.GROUP,
        )
    )
}
DEFAULT_TYPES: Final = 0b11
"""What a request without types asks for: announces and messages."""


@dataclass(frozen=True, slots=True)
class RequestSync:
    """What somebody has (`filter`) and wants to have (the rest of it)."""

    filter: GcsFilter
    types: int | None = None  # bit set by `type_bit`; None: `DEFAULT_TYPES`
    since_ms: int | None = None
    fragment_ids: tuple[bytes, ...] | None = None  # 8 bytes each, 1 to 60


def type_bit(message_type: int) -> int | None:
    """The number (not the mask) of a packet type's bit in `types`; None for a type that is never synced."""
    return _BITS.get(message_type)


def decode_request_sync(payload: bytes) -> RequestSync:
    """The request in a packet of type 0x21. Raises `DecodeError`: TLV, FIELD, FILTER."""
    entries = dict(read_tlv16(payload))
    p, m, data = (entries.get(kind, b"") for kind in (_P, _M, _DATA))
    if len(p) != 1 or len(m) != 4 or _DATA not in entries:
        raise DecodeError(Reason.FIELD, "no filter")
    if not 1 <= p[0] <= MAX_P or m == bytes(4) or len(data) > MAX_SYNC_FILTER:
        raise DecodeError(Reason.FILTER, f"P {p[0]}, M {m.hex()}, {len(data)} bytes")
    types, since = entries.get(_TYPES, b""), entries.get(_SINCE, b"")
    return RequestSync(
        filter=GcsFilter(p[0], int.from_bytes(m), data),
        types=int.from_bytes(types, "little") if 1 <= len(types) <= 8 else None,
        since_ms=int.from_bytes(since) if len(since) == 8 else None,
        fragment_ids=_decode_fragment_ids(entries.get(_FRAGMENT_IDS, b"")),
    )


def _decode_fragment_ids(value: bytes) -> tuple[bytes, ...] | None:
    if len(value) > MAX_SYNC_FILTER:  # so there is room for `MAX_SYNC_FRAGMENT_IDS` and not one more
        return None
    found: dict[bytes, None] = {}
    for token in value.split(b","):
        try:
            fragment_id = bytes.fromhex(token.decode("ascii"))
        except ValueError:
            continue
        if len(token) == 16 and len(fragment_id) == 8:
            found[fragment_id] = None
    return tuple(found) or None


def encode_request_sync(request: RequestSync) -> bytes:
    """The payload of a packet of type 0x21.

    Raises ValueError for a filter or fragment IDs that a receiver would refuse.
    """
    gcs = request.filter
    if not 1 <= gcs.p <= MAX_P or not 1 <= gcs.m <= 0xFFFFFFFF or len(gcs.data) > MAX_SYNC_FILTER:
        raise ValueError(f"filter with P {gcs.p}, M {gcs.m}, {len(gcs.data)} bytes")
    parts = [tlv16(_P, bytes((gcs.p,))), tlv16(_M, gcs.m.to_bytes(4)), tlv16(_DATA, gcs.data)]
    if request.types is not None:
        size = max(1, (request.types.bit_length() + 7) // 8)
        if size > 8:
            raise ValueError(f"types {request.types:#x}")
        parts.append(tlv16(_TYPES, request.types.to_bytes(size, "little")))
    if request.since_ms is not None:
        parts.append(tlv16(_SINCE, request.since_ms.to_bytes(8)))
    if request.fragment_ids is not None:
        ids = request.fragment_ids
        if not 1 <= len(ids) <= MAX_SYNC_FRAGMENT_IDS or any(len(fragment_id) != 8 for fragment_id in ids):
            raise ValueError(f"{len(ids)} fragment IDs")
        parts.append(tlv16(_FRAGMENT_IDS, b",".join(fragment_id.hex().encode() for fragment_id in ids)))
    return b"".join(parts)
