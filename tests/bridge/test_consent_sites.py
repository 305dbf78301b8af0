"""Events among many sites: rings and double joins, sites that were out of reach, sites that lie or are older."""

from random import Random

import pytest

from gateway.bridge.mail import KINDS as MAIL
from gateway.errors import Reason
from gateway.limits import EVENT_AGE_S, MAX_CARRIER_JSON, MAX_EVENTS_KEPT, MAX_WANTS, OFFER_PERIOD_S, WANTED_AGAIN_S
from gateway.wire import envelope as wire
from gateway.wire.carrier import Direction
from gateway.wire.envelope import Envelope, Kind
from gateway.wire.tlv import tlv16
from tests.bridge.islands import CELL, TURN_S, crossings, drops, enveloped, introduced, islands, joined, put_down, shelved
from tests.bridge.sites import FAR, RADIO, Sites
from transports.link import FrameReceived, LinkDown, LinkId, LinkUp

SHAPES = {
    "ring of four": ("AB", "BC", "CD", "DA"),
    "ring of six with chords": ("AB", "BC", "CD", "DE", "EF", "FA", "AD", "BE"),
    "everybody knows everybody": ("AB", "AC", "AD", "AE", "BC", "BD", "BE", "CD", "CE", "DE"),
    "two rings joined twice": ("AB", "BC", "CD", "DA", "EF", "FG", "GH", "HE", "AE", "CG"),
    "star": ("AB", "AC", "AD", "AE", "AF"),
}


@pytest.mark.parametrize("pairs", SHAPES.values(), ids=SHAPES)
def test_one_copy_on_every_other_island_and_few_envelopes(pairs: tuple[str, ...]) -> None:
    sites = joined(*pairs)
    names = sorted(sites.sites)
    ada = introduced(sites, "A", 1)
    event = ada.copy(sites, "once for everybody")
    ada.deposit(sites, "A", event)
    sites.run(TURN_S)
    assert {name: put_down(sites[name]) for name in names} == {name: [] if name == "A" else [event] for name in names}
    assert len(names) - 1 <= len(crossings(sites, Kind.EVENT)) <= 2 * len(pairs)


@pytest.mark.parametrize("pairs", SHAPES.values(), ids=SHAPES)
def test_replays_from_everywhere_change_nothing(pairs: tuple[str, ...]) -> None:
    sites = joined(*pairs)
    names = sorted(sites.sites)
    ada = introduced(sites, "A", 1)
    event = ada.copy(sites, "once for everybody")
    ada.deposit(sites, "A", event)
    sites.run(TURN_S)
    before = len(crossings(sites, Kind.EVENT))
    for one, other in [(a, b) for pair in pairs for a, b in (pair, pair[::-1])]:
        sites.from_site(one, other, enveloped(event, b"somebody"))
    sites.run(EVENT_AGE_S + 60)
    assert sum(len(put_down(sites[name])) for name in names) == len(names) - 1
    assert len(crossings(sites, Kind.EVENT)) == before


class TestMissed:
    """What a site was not linked for, it asks for."""

    def test_a_site_that_links_up_later_gets_what_is_still_fresh(self) -> None:
        sites = islands("A", "B", "C")
        sites.join("A", "B")
        ada = introduced(sites, "A", 1)
        ada.deposit(sites, "A", ada.copy(sites, "fresh"))
        ada.deposit(sites, "A", ada.copy(sites, "stale", age=EVENT_AGE_S - 60))
        sites.run(120.0)
        sites.join("B", "C")
        sites.run(TURN_S)
        assert [event.content for event in put_down(sites["C"])] == ["fresh"]

    def test_two_sites_that_were_parted_have_told_each_other_everything_after_healing(self) -> None:
        sites = joined("AB")
        ada, ben = introduced(sites, "A", 1), introduced(sites, "B", 2)
        sites.part("A", "B")
        for number in range(3):
            ada.deposit(sites, "A", ada.copy(sites, f"A{number}"))
            ben.deposit(sites, "B", ben.copy(sites, f"B{number}"))
            sites.run(100.0)
        sites.join("A", "B")
        sites.run(TURN_S)
        assert sorted(event.content for event in put_down(sites["A"])) == ["B0", "B1", "B2"]
        assert sorted(event.content for event in put_down(sites["B"])) == ["A0", "A1", "A2"]

    def test_what_a_link_lost_is_asked_for_a_minute_later(self) -> None:
        sites = joined("AB")
        ada = introduced(sites, "A", 1)
        event = ada.copy(sites, "lost on the way")
        link = LinkId("site:B")
        peer = sites["A"].links.pop(link)  # the link looks up and brings nothing
        ada.deposit(sites, "A", event)
        sites["A"].links[link] = peer
        sites.run(OFFER_PERIOD_S - 1)
        assert put_down(sites["B"]) == []
        sites.run(1 + TURN_S)
        assert put_down(sites["B"]) == [event]

    def test_two_sites_are_not_asked_for_the_same_event_at_once(self) -> None:
        sites = joined("AC", "BC")
        name = bytes(16)
        for site in ("A", "B", "A"):
            sites.from_site("C", site, told(Kind.OFFER, name))
        assert [envelope.body for envelope in crossings(sites, Kind.WANT)] == [name]
        sites.now += WANTED_AGAIN_S
        sites.from_site("C", "B", told(Kind.OFFER, name))
        assert len(crossings(sites, Kind.WANT)) == 2

    def test_no_more_events_are_kept_than_phones_ask_relays_for(self) -> None:
        sites = joined("AB")
        rng = Random(1)
        shelf = sites["A"].engine.consent._shelf
        for _ in range(MAX_EVENTS_KEPT + 3):
            shelf.add(shelved(rng.randbytes(16)), 0.0)
        assert len(shelf) == MAX_EVENTS_KEPT
        assert len(shelf.names(lambda _one: True)) == 16 * MAX_EVENTS_KEPT

    def test_offers_and_wishes_have_a_budget_per_site(self) -> None:
        sites = joined("AB", "AC")
        ada = introduced(sites, "A", 1)
        event = ada.copy(sites, "wanted by everybody")
        ada.deposit(sites, "A", event)
        before = len(crossings(sites, Kind.EVENT))
        for number in range(MAX_WANTS + 2):
            sites.from_site("A", "B", told(Kind.WANT, bytes.fromhex(event.event_id)[:16]))
            sites.from_site("A", "B", told(Kind.OFFER, number.to_bytes(16)))
        assert len(crossings(sites, Kind.EVENT)) - before == MAX_WANTS
        assert len(crossings(sites, Kind.WANT)) == MAX_WANTS
        assert drops(sites["A"])[Reason.RATE] == 4
        sites.from_site("A", "C", told(Kind.OFFER, b"x" * 16))
        assert len(crossings(sites, Kind.WANT)) == MAX_WANTS + 1

    @pytest.mark.parametrize(("body", "reason"), [(bytes(15), Reason.ENVELOPE), (bytes(16 * (MAX_EVENTS_KEPT + 1)), Reason.OVERSIZED)])
    @pytest.mark.parametrize("kind", [Kind.OFFER, Kind.WANT])
    def test_names_have_sixteen_bytes_and_there_are_not_too_many(self, kind: Kind, body: bytes, reason: Reason) -> None:
        sites = joined("AB")
        sites.from_site("A", "B", told(kind, body))
        assert drops(sites["A"]) == {reason: 1}
        assert crossings(sites, Kind.WANT) == []


class TestStrangeSites:
    def test_a_site_that_does_not_know_events_is_sent_none(self) -> None:
        sites = islands("A")
        old = LinkId("site:old")
        sent = sites["A"].engine.handle(LinkUp(old, 1_310_720, FAR, peer="old"), sites.now)
        greeting = wire.decode(sent[0].frame)
        here = [kind for kind in Kind if kind < Kind.MESSAGE and kind not in MAIL]  # those between programs are no gateway's
        assert greeting.body == bytes(here)
        sites.give("A", FrameReceived(old, told(Kind.PRESENCE, b"")))
        ada = introduced(sites, "A", 1)
        ada.deposit(sites, "A", ada.copy(sites, "they would not understand"))
        assert len(sites["A"].engine.consent.unsent) == 1

    def test_an_oversized_event_is_refused_before_anything_else(self) -> None:
        sites = joined("AB")
        ada = introduced(sites, "A", 1)
        ada.hand_in(sites, "A", tlv16(1, b"\x03") + tlv16(2, CELL.encode()) + tlv16(3, b"{" * (MAX_CARRIER_JSON + 1)))
        assert drops(sites["A"]) == {Reason.OVERSIZED: 1}

    def test_a_body_that_is_no_carrier_is_counted(self) -> None:
        sites = joined("AB")
        event = introduced(sites, "A", 1).copy(sites, "never said")
        for body in (b"", b"\x01", b"\x01\x00\x01\x03\x02\x00\x00\x03\x00\x02{}", bytes(100)):
            sites.from_site("B", "A", enveloped(event, b"somebody", body=body))
        assert drops(sites["B"]) == {Reason.TLV: 2, Reason.FIELD: 2}
        assert sites["B"].closed == []

    def test_a_site_cannot_claim_that_an_event_is_its_own_echo(self) -> None:
        sites = joined("AB")
        event = introduced(sites, "A", 1).copy(sites, "whose?")
        sites.from_site("B", "A", enveloped(event, sites["B"].engine.site_id))
        assert drops(sites["B"]) == {Reason.ECHO: 1}
        sites.from_site("B", "A", enveloped(event, b"somebody"))
        sites.run(TURN_S)
        assert put_down(sites["B"]) == [event]

    def test_a_cell_no_geohash_can_name_is_refused(self) -> None:
        sites = joined("AB")
        ada = introduced(sites, "A", 1)
        event = ada.copy(sites, "where?", cell="u4pruy7")
        ada.deposit(sites, "A", event, cell="u4pruy7")
        far = ada.copy(sites, "far away", cell="u4prvv")
        ada.deposit(sites, "A", far, cell="u4prvv")
        unserved = ada.events.channel_message("ezs42", far.created_at, "not here", bytes(32))
        ada.deposit(sites, "A", unserved, cell="ezs42", way=Direction.TO_GATEWAY)
        assert drops(sites["A"]) == {Reason.CELL: 3}
        assert crossings(sites, Kind.EVENT) == []

    def test_a_link_to_a_phone_that_goes_down_ends_nothing(self) -> None:
        sites = joined("AB")
        ada = introduced(sites, "A", 1)
        event = ada.copy(sites, "the phone is gone")
        ada.deposit(sites, "A", event)
        sites.give("B", LinkDown(RADIO, "away"))
        sites.run(TURN_S)
        assert put_down(sites["B"]) == []  # nobody was there to hear it


def told(kind: Kind, body: bytes) -> bytes:
    """A word between two sites."""
    return wire.encode(Envelope(bytes(16), kind, b"somebody", (), 0, 0, body))


def test_the_same_deposit_with_two_gateways_crosses_once() -> None:
    sites: Sites = joined("AB", "BC", "CA")
    ada = introduced(sites, "A", 1)
    sites.radio("B", ada.packets.announce())
    event = ada.copy(sites, "handed in twice")
    ada.deposit(sites, "A", event)
    ada.deposit(sites, "B", event)
    sites.run(TURN_S)
    assert put_down(sites["C"]) == [event]
    assert drops(sites["B"]) == {Reason.ECHO: 1}
