"""What a gateway has taken is delivered, or ends with a reason that `meshgate why` knows: also after a partition has healed."""

from random import Random

import pytest

from gateway.bridge.shelf import Shelf
from gateway.errors import Reason
from gateway.limits import BRIDGE_DOWN_PER_MINUTE, EVENT_AGE_S, EVENT_MEMORY_S, MAX_EVENTS_KEPT, OFFER_PERIOD_S
from gateway.mesh.records import Decided, Verb
from gateway.wire.envelope import Kind
from gateway.wire.nostr import NostrEvent
from tests.bridge.islands import TURN_S, Depositor, crossings, introduced, islands, joined, put_down, shelved
from tests.bridge.sites import EPOCH, Sites


def endings(sites: Sites, name: str, event: NostrEvent) -> list[tuple[str, Reason | None]]:
    """Where and why one gateway gave an event up."""
    identifier = bytes.fromhex(event.event_id)[:16]
    decided = [notice for notice in sites[name].notices if isinstance(notice, Decided) and notice.subject == identifier]
    return [(one.rule, one.reason) for one in decided if one.verb is Verb.DROPPED]


@pytest.mark.parametrize("parted_s", [60.0, EVENT_AGE_S - 30, EVENT_AGE_S + 30, 3 * EVENT_AGE_S])
def test_after_a_partition_of_any_length_each_event_was_delivered_or_has_expired_with_a_reason(parted_s: float) -> None:
    sites = joined("AB", "BC", "CD", "DA")
    people = {name: introduced(sites, name, number) for number, name in enumerate("AC", 1)}
    sites.part("B", "C")
    sites.part("D", "A")
    said: list[tuple[str, NostrEvent]] = []
    rng = Random(3)
    while sites.now < parted_s:
        name = rng.choice("AC")
        event = people[name].copy(sites, f"{name} at {sites.now:.0f}")
        people[name].deposit(sites, name, event)
        said.append((name, event))
        sites.run(parted_s / 8)
    sites.join("B", "C")
    sites.join("D", "A")
    healed = sites.now
    sites.run(EVENT_AGE_S + 2 * OFFER_PERIOD_S)
    halves = {"A": "AB", "C": "CD"}
    for name, event in said:
        has = {other for other in "ABCD" if event in put_down(sites[other])}
        near, everywhere = set(halves[name]) - {name}, set("ABCD") - {name}
        assert has in (near, everywhere)
        was_fresh = healed - (event.created_at - EPOCH) <= EVENT_AGE_S - 2
        assert (has == everywhere) >= was_fresh
        assert has == everywhere or ("shelf", Reason.EXPIRED) in endings(sites, name, event)
        assert all(put_down(sites[other]).count(event) <= 1 for other in "ABCD")


def test_what_waited_for_a_site_in_vain_ends_with_a_reason() -> None:
    sites = islands("A", "B")
    ada = introduced(sites, "A", 1)
    event = ada.copy(sites, "too long alone")
    ada.deposit(sites, "A", event)
    sites.run(EVENT_AGE_S + 1)
    sites.join("A", "B")
    sites.run(TURN_S)
    assert put_down(sites["B"]) == []
    assert endings(sites, "A", event) == [("no_site", Reason.EXPIRED)]


def test_what_waited_for_the_radio_in_vain_ends_with_a_reason() -> None:
    sites = joined("AB")
    ada = introduced(sites, "A", 1)
    events = [ada.copy(sites, f"{number}", age=EVENT_AGE_S - 40) for number in range(BRIDGE_DOWN_PER_MINUTE + 5)]
    for number, event in enumerate(events):
        other: Depositor = ada if number < 10 else introduced(sites, "A", number)
        other.deposit(sites, "A", event)
    sites.run(70.0)
    late = [event for event in events if event not in put_down(sites["B"])]
    assert len(late) == 5
    assert all(("consent", Reason.EXPIRED) in endings(sites, "B", event) for event in late)


def test_where_nobody_was_out_of_reach_nothing_is_told() -> None:
    sites = joined("AB")
    ada = introduced(sites, "A", 1)
    event = ada.copy(sites, "delivered")
    ada.deposit(sites, "A", event)
    sites.run(EVENT_AGE_S + 2 * OFFER_PERIOD_S)
    assert put_down(sites["B"]) == [event]
    assert endings(sites, "A", event) == endings(sites, "B", event) == []


@pytest.mark.parametrize("is_parted", [True, False])
def test_what_is_pushed_off_the_shelf_ends_with_a_reason_if_a_site_may_lack_it(is_parted: bool) -> None:
    shelf, rng = Shelf(), Random(1)
    shelf.look({b"site one", b"site two"}, 0.0)
    shelf.look({b"site one"} if is_parted else {b"site one", b"site two"}, 2.0)
    names = [rng.randbytes(16) for _ in range(MAX_EVENTS_KEPT + 3)]
    given_up: list[bytes] = []
    for number, name in enumerate(names):
        given_up += shelf.add(shelved(name, is_told=number != 1), 1.0)
    assert given_up == ([names[0], names[2]] if is_parted else [])


def test_a_site_that_has_not_been_linked_for_half_an_hour_is_not_missed() -> None:
    shelf = Shelf()
    shelf.look({b"site one"}, 0.0)
    shelf.look(set(), EVENT_MEMORY_S)
    shelf.add(shelved(bytes(16)), EVENT_MEMORY_S)
    assert shelf.expire(2) == []


def test_nobody_is_told_how_a_presence_ends() -> None:
    sites = joined("AB")
    ada = introduced(sites, "A", 1)
    presence = ada.events.presence("u4pruy", EPOCH, bytes(32))
    ada.deposit(sites, "A", presence)
    sites.run(EVENT_AGE_S + 2 * OFFER_PERIOD_S)
    assert len(crossings(sites, Kind.EVENT)) == 1
    assert endings(sites, "A", presence) == endings(sites, "B", presence) == []
