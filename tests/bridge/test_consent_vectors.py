"""Real deposits, made by the rules of the iPhone's app, enter one gateway's radio and leave another's."""

import json

import pytest

from gateway.bridge.place import Place
from gateway.errors import Reason
from gateway.limits import EVENT_AGE_S, MAX_TTL
from gateway.testing.bridging import carrier
from gateway.wire.carrier import Direction, decode_carrier
from gateway.wire.envelope import Kind
from gateway.wire.nostr import decode_event
from gateway.wire.packet import decode, peek
from gateway.wire.types import MessageType
from tests.bridge.islands import CELL, TURN_S, crossings, drops, islands, put_down
from tests.bridge.sites import Author, Sites, known_identities, vectors

IDENTITIES = known_identities()
CARRIERS = {vector["direction"]: vector for vector in vectors("bridge") if vector["kind"] == "nostr_carrier" and "direction" in vector}
PRESENCE = next(vector for vector in vectors("bridge") if vector["kind"] == "bridge_presence")


def golden(way: str, **options: object) -> tuple[Sites, bytes]:
    """Two linked islands at the time of a golden deposit, whose recipient is the first gateway, and the deposit."""
    frame = bytes.fromhex(CARRIERS[way]["packet_wire"])
    header = peek(frame)
    sites = islands("A", "B", identities={"A": IDENTITIES[CARRIERS[way]["packet_recipient"]]}, **options)
    sites.set_clock(header.timestamp_ms / 1000 + 1)
    sites.join("A", "B")
    sites.radio("A", Author(IDENTITIES[header.sender_id.hex()], header.timestamp_ms - 5_000).announce("alice"))
    return sites, frame


def test_a_golden_deposit_leaves_the_other_islands_radio_as_a_correct_from_bridge() -> None:
    sites, frame = golden("toBridge")
    sites.radio("A", frame)
    sites.run(TURN_S)
    (left,) = [other for other in sites["B"].air if other[1] == MessageType.NOSTR_CARRIER]
    header, packet = peek(left), decode(left)
    assert (header.sender_id, header.ttl, header.version) == (sites["B"].engine.site_id, MAX_TTL, 1)
    assert header.recipient_id is None
    assert not header.has_signature
    stated = CARRIERS["toBridge"]
    deposited, put = decode_carrier(bytes.fromhex(stated["payload"])), decode_carrier(packet.payload)
    assert (put.direction, put.geohash, put.event) == (Direction.FROM_BRIDGE, CELL, deposited.event)
    assert sites["B"].engine.consent.carriers.people(sites.now) == 1
    assert put_down(sites["A"]) == []


def test_a_golden_channel_message_leaves_the_other_islands_radio_as_a_correct_from_gateway() -> None:
    channel = CARRIERS["toGateway"]["geohash"]
    sites, frame = golden("toGateway", place=Place(CELL, frozenset({channel})))
    sites.radio("A", frame)
    sites.run(TURN_S)
    (left,) = [other for other in sites["B"].air if other[1] == MessageType.NOSTR_CARRIER]
    put = decode_carrier(decode(left).payload)
    assert (put.direction, put.geohash) == (Direction.FROM_GATEWAY, channel)
    assert put.event == decode_carrier(bytes.fromhex(CARRIERS["toGateway"]["payload"])).event


def test_a_golden_deposit_whose_packet_was_altered_on_the_way_is_refused() -> None:
    sites, frame = golden("toBridge")
    broken = bytearray(frame)
    broken[-1] ^= 1
    sites.radio("A", bytes(broken))
    sites.run(TURN_S)
    assert sites["A"].engine.mesh.status(sites.now).drops[Reason.SIGNATURE] == 1
    assert crossings(sites, Kind.EVENT) == []


def test_a_golden_deposit_is_too_old_a_quarter_of_an_hour_later() -> None:
    sites, frame = golden("toBridge")
    event = decode_event(decode_carrier(bytes.fromhex(CARRIERS["toBridge"]["payload"])).event)
    sites.set_clock(event.created_at + EVENT_AGE_S + 1)
    late = Author(IDENTITIES[peek(frame).sender_id.hex()], int((event.created_at + EVENT_AGE_S) * 1000))
    sites.radio("A", late.signed(MessageType.NOSTR_CARRIER, decode(frame).payload, sites["A"].engine.site_id))
    assert drops(sites["A"]) == {Reason.EXPIRED: 1}
    assert crossings(sites, Kind.EVENT) == []


@pytest.mark.parametrize("way", ["fromBridge", "fromGateway"])
def test_a_golden_copy_on_the_radio_is_believed_and_never_carried(way: str) -> None:
    frame = bytes.fromhex(CARRIERS[way]["packet_wire"])
    sites = islands("A", "B")
    sites.set_clock(peek(frame).timestamp_ms / 1000 + 1)
    sites.join("A", "B")
    sites.radio("A", frame)
    sites.run(TURN_S)
    assert drops(sites["A"]) == {}
    assert crossings(sites, Kind.EVENT) == []


def test_a_golden_presence_crosses_and_stays_off_the_radio() -> None:
    event = PRESENCE["event"]
    sites = islands("A", "B", identities={"A": IDENTITIES["ce73e28a6e817b3e"]})
    sites.set_clock(event["created_at"])
    sites.join("A", "B")
    author = Author(IDENTITIES["ddae23b6b3451d61"], event["created_at"] * 1000)
    sites.radio("A", author.announce())
    payload = carrier(Direction.TO_BRIDGE, CELL, decode_event(json.dumps(event).encode()))
    sites.radio("A", author.signed(MessageType.NOSTR_CARRIER, payload, sites["A"].engine.site_id))
    sites.run(TURN_S)
    assert len(crossings(sites, Kind.EVENT)) == 1
    assert put_down(sites["B"]) == []
    assert sites["B"].engine.consent.carriers.people(sites.now) == 1
