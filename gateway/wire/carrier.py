"""Nostr carrier 0x28: a finished, signed Nostr event on its way over the radio.

    01 direction, u8   02 geohash cell, 1-12   03 event JSON, 1-16,384

    1 toGateway    directed, signed       2 fromGateway  broadcast without recipient field
    3 toBridge     directed, signed       4 fromBridge   broadcast without recipient field

All three TLVs are required; lengths have two bytes, unknown TLVs are skipped, nothing may
follow the last one. The event is not parsed here: `gateway.wire.nostr` does, and whoever
acts on an event must check its signature (`gateway.wire.nostr_signing`). Source: BitChat iOS
NostrCarrierPacket.swift.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_CARRIER_JSON, MAX_GEOHASH
from gateway.wire import fields
from gateway.wire.tlv import read_tlv16, tlv16

_DIRECTION: Final = 0x01
_GEOHASH: Final = 0x02
_EVENT: Final = 0x03


class Direction(IntEnum):
    """Which way, and for which of the two services, an event travels."""

    TO_GATEWAY = 1
    FROM_GATEWAY = 2
    TO_BRIDGE = 3
    FROM_BRIDGE = 4


_DIRECTIONS: Final = {int(direction): direction for direction in Direction}


@dataclass(frozen=True, slots=True)
class NostrCarrier:
    """An event (its JSON, byte for byte) and the geohash cell it belongs to."""

    direction: Direction
    geohash: str
    event: bytes


def decode_carrier(payload: bytes) -> NostrCarrier:
    """Return the carrier in `payload`; raises `DecodeError` (TLV, TEXT, FIELD or OVERSIZED)."""
    tlvs = dict(read_tlv16(payload))
    direction = _DIRECTIONS.get(fields.unsigned(fields.need(tlvs, _DIRECTION, "direction"), 1, "direction"))
    geohash = fields.text(fields.at_most(fields.need(tlvs, _GEOHASH, "geohash"), MAX_GEOHASH, "geohash"), "geohash")
    event = fields.at_most(fields.need(tlvs, _EVENT, "event"), MAX_CARRIER_JSON, "event")
    if not event or not fields.is_geohash(geohash, MAX_GEOHASH):
        raise DecodeError(Reason.FIELD, "event or geohash")
    return NostrCarrier(fields.required(direction, "a known direction"), geohash, event)


def encode_carrier(carrier: NostrCarrier) -> bytes:
    """Return the payload; raises `ValueError` for a wrong geohash or an event of 0 or over 16,384 bytes."""
    fields.check(ok=fields.is_geohash(carrier.geohash, MAX_GEOHASH), what="not a geohash")
    fields.check(ok=0 < len(carrier.event) <= MAX_CARRIER_JSON, what="event of 1 to 16,384 bytes")
    return tlv16(_DIRECTION, bytes((carrier.direction,))) + tlv16(_GEOHASH, carrier.geohash.encode()) + tlv16(_EVENT, carrier.event)
