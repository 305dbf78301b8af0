"""Real deposits among islands that are joined more than once, with two gateways on some of them, and everything played again."""

from random import Random

import pytest

from gateway.bridge.place import Place
from gateway.limits import EVENT_AGE_S, MAX_TTL
from gateway.mesh.identity import Identity
from gateway.testing.bridging import carrier
from gateway.wire.carrier import Direction, decode_carrier
from gateway.wire.envelope import Kind
from gateway.wire.nostr import decode_event
from gateway.wire.packet import decode, peek
from gateway.wire.types import MessageType
from tests.bridge.islands import CELL, crossings, enveloped, islands, put_down
from tests.bridge.relays import PublicRelay
from tests.bridge.sites import Author, Sites, known_identities, vectors

IDENTITIES = known_identities()
GOLDEN = {vector["direction"]: vector for vector in vectors("bridge") if vector["kind"] == "nostr_carrier" and "direction" in vector}
ISLANDS = ("AH", "BC", "D", "EF", "G")  # each letter is a gateway
RING = ("AB", "BD", "DE", "EG", "GA")
AGAIN = ("AC", "CD", "DF", "FG", "GH", "BE")  # the same islands joined a second time, and a chord
SETTLED_S = 15.0  # jitter, and the turns of two gateways


def archipelago(way: str) -> tuple[Sites, bytes]:
    """Five islands of seven gateways, of which A is the recipient of a golden deposit, and that deposit."""
    vector = GOLDEN[way]
    frame = bytes.fromhex(vector["packet_wire"])
    place = Place(CELL, frozenset({vector["geohash"]}))
    sites = islands(*"ABCDEFGH", identities={"A": IDENTITIES[vector["packet_recipient"]]}, place=place)
    sites.set_clock(peek(frame).timestamp_ms / 1000 + 1)
    for island in ISLANDS:
        if len(island) == 2:
            sites.near(*island)
    for a, b in (*RING, *AGAIN):
        sites.join(a, b)
    author = Author(IDENTITIES[peek(frame).sender_id.hex()], peek(frame).timestamp_ms - 5_000)
    for name in ISLANDS[0]:
        sites.radio(name, author.announce("alice"))
    return sites, frame


def said_on_the_radio(frame: bytes) -> bytes:
    """The public message the golden deposit is a copy of, as its author's phone said it."""
    event = decode_event(decode_carrier(decode(frame).payload).event)
    _stable, sender, timestamp_ms = event.tag("m") or ("", "", "0")
    return Author(IDENTITIES[sender], int(timestamp_ms) - 1).say(event.content)


def copies(sites: Sites) -> list[int]:
    """How many copies were put on the radio of each island."""
    return [sum(len(put_down(sites[name])) for name in island) for island in ISLANDS]


def replay(sites: Sites, frame: bytes) -> None:
    """Play everything again: the deposit, the envelopes from every side, and what was put on the radio."""
    carried = decode_carrier(decode(frame).payload)
    event = decode_event(carried.event)
    for name in ISLANDS[0]:
        sites.radio(name, frame)
    for a, b in [pair for one in (*RING, *AGAIN) for pair in (one, one[::-1])]:
        for origin in (b"somebody", sites[b].engine.site_id):
            sites.from_site(a, b, enveloped(event, origin, way=carried.direction, cell=carried.geohash))
    stranger = Author(Identity.generate(Random(8).randbytes), peek(frame).timestamp_ms)
    down = {Direction.TO_BRIDGE: Direction.FROM_BRIDGE, Direction.TO_GATEWAY: Direction.FROM_GATEWAY}[carried.direction]
    for name in sites.sites:
        for put in [one for one in sites[name].air if one[1] == MessageType.NOSTR_CARRIER]:
            for other in sites.sites:
                sites.radio(other, put)
        sites.radio(name, stranger.bare(MessageType.NOSTR_CARRIER, carrier(down, carried.geohash, event)))


@pytest.mark.parametrize("relays", [0, 2], ids=["sites alone", "sites and two relays"])
def test_a_golden_deposit_makes_one_copy_on_each_island_of_a_ring_joined_twice(relays: int) -> None:
    sites, frame = archipelago("toBridge")
    public = [PublicRelay(sites, *sites.sites, place=f"relay{number}.example") for number in range(relays)]
    for name in ISLANDS[0]:
        sites.radio(name, said_on_the_radio(frame))
    sites.radio("A", frame)
    sites.run(SETTLED_S)
    assert copies(sites) == [0, 1, 1, 1, 1]
    assert len(crossings(sites, Kind.EVENT)) <= 2 * len((*RING, *AGAIN))
    event = decode_event(decode_carrier(decode(frame).payload).event)
    assert [relay.published for relay in public] == [[event]] * relays
    for island in ("BC", "EF"):  # both wanted to, and one was quicker
        assert sum(sites[name].engine.consent.carriers.counts["left_to_others"] for name in island) == 1
    for _ in range(4):
        replay(sites, frame)
        for relay in public:
            relay.bring(event)
        sites.run(EVENT_AGE_S / 5)
    assert copies(sites) == [0, 1, 1, 1, 1]
    assert len(crossings(sites, Kind.EVENT)) <= 2 * len((*RING, *AGAIN))
    assert [relay.published for relay in public] == [[event]] * relays


def test_a_golden_channel_message_makes_one_copy_on_each_island_of_a_ring_joined_twice() -> None:
    sites, frame = archipelago("toGateway")
    sites.radio("A", frame)
    sites.run(SETTLED_S)
    # It is no copy of something said on the radio, so the other gateway of its own island puts it down for its neighbours.
    assert copies(sites) == [1, 1, 1, 1, 1]
    assert put_down(sites["A"]) == []
    replay(sites, frame)
    sites.run(EVENT_AGE_S)
    assert copies(sites) == [1, 1, 1, 1, 1]


def test_every_copy_is_a_correct_from_bridge_of_the_golden_event() -> None:
    sites, frame = archipelago("toBridge")
    for name in ISLANDS[0]:
        sites.radio(name, said_on_the_radio(frame))
    sites.radio("A", frame)
    sites.run(SETTLED_S)
    deposited = decode_carrier(bytes.fromhex(GOLDEN["toBridge"]["payload"]))
    for name, site in sites.sites.items():
        for left in [one for one in site.air if one[1] == MessageType.NOSTR_CARRIER and peek(one).sender_id == site.engine.site_id]:
            header, put = peek(left), decode_carrier(decode(left).payload)
            assert (header.ttl, header.recipient_id, header.has_signature) == (MAX_TTL, None, False), name
            assert (put.direction, put.geohash, put.event) == (Direction.FROM_BRIDGE, CELL, deposited.event), name


def test_without_the_radio_message_the_other_gateway_of_the_authors_island_makes_one_copy_at_most() -> None:
    sites, frame = archipelago("toBridge")
    sites.radio("A", frame)
    sites.run(SETTLED_S)
    replay(sites, frame)
    sites.run(EVENT_AGE_S)
    assert copies(sites)[0] <= 1
    assert copies(sites)[1:] == [1, 1, 1, 1]
