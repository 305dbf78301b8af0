"""Air time at work between sites: who pays, who does not, who earns, and that nobody pays for another."""

from random import Random

from gateway.bridge.credits import air_ms
from gateway.errors import Reason
from gateway.limits import CREDIT_ORIGIN_MS, CREDIT_RATE, CREDIT_SITE_MS, EARNED_SHARE, MAX_SKEW_S
from gateway.mesh.effects import PublicMessage
from gateway.mesh.identity import Identity
from gateway.mesh.records import Decided, Judged, Verb
from gateway.wire import envelope as wire
from gateway.wire.envelope import Envelope, Kind
from gateway.wire.packet import packet_id, peek
from gateway.wire.types import MessageType
from tests.bridge.islands import TURN_S, enveloped, introduced, joined, put_down
from tests.bridge.sites import Author, Site, Sites

LONG = Random(4).randbytes(8_000).hex()  # nothing much to compress: about 0.3 s of air
MANY = 80  # of them: more than a site can have saved


def linked(*pairs: str) -> Sites:
    sites = Sites(*sorted(set("".join(pairs))))
    for a, b in pairs:
        sites.join(a, b)
    return sites


def author(sites: Sites, name: str = "A", seed: int = 1) -> Author:
    ada = Author(Identity.generate(Random(seed).randbytes), int(1_800_000_000_000 + sites.now * 1000))
    sites.radio(name, ada.announce())
    return ada


def heard(site: Site) -> int:
    return sum(isinstance(notice, PublicMessage) for notice in site.notices)


def account(sites: Sites, name: str, other: str = "", origin: bytes | None = None):
    key = other.encode()
    rows = sites[name].engine.gate.credits.status(sites.now)
    return next(row for row in rows if (row.site, row.origin) == (key, origin))


def brought(frame: bytes, origin: bytes) -> bytes:
    return wire.encode(
        Envelope(packet_id(frame, peek(frame)), Kind.FRAME, origin, (origin,), 0, peek(frame).timestamp_ms + 3_600_000, frame)
    )


def test_what_crosses_is_paid_by_its_sender_here_and_by_the_site_that_brings_it_there() -> None:
    sites = linked("AB")
    ada = author(sites)
    frames = [ada.say("one"), ada.say("two")]
    for frame in frames:
        sites.radio("A", frame)
    here, there = account(sites, "A", origin=ada.identity.peer_id), account(sites, "B", "A", ada.identity.peer_id)
    assert (here.admitted, there.admitted) == (3, 3)  # the announce as well
    assert here.spent_ms == there.spent_ms > sum(air_ms(len(frame)) for frame in frames)


def test_a_packet_is_paid_once_however_many_sites_it_goes_to() -> None:
    sites = linked("AB", "AC", "AD")
    author(sites)
    assert account(sites, "A").admitted == 1


def test_who_sends_more_than_a_share_is_refused_with_the_reason_and_the_others_are_not() -> None:
    sites = linked("AB")
    ada, ben = author(sites), author(sites, seed=2)
    for number in range(MANY):
        sites["A"].engine.mesh._links.get("radio:phone").crossings._level = 1e9  # the link's own budget is not what is tested
        sites.radio("A", ada.say(f"{number}{LONG}"))
    assert 0 < heard(sites["B"]) < MANY
    assert sites["A"].engine.drops[Reason.AIR_TIME] == MANY - heard(sites["B"])
    assert sites["A"].engine.open.crossed_out == heard(sites["B"]) + 2
    stayed = [one for one in sites["A"].notices if isinstance(one, Decided) and one.verb is Verb.STAYED]
    assert {one.reason for one in stayed} == {Reason.AIR_TIME}
    assert [one for one in sites["A"].notices if isinstance(one, Judged)][-1].verdict == "air_time"
    before = heard(sites["B"])
    sites.now += 1.0
    ben.now_ms += 1_000
    sites.radio("A", ben.say("and me?"))
    assert heard(sites["B"]) == before + 1


def flood(sites: Sites, name: str, other: str, seconds: float = 0.0) -> None:
    """Another site brings more than there is air for."""
    mallory = Author(Identity.generate(Random(66).randbytes))
    origin = b"mallory-"
    sites.from_site(name, other, brought(mallory.announce(), origin))
    for number in range(MANY):
        sites.from_site(name, other, brought(mallory.say(f"{number}{LONG}"), origin))
        sites.now += seconds / MANY


def test_a_site_that_brings_more_than_its_share_is_refused_and_another_is_not() -> None:
    sites = linked("AB", "BC")
    ben = author(sites, "C", 2)
    flood(sites, "B", "A")
    refused = sites["B"].engine.drops[Reason.AIR_TIME]
    assert 0 < refused < MANY
    assert account(sites, "B", "A").refused == refused
    told = [one for one in sites["B"].notices if isinstance(one, Decided) and one.reason is Reason.AIR_TIME]
    assert {(one.verb, one.hop) for one in told} == {(Verb.REFUSED, b"mallory-")}
    before = heard(sites["B"])
    sites.radio("C", ben.say("small and welcome"))
    assert heard(sites["B"]) == before + 1


def test_what_is_refused_for_want_of_air_is_neither_kept_nor_passed_on() -> None:
    sites = linked("AB", "BC")
    flood(sites, "B", "A")
    assert heard(sites["C"]) == heard(sites["B"]) == len(sites["B"].engine.mesh.kept(sites.now))


def test_over_time_a_site_gets_no_more_than_there_is() -> None:
    sites = linked("AB")
    flood(sites, "B", "A", seconds=10.0)
    assert account(sites, "B", "A").spent_ms <= CREDIT_SITE_MS + 10.0 * CREDIT_RATE


def test_copies_cost_nothing_and_rubbish_costs_who_brings_it() -> None:
    sites = linked("AB", "BC")
    ada = author(sites)
    said = ada.say("once")
    sites.radio("A", said)
    spent = account(sites, "B", "A").spent_ms
    sites.from_site("B", "A", brought(said, sites["A"].engine.site_id))
    assert account(sites, "B", "A").spent_ms == spent
    forged = bytearray(ada.say("forged"))
    forged[-1] ^= 1
    sites.from_site("B", "A", brought(bytes(forged), sites["A"].engine.site_id))
    assert account(sites, "B", "A").spent_ms == spent + air_ms(len(forged))


def test_what_is_too_old_for_the_air_costs_none() -> None:
    sites = linked("AB")
    ada = author(sites)
    spent = account(sites, "B", "A").spent_ms
    old = ada.say("old")
    sites.now += MAX_SKEW_S + 60
    sites.from_site("B", "A", brought(old, sites["A"].engine.site_id))
    assert heard(sites["B"]) == 1
    assert account(sites, "B", "A").spent_ms == spent


def test_nobody_pays_for_what_others_put_in_their_name_without_a_signature() -> None:
    sites = linked("AB")
    ada, ben = author(sites), author(sites, "B", 2)
    spent = account(sites, "A", origin=ada.identity.peer_id).spent_ms
    for number in range(20):
        sites.radio("A", ada.bare(MessageType.NOISE_ENCRYPTED, Random(number).randbytes(900), ben.identity.peer_id))
    assert account(sites, "A", origin=ada.identity.peer_id).spent_ms == spent
    assert account(sites, "A", origin=ada.identity.peer_id + b"?").spent_ms > 20 * air_ms(900)


def test_who_carries_for_others_earns_and_who_brings_its_own_does_not() -> None:
    sites = linked("AB", "BC")
    ada = author(sites)
    sites.radio("A", ada.say("over B to C"))
    spent = account(sites, "C", "B").spent_ms
    assert account(sites, "C", "B").headroom_ms == EARNED_SHARE * spent > 0
    assert account(sites, "B", "A").headroom_ms == 0


def test_an_event_for_the_radio_is_paid_by_who_brings_it_and_by_its_depositor_and_a_known_one_by_nobody() -> None:
    sites = joined("AB", "BC")
    ada = introduced(sites, "A", 1)
    event = ada.copy(sites, "signed")
    ada.deposit(sites, "A", event)
    sites.run(TURN_S)
    assert account(sites, "A", origin=ada.peer_id).admitted == 1
    assert account(sites, "B", "A").admitted == 1
    assert account(sites, "C", "B").headroom_ms > 0
    sites.from_site("B", "A", enveloped(event, b"somebody"))
    assert account(sites, "B", "A").admitted == 1


def test_events_beyond_a_share_are_refused_and_told_and_may_come_again() -> None:
    sites = joined("AB")
    ada = introduced(sites, "A", 1)
    sites["A"].engine.gate.credits.admit(b"B", b"greedy", CREDIT_SITE_MS, 0.0)
    while sites["A"].engine.gate.credits.admit(b"B", b"greedy", 5.0, 0.0):
        pass
    event = ada.copy(sites, "w" * 9_000)
    for _ in range(2):
        sites.from_site("A", "B", enveloped(event, b"somebody"))
    assert sites["A"].engine.drops[Reason.AIR_TIME] == 2
    told = [one for one in sites["A"].notices if isinstance(one, Decided) and one.reason is Reason.AIR_TIME]
    assert [(one.verb, one.hop) for one in told] == [(Verb.REFUSED, b"somebody")]
    sites.run(30.0)
    sites.from_site("A", "B", enveloped(event, b"somebody"))
    sites.run(TURN_S)
    assert put_down(sites["A"]) == [event]


def test_a_deposit_beyond_its_depositors_share_is_refused_and_may_be_made_again() -> None:
    sites = joined("AB")
    ada = introduced(sites, "A", 1)
    for size in (CREDIT_ORIGIN_MS, 5.0):
        while sites["A"].engine.gate.credits.admit(b"", ada.peer_id, size, 0.0):
            pass
    event = ada.copy(sites, "w" * 9_000)
    ada.deposit(sites, "A", event)
    assert sites["A"].engine.drops[Reason.AIR_TIME] == 1
    sites.run(30.0)
    ada.deposit(sites, "A", event)
    sites.run(TURN_S)
    assert put_down(sites["B"]) == [event]
