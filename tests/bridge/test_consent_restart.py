"""A gateway that was restarted puts no event down a second time, and takes no deposit twice."""

from dataclasses import replace

from gateway.errors import Reason
from gateway.limits import EVENT_MEMORY_S, OFFER_PERIOD_S
from gateway.mesh.events import Remember
from gateway.mesh.records import EventMemory, EventNoted, HistoryKept
from gateway.wire.envelope import Kind
from gateway.wire.types import MessageType
from tests.bridge.islands import CELL, TURN_S, Depositor, copy_packet, crossings, drops, enveloped, introduced, islands, joined, put_down
from tests.bridge.sites import EPOCH, Site, Sites

FAR_SITE = b"somebody"


def noted(site: Site) -> tuple[EventNoted, ...]:
    return tuple(notice for notice in site.notices if isinstance(notice, EventNoted))


def restarted(before: Site, *names: str, packets: tuple[HistoryKept, ...] = (), at: float = 10.0) -> Sites:
    """Sites of which A is the gateway of before, as it is after a restart."""
    sites = islands(*names, identities={"A": before.engine.mesh.identity})
    sites.run(at)
    sites.give("A", Remember(packets, noted(before)))
    for name in names[1:]:
        sites.join("A", name)
    return sites


def brought(sites: Sites, event: object) -> None:
    sites.from_site("A", "B", enveloped(event, FAR_SITE))
    sites.run(TURN_S)


def test_what_was_put_down_before_is_not_put_down_again() -> None:
    sites = joined("AB")
    ada = introduced(sites, "B", 1)
    event = ada.copy(sites, "once")
    brought(sites, event)
    assert put_down(sites["A"]) == [event]
    assert EventMemory.PUT_DOWN in {one.memory for one in noted(sites["A"])}
    again = restarted(sites["A"], "A", "B")
    brought(again, event)
    assert put_down(again["A"]) == []
    assert drops(again["A"]) == {Reason.ECHO: 1}
    forgetful = islands("A", "B")
    forgetful.join("A", "B")
    brought(forgetful, event)
    assert put_down(forgetful["A"]) == [event]  # so it is the memory that counts


def test_it_is_not_even_asked_for() -> None:
    sites = joined("AB")
    ada = introduced(sites, "B", 1)
    event = ada.copy(sites, "once")
    ada.deposit(sites, "B", event)
    sites.run(TURN_S)
    again = restarted(sites["A"], "A", "B")
    ada.packets.now_ms = int((EPOCH + again.now) * 1000)
    again.radio("B", ada.packets.announce())
    ada.deposit(again, "B", event)
    again.run(OFFER_PERIOD_S + 1)
    assert crossings(again, Kind.WANT) == []
    assert put_down(again["A"]) == []


def test_what_was_deposited_here_is_ours_after_a_restart_too() -> None:
    sites = joined("AB")
    ada = introduced(sites, "A", 1)
    event = ada.copy(sites, "ours")
    ada.deposit(sites, "A", event)
    again = restarted(sites["A"], "A", "B")
    ada.packets.now_ms = int((EPOCH + again.now) * 1000)
    again.radio("A", ada.packets.announce())
    ada.deposit(again, "A", event)
    brought(again, event)
    assert put_down(again["A"]) == []
    assert drops(again["A"]) == {Reason.ECHO: 2}


def test_a_deposit_there_was_no_room_for_may_be_made_again_after_a_restart() -> None:
    sites = islands("A")
    ada = introduced(sites, "A", 1)
    events = [ada.copy(sites, f"number {number}") for number in range(6)]  # one more than one depositor may have waiting
    for event in events:
        ada.deposit(sites, "A", event)
    last = bytes.fromhex(events[-1].event_id)[:16]
    assert [one.until_ms > 0 for one in noted(sites["A"]) if one.identifier == last] == [True, False]


def test_what_another_gateway_put_down_before_is_not_put_down_by_us_after() -> None:
    sites = islands("A")
    ada = Depositor(1)
    event = ada.copy(sites, "theirs")
    sites.radio("A", copy_packet(ada.packets, event))
    again = restarted(sites["A"], "A", "B")
    brought(again, event)
    assert put_down(again["A"]) == []


def test_what_only_waited_for_the_radio_is_put_down_after_all() -> None:
    sites = joined("AB")
    ada = introduced(sites, "B", 1)
    event = ada.copy(sites, "killed too early")
    sites.from_site("A", "B", enveloped(event, FAR_SITE))
    assert noted(sites["A"]) == ()
    again = restarted(sites["A"], "A", "B", at=0.1)
    brought(again, event)
    assert put_down(again["A"]) == [event]


def test_the_copy_of_what_was_heard_on_the_radio_before_is_not_needed_after() -> None:
    sites = joined("AB")
    ada = introduced(sites, "A", 1)
    said = ada.packets.say("hello")
    sites.radio("A", said)
    kept = tuple(notice for notice in sites["A"].notices if isinstance(notice, HistoryKept))
    copy = ada.events.message(CELL, ada.peer_id, ada.packets.now_ms, "hello", bytes(32))
    again = restarted(sites["A"], "A", "B", packets=(*kept, HistoryKept(MessageType.MESSAGE, bytes(16), b"broken", kept[0].until_ms)))
    brought(again, copy)
    assert put_down(again["A"]) == []


def test_the_memory_ends_when_it_would_have_ended() -> None:
    sites = joined("AB")
    ada = introduced(sites, "B", 1)
    event = ada.copy(sites, "once")
    brought(sites, event)
    (put,) = [one for one in noted(sites["A"]) if one.memory is EventMemory.PUT_DOWN]
    carriers = restarted(sites["A"], "A", "B")["A"].engine.consent.carriers
    end = put.until_ms / 1000 - EPOCH
    assert abs(end - EVENT_MEMORY_S - TURN_S) < TURN_S
    assert carriers.has(put.identifier, end - 0.1)
    assert not carriers.has(put.identifier, end + 0.1)
    assert replace(put, until_ms=0) != put
