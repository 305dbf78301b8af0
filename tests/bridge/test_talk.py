"""What gateways say about the federation goes over the links that carry packets, whatever the bridge lets through."""

import pytest

from gateway.bridge.engine import BridgeMode
from gateway.errors import Reason
from gateway.limits import MAX_HISTORY_ASKS, MAX_RPC
from gateway.mesh.effects import SiteMet, SiteParted, SiteSpoke
from gateway.mesh.events import CatchUpSite, PartWithSite, TellSite
from gateway.mesh.identity import Identity
from gateway.wire import envelope as wire
from gateway.wire.envelope import Envelope, Kind
from gateway.wire.types import MessageType
from tests.bridge.sites import EPOCH, FAR, Author, Sites
from transports.link import LinkId, LinkUp


def told(kind: Kind, body: bytes, site: bytes = b"12345678") -> bytes:
    return wire.encode(Envelope(bytes(16), kind, site, (site,), EPOCH * 1000, EPOCH * 1000, body))


def up(peer: str, link: str = "") -> LinkUp:
    return LinkUp(LinkId(link or f"site:{peer}"), 1_310_720, FAR, peer=peer)


def notices(sites: Sites, name: str, kind: type) -> list:
    return [one for one in sites[name].notices if isinstance(one, kind)]


def crossings(sites: Sites, kind: Kind) -> list[Envelope]:
    return [envelope for envelope in (wire.decode(frame) for _, _, frame in sites.crossings) if envelope.kind is kind]


@pytest.mark.parametrize("mode", list(BridgeMode))
def test_a_message_arrives_in_every_mode_under_the_proved_name_of_its_sender(mode):
    sites = Sites("A", "B", mode=mode)
    sites.join("A", "B")
    assert notices(sites, "A", SiteMet) == [SiteMet("B")]
    sites.give("A", TellSite("B", b"a word"))
    assert notices(sites, "B", SiteSpoke) == [SiteSpoke("A", b"a word")]
    assert not any(sites[name].closed for name in "AB")


def test_a_site_that_does_not_know_the_kind_is_not_spoken_to():
    sites = Sites("A")
    sites.give("A", up("older"))
    sites.from_site("A", "older", told(Kind.PRESENCE, bytes((1, 2, 3, 4, 5))))
    sites.give("A", TellSite("older", b"a word"))
    sites.from_site("A", "older", told(Kind.FEDERATION, b"a word"))
    assert notices(sites, "A", SiteMet) == notices(sites, "A", SiteSpoke) == []
    assert sites["A"].engine.drops[Reason.UNKNOWN_SENDER] == 1


def test_a_site_without_a_proved_name_is_not_spoken_to():
    sites = Sites("A")
    sites.give("A", up("", "site:nameless"))
    sites.from_site("A", "nameless", told(Kind.PRESENCE, bytes(sorted(Kind))))
    assert notices(sites, "A", SiteMet) == []


def test_a_message_longer_than_any_is_dropped_and_counted():
    sites = Sites("A", "B")
    sites.join("A", "B")
    sites.from_site("A", "B", told(Kind.FEDERATION, bytes(MAX_RPC)))
    sites.from_site("A", "B", told(Kind.FEDERATION, bytes(MAX_RPC + 1)))
    assert len(notices(sites, "A", SiteSpoke)) == 1
    assert sites["A"].engine.drops[Reason.OVERSIZED] == 1


def test_whoever_parts_is_not_spoken_to_any_more():
    sites = Sites("A", "B")
    sites.join("A", "B")
    sites.part("A", "B")
    assert notices(sites, "A", SiteParted) == [SiteParted("B")]
    sites.crossings.clear()
    sites.give("A", TellSite("B", b"a word"))
    assert sites.crossings == []


def test_a_site_can_be_parted_with():
    sites = Sites("A", "B")
    sites.join("A", "B")
    sites.give("A", PartWithSite("B", "it does not keep to the protocol"))
    assert [one.why for one in sites["A"].closed] == ["it does not keep to the protocol"]


def said_once(sites: Sites) -> Author:
    author = Author(Identity.generate(bytes))
    for frame in (author.announce(), author.say("what was missed")):
        sites.radio("A", frame)
    return author


def test_who_may_not_be_told_what_it_missed_learns_who_is_here_and_nothing_else():
    sites = Sites("A", "B")
    sites["A"].engine._tells = lambda _peer: False
    said_once(sites)
    sites.join("A", "B")
    assert {envelope.body[1] for envelope in crossings(sites, Kind.FRAME)} == {MessageType.ANNOUNCE}
    sites.give("A", CatchUpSite("B", 0))
    assert {envelope.body[1] for envelope in crossings(sites, Kind.FRAME)} == {MessageType.ANNOUNCE}


def test_a_site_is_told_again_what_it_missed_only_so_often_and_nothing_too_old():
    sites = Sites("A", "B")
    allowed: list[str] = []
    sites["A"].engine._tells = lambda peer: peer in allowed
    author = said_once(sites)
    sites.join("A", "B")
    allowed.append("B")
    sites.give("A", CatchUpSite("B", author.now_ms + 1))
    assert not sites["B"].heard(MessageType.MESSAGE)
    sites.give("A", CatchUpSite("B", author.now_ms))
    assert len(sites["B"].heard(MessageType.MESSAGE)) == 1
    for _ in range(MAX_HISTORY_ASKS):
        sites.give("A", CatchUpSite("B", 0))
    assert sites["A"].engine.drops[Reason.RATE] == MAX_HISTORY_ASKS
