"""What a carried event must look like, before anybody pays for its signature.

    service      deposited as   put down as    kind            names its place in
    bridge       toBridge       fromBridge     20000, 20001    tag r, a cell
    channels     toGateway      fromGateway    20000           tag g, a geohash channel

Everything here is cheap; the order of the checks is upstream's: decode, then structure,
kind, tag and age. Source: BitChat iOS BridgeService.swift, GatewayService.swift.
"""

from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from gateway.errors import DecodeError, Reason
from gateway.limits import EVENT_AGE_S, MAX_BRIDGE_TEXT, MAX_CARRIER_JSON
from gateway.wire.carrier import Direction, NostrCarrier, decode_carrier, encode_carrier
from gateway.wire.envelope_schema import PACKET_ID
from gateway.wire.nostr import MESSAGE_KIND, PRESENCE_KIND, NostrEvent, decode_event, encode_event

UP: Final = {Direction.TO_BRIDGE: Direction.FROM_BRIDGE, Direction.TO_GATEWAY: Direction.FROM_GATEWAY}
"""The ways up, each with the way down of the same service."""

DOWN: Final = {down: up for up, down in UP.items()}

_PLACE_TAG: Final = {Direction.TO_BRIDGE: "r", Direction.TO_GATEWAY: "g"}
_KINDS: Final = {Direction.TO_BRIDGE: frozenset({MESSAGE_KIND, PRESENCE_KIND}), Direction.TO_GATEWAY: frozenset({MESSAGE_KIND})}


@dataclass(frozen=True, slots=True)
class Carried:
    """An event of the right shape; whether its author signed it is not known yet.

    Args:
        event: what the author says.
        way: the way up of its service.
        place: its cell or channel.

    """

    event: NostrEvent
    way: Direction
    place: str

    @property
    def identifier(self) -> bytes:
        """The name of the event between sites: the first 16 bytes of its ID."""
        return bytes.fromhex(self.event.event_id)[:PACKET_ID]

    @property
    def signer(self) -> bytes:
        """Its author's public key."""
        return bytes.fromhex(self.event.pubkey)

    @property
    def is_message(self) -> bool:
        """Whether it is something to read; a presence only says that somebody is there."""
        return self.event.kind == MESSAGE_KIND

    @property
    def hint(self) -> bytes:
        """The stable ID of the radio message it says it is a copy of, empty without one.

        Anybody can copy the tag, so it says at most that this event need not be shown.
        """
        tag = self.event.tag("m") if self.way is Direction.TO_BRIDGE else None
        return tag[0].encode() if tag else b""

    def is_fresh(self, wall_ms: int) -> bool:
        """Say whether phones would still take it."""
        return abs(wall_ms / 1000 - self.event.created_at) <= EVENT_AGE_S

    def seconds_left(self, wall_ms: int) -> float:
        """Return for how many seconds phones would still take it, negative if they do not."""
        return self.event.created_at + EVENT_AGE_S - wall_ms / 1000

    def payload(self, direction: Direction) -> bytes:
        """Return the carrier payload; the event's JSON is written anew, so that nothing unsigned comes along."""
        return encode_carrier(NostrCarrier(direction, self.place, encode_event(self.event)))


def examine(payload: bytes, wall_ms: int) -> Carried:
    """Return the event in a carrier on its way up.

    Args:
        payload: of the carrier packet.
        wall_ms: milliseconds since the epoch.

    Raises:
        DecodeError: it is none, or not one of ours (FIELD, CELL, TEXT, TLV, OVERSIZED), or too old or
            too early (EXPIRED, WINDOW).

    """
    carrier = decode_carrier(payload)
    if carrier.direction not in UP:
        raise DecodeError(Reason.FIELD, "only a deposit may be directed")
    return _check(Carried(decode_event(carrier.event), carrier.direction, carrier.geohash), wall_ms)


def examine_copy(payload: bytes, wall_ms: int) -> Carried:
    """Return the event in a carrier that some gateway put on the radio; raises as `examine` does."""
    carrier = decode_carrier(payload)
    if carrier.direction not in DOWN:
        raise DecodeError(Reason.FIELD, "a deposit must be directed")
    return _check(Carried(decode_event(carrier.event), DOWN[carrier.direction], carrier.geohash), wall_ms)


def examine_event(data: bytes, near: Container[str], channels: Container[str], wall_ms: int) -> Carried:
    """Return an event that a relay brings, which names its place itself: in its first tag `r`, or else in its first tag `g`.

    Args:
        data: the JSON object.
        near: the cells served.
        channels: the channels served.
        wall_ms: milliseconds since the epoch.

    Raises:
        DecodeError: as `examine`, and CELL for a place that is not served.

    """
    event = decode_event(data)
    for way, served in ((Direction.TO_BRIDGE, near), (Direction.TO_GATEWAY, channels)):
        tag = event.tag(_PLACE_TAG[way])
        if tag and tag[0] in served:
            if len(encode_event(event)) > MAX_CARRIER_JSON:
                raise DecodeError(Reason.OVERSIZED, "longer than a carrier packet holds")
            return _check(Carried(event, way, tag[0]), wall_ms)
    raise DecodeError(Reason.CELL, "a place that is not served")


def _check(carried: Carried, wall_ms: int) -> Carried:
    event = carried.event
    if event.kind not in _KINDS[carried.way]:
        raise DecodeError(Reason.FIELD, "a kind that is not carried")
    if (_PLACE_TAG[carried.way], carried.place) not in {tag[:2] for tag in event.tags}:
        raise DecodeError(Reason.CELL, "the event does not name the carrier's place")
    if carried.is_message:
        if not event.content.strip():
            raise DecodeError(Reason.FIELD, "nothing to read")
        if len(event.content.encode()) > MAX_BRIDGE_TEXT:
            raise DecodeError(Reason.OVERSIZED, "longer than a public message")
    elif event.content:
        raise DecodeError(Reason.FIELD, "a presence says nothing")
    if not carried.is_fresh(wall_ms):
        raise DecodeError(Reason.EXPIRED if event.created_at * 1000 < wall_ms else Reason.WINDOW, "not of this quarter of an hour")
    return carried
