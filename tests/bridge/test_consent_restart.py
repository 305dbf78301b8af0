"""A gateway that was restarted puts no event down a second time, and takes no deposit twice."""

from dataclasses import replace

from gateway.errors import Reason
from gateway.limits import EVENT_AGE_S, EVENT_MEMORY_S, MAX_QUEUED_DEPOSITS, OFFER_PERIOD_S
from gateway.mesh.events import Remember
from gateway.mesh.records import EventCarried, EventMemory, EventNoted, HistoryKept
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


def carried(site: Site) -> tuple[EventCarried, ...]:
    """What a site's disk holds of events that wait for sites."""
    disk: dict[tuple[bytes, bool], EventCarried] = {}
    for notice in site.notices:
        if isinstance(notice, EventCarried):
            disk.pop((notice.identifier, notice.unsent), None)
            if notice.until_ms:
                disk[notice.identifier, notice.unsent] = notice
    return tuple(disk.values())


def resumed(before: Site, *names: str, at: float = 10.0) -> Sites:
    """The gateway of before after a restart, with what waited for sites; B, C … are linked afterwards."""
    sites = islands(*names, identities={"A": before.engine.mesh.identity})
    sites.run(at)
    sites.give("A", Remember((), noted(before), carried=carried(before)))
    for name in names[1:]:
        sites.join("A", name)
    return sites


def test_a_deposit_no_site_was_linked_for_is_sent_after_a_restart() -> None:
    sites = islands("A")
    ada = introduced(sites, "A", 1)
    event = ada.copy(sites, "nobody is linked")
    ada.deposit(sites, "A", event)
    again = resumed(sites["A"], "A", "B")
    again.run(TURN_S)
    assert put_down(again["B"]) == [event]
    assert len(again["A"].engine.consent.unsent) == 0
    assert [one.unsent for one in carried(again["A"])] == [False]  # a site has it, and others may still want it


def test_what_was_at_hand_is_offered_after_a_restart_to_a_site_that_missed_it() -> None:
    sites = joined("AB")
    ada = introduced(sites, "B", 1)
    event = ada.copy(sites, "missed by C")
    ada.deposit(sites, "B", event)
    again = resumed(sites["A"], "A", "B", "C")
    again.run(TURN_S)
    assert put_down(again["C"]) == [event]


def test_what_is_not_fresh_any_more_is_left_behind() -> None:
    sites = islands("A")
    ada = introduced(sites, "A", 1)
    ada.deposit(sites, "A", ada.copy(sites, "too late"))
    again = resumed(sites["A"], "A", "B", at=EVENT_AGE_S + 60)
    assert crossings(again, Kind.EVENT, Kind.OFFER) == []


def test_a_deposit_given_up_for_want_of_room_is_not_on_the_disk() -> None:
    sites = islands("A")
    for number in range(MAX_QUEUED_DEPOSITS + 2):
        depositor = introduced(sites, "A", 100 + number)
        depositor.deposit(sites, "A", depositor.copy(sites, "hello"))
    assert len(carried(sites["A"])) == MAX_QUEUED_DEPOSITS
