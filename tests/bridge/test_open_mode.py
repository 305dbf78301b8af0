"""What crosses in open mode, what does not, and what never comes back."""

from dataclasses import replace
from random import Random

import pytest

from gateway.bridge.engine import BridgeMode
from gateway.bridge.provenance import Provenance
from gateway.bridge.sites import Site as SiteLink
from gateway.bridge.sites import Sites as SiteTable
from gateway.errors import Reason
from gateway.limits import (
    HISTORY_LIFETIME_S,
    MAX_CATCH_UP_BYTES,
    MAX_PEERS,
    MAX_PROVENANCE,
    MAX_SITES,
    MAX_SITES_SEEN,
    ORIGIN_BURST,
    PROVENANCE_LIFETIME_S,
    REINJECT_TTL,
    REMOTE_PEER_REACHABLE_S,
    SITE_BURST,
)
from gateway.mesh.effects import PublicMessage
from gateway.mesh.identity import Identity
from gateway.wire import envelope as wire
from gateway.wire.packet import as_sync_answer, packet_id, peek, with_ttl
from gateway.wire.types import MessageType
from tests.bridge.sites import EPOCH, RADIO, Author, Sites
from transports.link import LinkId


@pytest.fixture
def ada() -> Author:
    return Author(Identity.generate(Random(1).randbytes))


@pytest.fixture
def ben() -> Author:
    return Author(Identity.generate(Random(2).randbytes))


@pytest.fixture
def two() -> Sites:
    sites = Sites("A", "B")
    sites.join("A", "B")
    return sites


def test_a_public_message_of_an_announced_author_crosses(two: Sites, ada: Author) -> None:
    two.radio("A", ada.announce())
    frame = ada.say("hello over there")
    two.radio("A", frame)
    assert two["B"].heard(MessageType.MESSAGE) == [with_ttl(frame, REINJECT_TTL)]
    assert [notice.text for notice in two["B"].notices if isinstance(notice, PublicMessage)] == ["hello over there"]


def test_nothing_crosses_while_the_bridge_is_off(ada: Author) -> None:
    sites = Sites("A", "B", mode=BridgeMode.OFF)
    sites.join("A", "B")
    sites.radio("A", ada.announce())
    sites.radio("A", ada.say("stay here"))
    assert sites["B"].heard(MessageType.MESSAGE) == sites["B"].heard(MessageType.ANNOUNCE) == []
    assert len(sites.crossings) == 2  # both greetings, which carry no packet


def test_a_site_whose_bridge_is_off_takes_nothing_in(two: Sites, ada: Author) -> None:
    two["B"].engine.mode = BridgeMode.OFF
    two.radio("A", ada.announce())
    assert two["B"].heard(MessageType.ANNOUNCE) == []
    assert two["B"].engine.drops[Reason.BRIDGE_OFF] == 1


def test_a_message_of_an_unknown_author_does_not_cross(two: Sites, ada: Author) -> None:
    two.radio("A", ada.say("who am I?"))
    assert two["B"].heard(MessageType.MESSAGE) == []


def test_a_message_with_a_broken_signature_does_not_cross(two: Sites, ada: Author) -> None:
    two.radio("A", ada.announce())
    frame = bytearray(ada.say("forged"))
    frame[-1] ^= 1
    two.radio("A", bytes(frame))
    assert two["B"].heard(MessageType.MESSAGE) == []


def test_the_far_site_verifies_for_itself(two: Sites, ada: Author) -> None:
    two.radio("A", ada.announce())
    frame = bytearray(ada.say("slipped past"))
    frame[-1] ^= 1
    two.from_site("B", "A", enveloped(bytes(frame), two["A"].engine.site_id))
    assert two["B"].heard(MessageType.MESSAGE) == []


def test_an_unsigned_packet_of_a_type_that_must_be_signed_does_not_cross(two: Sites, ada: Author) -> None:
    two.radio("A", ada.announce())
    two.radio("A", ada.bare(MessageType.MESSAGE, b"not signed"))
    assert two["B"].heard(MessageType.MESSAGE) == []


def test_housekeeping_between_neighbours_stays_on_its_island(two: Sites, ada: Author) -> None:
    two.radio("A", ada.announce())
    crossed = len(two.crossings)
    two.radio("A", ada.signed(MessageType.NOSTR_CARRIER, b"", bytes(8)))
    two.radio("A", ada.signed(MessageType.ANNOUNCE_V2, b"later"))
    assert len(two.crossings) == crossed
    assert two["A"].engine.drops[Reason.NOT_BRIDGEABLE] == 2


def test_a_solicited_sync_answer_is_not_bridged_with_its_flag(two: Sites, ada: Author) -> None:
    two.from_site("B", "A", enveloped(as_sync_answer(ada.announce()), two["A"].engine.site_id))
    assert two["B"].engine.drops[Reason.NOT_BRIDGEABLE] == 1


def test_what_a_phone_says_while_its_link_is_down_crosses_when_it_answers_our_request(two: Sites, ada: Author) -> None:
    two.radio("A", ada.announce())
    frame = ada.say("said out of reach")
    two.now = 300.0  # too old for the air by now
    two["A"].engine.mesh._links.get(RADIO).asked_at = two.now
    two.radio("A", as_sync_answer(frame))
    assert [notice.text for notice in two["B"].notices if isinstance(notice, PublicMessage)] == ["said out of reach"]
    (kept,) = two["B"].engine.mesh.kept(two.now)
    assert kept.frame == with_ttl(frame, 0)  # as its author sent it: the mark of the answer is gone
    assert two["A"].engine.drops[Reason.NOT_BRIDGEABLE] == 0


def test_what_a_phone_said_while_its_link_was_down_reaches_a_site_that_links_up_later(ada: Author) -> None:
    sites = Sites("A", "B")
    sites.radio("A", ada.announce())
    frame = ada.say("said out of reach")
    sites["A"].engine.mesh._links.get(RADIO).asked_at = sites.now
    sites.radio("A", as_sync_answer(frame))
    sites.join("A", "B")
    assert [notice.text for notice in sites["B"].notices if isinstance(notice, PublicMessage)] == ["said out of reach"]


def test_a_sealed_packet_crosses_to_the_site_of_its_recipient_only(ada: Author, ben: Author) -> None:
    sites = Sites("A", "B", "C")
    for pair in (("A", "B"), ("A", "C"), ("B", "C")):
        sites.join(*pair)
    sites.radio("A", ada.announce("ada"))
    sites.radio("B", ben.announce("ben"))
    frame = ada.bare(MessageType.NOISE_ENCRYPTED, bytes(40), ben.identity.peer_id)
    sites.radio("A", frame)
    assert sites["B"].heard(MessageType.NOISE_ENCRYPTED) == [with_ttl(frame, REINJECT_TTL)]
    assert sites["C"].heard(MessageType.NOISE_ENCRYPTED) == []


def test_a_sealed_packet_for_somebody_on_the_same_island_stays(two: Sites, ada: Author, ben: Author) -> None:
    two.radio("A", ada.announce())
    two.radio("A", ben.announce())
    crossed = len(two.crossings)
    two.radio("A", ada.bare(MessageType.NOISE_ENCRYPTED, bytes(40), ben.identity.peer_id))
    assert len(two.crossings) == crossed


def test_a_sealed_packet_for_nobody_anybody_knows_stays(two: Sites, ada: Author) -> None:
    two.radio("A", ada.announce())
    two.radio("A", ada.bare(MessageType.NOISE_HANDSHAKE, bytes(32), b"nobody!!"))
    assert two["A"].engine.drops[Reason.UNKNOWN_RECIPIENT] == 1


def test_a_sealed_packet_of_somebody_without_a_verified_announce_stays(two: Sites, ada: Author, ben: Author) -> None:
    two.radio("B", ben.announce())
    two.radio("A", ada.bare(MessageType.NOISE_HANDSHAKE, bytes(32), ben.identity.peer_id))
    assert two["A"].engine.drops[Reason.UNKNOWN_SENDER] == 1
    assert two["B"].heard(MessageType.NOISE_HANDSHAKE) == []


def test_unsigned_packets_have_a_budget_per_sender_on_both_sides(two: Sites, ada: Author, ben: Author) -> None:
    two.radio("A", ada.announce())
    two.radio("B", ben.announce())
    frames = [ada.bare(MessageType.PING, index.to_bytes(9), ben.identity.peer_id) for index in range(int(ORIGIN_BURST) + 20)]
    for frame in frames:
        two.radio("A", frame)
    assert len(two["B"].heard(MessageType.PING)) == ORIGIN_BURST
    assert two["A"].engine.drops[Reason.BUDGET] == 20
    rogue = ada.bare(MessageType.PING, b"rogue ping", ben.identity.peer_id)
    two.from_site("B", "A", enveloped(rogue, two["A"].engine.site_id))
    assert two["B"].engine.drops[Reason.BUDGET] == 1


def test_sealed_packets_of_one_session_leave_in_the_order_they_came(two: Sites, ada: Author, ben: Author) -> None:
    two.radio("A", ada.announce())
    two.radio("B", ben.announce())
    frames = [ada.bare(MessageType.NOISE_ENCRYPTED, bytes([index]) * 40, ben.identity.peer_id) for index in range(40)]
    for frame in frames:
        two.radio("A", frame)
    assert two["B"].heard(MessageType.NOISE_ENCRYPTED) == [with_ttl(frame, REINJECT_TTL) for frame in frames]


def test_a_new_site_is_told_who_is_here(ada: Author) -> None:
    sites = Sites("A", "B")
    frame = ada.announce()
    sites.radio("A", frame)
    sites.join("A", "B")
    assert sites["B"].heard(MessageType.ANNOUNCE) == [with_ttl(frame, REINJECT_TTL)]


def test_a_ring_of_three_sites_is_quiet(ada: Author) -> None:
    sites = Sites("A", "B", "C")
    for pair in (("A", "B"), ("B", "C"), ("C", "A")):
        sites.join(*pair)
    sites.radio("A", ada.announce())
    crossed = len(sites.crossings)
    frame = ada.say("once")
    sites.radio("A", frame)
    assert len(sites.crossings) - crossed == 2  # A to B, A to C, and nobody to anybody else
    for name in "BC":
        assert sites[name].heard(MessageType.MESSAGE) == [with_ttl(frame, REINJECT_TTL)]
    assert sites["A"].heard(MessageType.MESSAGE) == []  # one radio link, the one it came from


def test_a_line_of_sites_passes_a_message_on(ada: Author) -> None:
    sites = Sites("A", "B", "C", "D")
    for pair in (("A", "B"), ("B", "C"), ("C", "D")):
        sites.join(*pair)
    sites.radio("A", ada.announce())
    frame = ada.say("all the way")
    sites.radio("A", frame)
    assert sites["D"].heard(MessageType.MESSAGE) == [with_ttl(frame, REINJECT_TTL)]
    assert sites["B"].engine.open.passed_on == sites["C"].engine.open.passed_on == 2  # the announce and the message


def test_a_ring_of_four_sites_delivers_once_everywhere(ada: Author) -> None:
    sites = Sites("A", "B", "C", "D")
    for pair in (("A", "B"), ("B", "C"), ("C", "D"), ("D", "A")):
        sites.join(*pair)
    sites.radio("A", ada.announce())
    for number in range(20):
        sites.radio("A", ada.say(f"message {number}"))
    for name in "BCD":
        assert len(sites[name].heard(MessageType.MESSAGE)) == 20
    assert len(sites["A"].heard(MessageType.MESSAGE)) == 0


def test_two_islands_that_also_hear_each_other_do_not_echo(two: Sites, ada: Author) -> None:
    two.radio("A", ada.announce())
    frame = ada.say("heard twice")
    two.radio("A", frame)
    crossed, sent = len(two.crossings), len(two["B"].air)
    two.radio("B", with_ttl(frame, 5))  # the same packet comes to B over the air as well
    two.radio("A", with_ttl(frame, 5))
    assert len(two.crossings) == crossed
    assert len(two["B"].air) == sent


def test_a_packet_known_from_the_radio_is_not_sent_again_when_a_site_has_it_too(two: Sites, ada: Author) -> None:
    two.radio("B", ada.announce())
    two.radio("A", ada.announce())
    frame = ada.say("on both islands")
    two.part("A", "B")
    two.radio("A", frame)
    two.radio("B", frame)
    two.join("A", "B")
    sent, echoes = len(two["B"].heard(MessageType.MESSAGE)), two["B"].engine.drops[Reason.ECHO]
    two.from_site("B", "A", enveloped(frame, two["A"].engine.site_id))
    assert len(two["B"].heard(MessageType.MESSAGE)) == sent
    assert two["B"].engine.drops[Reason.ECHO] == echoes + 1


def test_an_envelope_of_our_own_comes_back_to_nothing(two: Sites, ada: Author) -> None:
    two.radio("A", ada.announce())
    frame = ada.say("mine")
    two.from_site("A", "B", enveloped(frame, two["A"].engine.site_id))
    assert two["A"].engine.drops[Reason.ECHO] == 1


def test_garbage_from_a_site_costs_that_site_its_link(two: Sites) -> None:
    for data in (b"", b"garbage", bytes(5000), b"\x81\x01\xc4\xff"):
        closed = len(two["B"].closed)
        two.from_site("B", "A", data)
        assert len(two["B"].closed) == closed + 1


def test_an_envelope_that_names_another_packet_is_refused(two: Sites, ada: Author) -> None:
    envelope = wire.decode(enveloped(ada.announce(), two["A"].engine.site_id))
    two.from_site("B", "A", wire.encode(replace(envelope, packet_id=bytes(16))))
    assert two["B"].engine.drops[Reason.ENVELOPE] == 1


def test_an_envelope_whose_time_is_over_is_dropped(two: Sites, ada: Author) -> None:
    envelope = wire.decode(enveloped(ada.announce(), two["A"].engine.site_id))
    two.from_site("B", "A", wire.encode(replace(envelope, expires_ms=EPOCH * 1000 - 1)))
    assert two["B"].engine.drops[Reason.EXPIRED] == 1
    assert two["B"].heard(MessageType.ANNOUNCE) == []


def test_a_public_message_too_old_for_the_air_is_kept_for_those_who_ask(two: Sites, ada: Author) -> None:
    two.radio("A", ada.announce())
    ada.now_ms -= 3_600_000
    old = ada.say("an hour ago")
    ada.now_ms += 3_600_000
    two.from_site("B", "A", enveloped(old, two["A"].engine.site_id, HISTORY_LIFETIME_S))
    assert two["B"].heard(MessageType.MESSAGE) == []
    assert two["B"].engine.mesh.status(two.now).counters["history"] == 1


def test_unknown_fields_of_an_envelope_survive_being_passed_on(ada: Author) -> None:
    sites = Sites("A", "B", "C")
    sites.join("A", "B")
    sites.join("B", "C")
    envelope = wire.decode(enveloped(ada.announce(), sites["A"].engine.site_id))
    newer = replace(envelope, unknown=(wire.Unknown(99, b"from a newer version"),))
    sites.from_site("B", "A", wire.encode(newer))
    _, _, passed = sites.crossings[-1]
    assert wire.decode(passed).unknown == newer.unknown


def test_too_many_sites_are_turned_away() -> None:
    table = SiteTable()
    assert all(table.add(SiteLink(LinkId(f"site:{index}"), 1000)) for index in range(MAX_SITES))
    assert not table.add(SiteLink(LinkId("site:one-more"), 1000))
    assert len(table) == MAX_SITES


def test_the_roster_is_bounded_and_forgets() -> None:
    table = SiteTable()
    table.add(SiteLink(LinkId("site:x"), 1000))
    for index in range(MAX_PEERS + 1):
        table.announced(index.to_bytes(8), LinkId("site:x"), 0, 0.0)
    assert table.home_of((0).to_bytes(8), 1.0) is None
    assert table.home_of((1).to_bytes(8), 1.0) is not None
    assert table.home_of((1).to_bytes(8), REMOTE_PEER_REACHABLE_S + 1) is None
    table.remove(LinkId("site:x"))
    assert table.home_of((1).to_bytes(8), 1.0) is None


def test_provenance_is_bounded_in_packets_sites_and_time() -> None:
    memory = Provenance()
    for index in range(MAX_PROVENANCE + 1):
        memory.add(index.to_bytes(16), [b"site-one"], 0.0)
    assert len(memory) == MAX_PROVENANCE
    assert memory.sites((0).to_bytes(16), 1.0) == frozenset()
    assert memory.sites((1).to_bytes(16), 1.0) == {b"site-one"}
    assert memory.sites((1).to_bytes(16), PROVENANCE_LIFETIME_S + 1) == frozenset()
    memory.add(b"packet", (index.to_bytes(8) for index in range(MAX_SITES_SEEN + 9)), 0.0)
    assert len(memory.sites(b"packet", 1.0)) == MAX_SITES_SEEN


def enveloped(frame: bytes, origin: bytes, lifetime: float = 120.0) -> bytes:
    header = peek(frame)
    return wire.encode(
        wire.Envelope(
            packet_id=packet_id(frame, header),
            kind=wire.Kind.FRAME,
            origin=origin,
            seen=(origin,),
            created_ms=header.timestamp_ms,
            expires_ms=header.timestamp_ms + int(lifetime * 1000),
            body=frame,
        )
    )


def test_a_site_that_links_up_late_is_sent_what_it_missed_announces_first(ada: Author) -> None:
    sites = Sites("A", "B")
    announce, said = ada.announce(), [ada.say(f"before {number}") for number in range(3)]
    for frame in (announce, *said):
        sites.radio("A", frame)
    sites.join("A", "B")
    heard = [frame for frame in sites["B"].air if peek(frame).sender_id == ada.identity.peer_id]
    assert heard == [with_ttl(frame, REINJECT_TTL) for frame in (announce, *said)]
    sites.part("A", "B")
    sites.join("A", "B")
    assert [frame for frame in sites["B"].air if peek(frame).sender_id == ada.identity.peer_id] == heard


def test_a_message_that_overtook_its_authors_announce_is_taken_when_it_comes_again(two: Sites, ada: Author) -> None:
    announce, frame = ada.announce(), ada.say("too early")
    two.from_site("B", "A", enveloped(frame, two["A"].engine.site_id))
    assert two["B"].engine.drops[Reason.UNKNOWN_SENDER] == 1
    two.from_site("B", "A", enveloped(announce, two["A"].engine.site_id))
    two.from_site("B", "A", enveloped(frame, two["A"].engine.site_id))
    assert two["B"].heard(MessageType.MESSAGE) == [with_ttl(frame, REINJECT_TTL)]


def test_an_envelope_that_names_as_many_sites_as_fit_is_passed_on(ada: Author) -> None:
    sites = Sites("A", "B", "C")
    sites.join("A", "B")
    sites.join("B", "C")
    rng = Random(3)
    envelope = wire.decode(enveloped(ada.announce(), sites["A"].engine.site_id))
    crowded = replace(envelope, seen=tuple(rng.randbytes(8) for _ in range(MAX_SITES_SEEN)))
    sites.from_site("B", "A", wire.encode(crowded))
    assert len(sites["C"].heard(MessageType.ANNOUNCE)) == 1
    assert len(wire.decode(sites.crossings[-1][2]).seen) == MAX_SITES_SEEN


def test_a_sealed_packet_does_not_go_round_when_sites_disagree_about_its_recipient(ada: Author, ben: Author) -> None:
    sites = Sites("A", "B", "C")
    for pair in (("A", "B"), ("B", "C"), ("C", "A")):
        sites.join(*pair)
    sites.radio("A", ada.announce())
    announce = ben.announce()
    identifier = ben.identity.peer_id
    for name, neighbour in (("A", "C"), ("C", "B"), ("B", "A")):  # each was told by the next one
        sites[name].engine.sites.announced(identifier, LinkId(f"site:{neighbour}"), peek(announce).timestamp_ms, sites.now)
    crossed = len(sites.crossings)
    sites.radio("A", ada.bare(MessageType.NOISE_ENCRYPTED, bytes(40), identifier))
    assert len(sites.crossings) - crossed == 2  # A to C, C to B, and B knows that A has had it


def test_an_older_announce_does_not_move_a_peer_to_another_site() -> None:
    table = SiteTable()
    for name in ("old", "new"):
        table.add(SiteLink(LinkId(f"site:{name}"), 1000))
    table.announced(b"somebody", LinkId("site:new"), 2_000, 0.0)
    table.announced(b"somebody", LinkId("site:old"), 1_000, 1.0)
    home = table.home_of(b"somebody", 2.0)
    assert home is not None
    assert home.link == "site:new"


def test_a_site_has_a_rate_and_may_catch_up_at_once(two: Sites) -> None:
    data = enveloped(Author(Identity.generate(Random(9).randbytes)).announce(), two["A"].engine.site_id)
    greeting = 1
    for _ in range(int(SITE_BURST) - greeting + 5):
        two.from_site("B", "A", data)
    assert two["B"].engine.drops[Reason.RATE] == 5


def test_catching_up_prefers_what_was_said_last(ada: Author) -> None:
    sites = Sites("A", "B")
    sites.radio("A", ada.announce())
    rng = Random(4)
    count = MAX_CATCH_UP_BYTES // 2_000 - 20
    for number in range(count):
        sites.radio("A", ada.say(f"{number} " + rng.randbytes(1_500).hex()))
        sites.now += 0.05
    sites.now += 300.0  # too old for the air, of which there is not so much at once
    ada.now_ms += 300_000
    sites.radio("A", ada.announce())
    sites.join("A", "B")
    texts = [notice.text for notice in sites["B"].notices if isinstance(notice, PublicMessage)]
    numbers = [int(text.split()[0]) for text in texts]
    assert numbers[-1] == count - 1
    assert numbers == list(range(numbers[0], count))
