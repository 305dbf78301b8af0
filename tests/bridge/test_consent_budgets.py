"""How much the consent bridge takes, keeps and puts down; every cap is pushed past."""

from collections import Counter
from itertools import islice
from random import Random

import pytest

from gateway import limits
from gateway.bridge.carriers import Carriers
from gateway.bridge.events import Carried
from gateway.bridge.window import KeyedWindows, Window
from gateway.errors import Reason
from gateway.limits import (
    ALL_DEPOSITS_PER_MINUTE,
    BRIDGE_DOWN_PER_MINUTE,
    CHANNEL_DOWN_PER_MINUTE,
    DEPOSITS_PER_MINUTE,
    EVENT_AGE_S,
    EVENT_CHECKS_PER_MINUTE,
    EVENTS_PER_MINUTE,
    EVENTS_PER_SIGNER,
    MAX_BRIDGE_TEXT,
    MAX_DOWN_PENDING,
    MAX_EVENTS_KNOWN,
    MAX_QUEUED_DEPOSITS,
    MAX_QUEUED_PER_DEPOSITOR,
    MAX_RADIO_TEXTS,
    RADIO_COPIES_PER_MINUTE,
)
from gateway.testing.bridging import Author as Signer
from gateway.testing.bridging import carrier
from gateway.testing.faults import broken_copies
from gateway.wire.carrier import Direction
from gateway.wire.envelope import Kind
from gateway.wire.nostr import NostrEvent
from tests.bridge.islands import CELL, CHANNEL, PLACE, TURN_S, Depositor, crossings, drops, introduced, islands, put_down
from tests.bridge.sites import EPOCH

WALL_MS = EPOCH * 1000
SITE = b"far away"


class Bench:
    """The state machine alone, and as many signers as wanted."""

    def __init__(self) -> None:
        self.drops: Counter[Reason] = Counter()
        self.carriers = Carriers(b"ourselve", PLACE, self.drops)
        self._rng = Random(9)

    def event(self, signer: int, text: str, age: float = 0.0) -> NostrEvent:
        author = Signer(signer.to_bytes(32), f"signer {signer}")
        return author.message(CELL, signer.to_bytes(8), int(WALL_MS - age * 1000), text, self._rng.randbytes(32))

    def channel(self, signer: int, text: str) -> NostrEvent:
        return Signer(signer.to_bytes(32), "").channel_message(CHANNEL, EPOCH, text, self._rng.randbytes(32))

    def deposit(self, depositor: int, event: NostrEvent, now: float = 0.0) -> Carried | Reason:
        return self.carriers.deposit(depositor.to_bytes(8), carrier(Direction.TO_BRIDGE, CELL, event), now, WALL_MS + int(now * 1000))

    def arrive(self, event: NostrEvent, now: float = 0.0, way: Direction = Direction.TO_BRIDGE) -> Carried | Reason | None:
        place = CELL if way is Direction.TO_BRIDGE else CHANNEL
        name = bytes.fromhex(event.event_id)[:16]
        return self.carriers.arrive(carrier(way, place, event), name, (), now, WALL_MS + int(now * 1000))

    def hear(self, event: NostrEvent, now: float = 0.0) -> Reason | None:
        return self.carriers.heard_copy(carrier(Direction.FROM_BRIDGE, CELL, event), now, WALL_MS + int(now * 1000))

    def put_down(self, now: float) -> int:
        return len(self.carriers.put_down(now, WALL_MS + int(now * 1000)))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_budgets_are_those_of_the_iphones_app() -> None:
    assert (limits.DEPOSITS_PER_MINUTE, limits.MAX_QUEUED_DEPOSITS, limits.MAX_QUEUED_PER_DEPOSITOR) == (10, 20, 5)
    assert (limits.BRIDGE_DOWN_PER_MINUTE, limits.CHANNEL_DOWN_PER_MINUTE, limits.MAX_DOWN_PENDING) == (20, 30, 30)
    assert (limits.EVENT_AGE_S, limits.MAX_BRIDGE_TEXT, limits.MAX_RADIO_TEXTS) == (900.0, 16_000, 512)
    assert (limits.EVENTS_PER_MINUTE, limits.EVENTS_PER_SIGNER, limits.EVENT_CHECKS_PER_MINUTE) == (600, 120, 720)
    assert (limits.MAX_PARTICIPANTS, limits.PARTICIPANT_FRESH_S, limits.DOWN_JITTER_S) == (128, 600.0, (0.2, 1.5))


def test_every_event_that_can_still_be_fresh_is_remembered() -> None:
    assert MAX_EVENTS_KNOWN >= EVENT_CHECKS_PER_MINUTE * 2 * EVENT_AGE_S / 60


def test_a_depositor_has_ten_deposits_in_any_minute_and_others_have_their_own(bench: Bench) -> None:
    taken = [bench.deposit(1, bench.event(1, f"{number}"), now=number / 10) for number in range(DEPOSITS_PER_MINUTE + 3)]
    assert taken[DEPOSITS_PER_MINUTE:] == [Reason.BUDGET] * 3
    assert not any(isinstance(one, Reason) for one in taken[:DEPOSITS_PER_MINUTE])
    assert isinstance(bench.deposit(2, bench.event(2, "my first"), now=5.0), Carried)
    assert bench.deposit(1, bench.event(1, "too soon"), now=59.9) is Reason.BUDGET
    assert isinstance(bench.deposit(1, bench.event(1, "a minute later"), now=60.0), Carried)


def test_depositors_out_of_nowhere_share_a_budget_and_leave_room_for_what_sites_bring(bench: Bench) -> None:
    taken = [bench.deposit(number, bench.event(number, "me too")) for number in range(1, ALL_DEPOSITS_PER_MINUTE + 6)]
    assert taken[-5:] == [Reason.BUDGET] * 5
    assert sum(isinstance(one, Carried) for one in taken) == ALL_DEPOSITS_PER_MINUTE < EVENT_CHECKS_PER_MINUTE
    assert isinstance(bench.arrive(bench.event(9_999, "from afar")), Carried)


def test_one_signer_has_a_share_of_what_sites_may_bring(bench: Bench) -> None:
    taken = [bench.arrive(bench.event(1, f"{number}")) for number in range(EVENTS_PER_SIGNER + 3)]
    assert [one for one in taken if isinstance(one, Reason)] == [Reason.RATE] * 3
    assert isinstance(bench.arrive(bench.event(2, "somebody else")), Carried)


def test_whoever_only_names_a_signer_uses_up_nothing_of_that_share(bench: Bench) -> None:
    for number in range(EVENTS_PER_SIGNER + 3):
        event = bench.event(1, f"{number}")
        forged = NostrEvent(event.event_id, event.pubkey, event.created_at, event.kind, event.tags, event.content, event.sig[::-1])
        assert bench.arrive(forged) is Reason.SIGNATURE
    assert isinstance(bench.arrive(bench.event(1, "really me")), Carried)


def test_all_sites_together_bring_so_many_events_in_any_minute(bench: Bench) -> None:
    taken = [bench.arrive(bench.event(number // 100 + 1, f"{number}")) for number in range(EVENTS_PER_MINUTE + 4)]
    assert taken[-4:] == [Reason.RATE] * 4
    assert sum(isinstance(one, Carried) for one in taken) == EVENTS_PER_MINUTE
    assert isinstance(bench.arrive(bench.event(1, "a minute later"), now=60.0), Carried)


def test_signatures_are_checked_so_often_in_any_minute_whatever_for(bench: Bench) -> None:
    for number in range(EVENTS_PER_MINUTE):
        bench.arrive(bench.event(number // 100 + 1, f"{number}"))
    left = EVENT_CHECKS_PER_MINUTE - EVENTS_PER_MINUTE
    deposits = [bench.deposit(number, bench.event(number, "me too")) for number in range(1, left + 3)]
    assert deposits[-2:] == [Reason.RATE] * 2
    assert bench.hear(bench.event(1, "on the air")) is Reason.RATE


def test_a_radio_full_of_forged_copies_uses_up_its_own_budget_alone(bench: Bench) -> None:
    heard = [bench.hear(bench.event(number + 1, "copy")) for number in range(RADIO_COPIES_PER_MINUTE + 2)]
    assert heard == [None] * RADIO_COPIES_PER_MINUTE + [Reason.RATE] * 2
    assert isinstance(bench.arrive(bench.event(9_999, "from afar")), Carried)
    assert isinstance(bench.deposit(1, bench.event(9_998, "from here")), Carried)


def test_a_copy_that_is_heard_again_costs_nothing(bench: Bench) -> None:
    event = bench.event(1, "over many hops")
    heard = [bench.hear(event) for _ in range(2 * RADIO_COPIES_PER_MINUTE)]
    assert heard == [None] + [Reason.DUPLICATE] * (2 * RADIO_COPIES_PER_MINUTE - 1)
    assert bench.hear(bench.event(2, "another")) is None


def test_the_radio_gets_so_many_events_in_any_minute_and_the_rest_follows(bench: Bench) -> None:
    for number in range(BRIDGE_DOWN_PER_MINUTE + 5):
        bench.arrive(bench.event(1, f"{number}"))
    assert bench.put_down(2.0) == BRIDGE_DOWN_PER_MINUTE
    assert bench.carriers.next_at() == 62.0
    assert bench.put_down(61.9) == 0
    assert bench.put_down(62.0) == 5
    assert bench.carriers.next_at() == float("inf")


def test_channels_have_a_budget_of_their_own(bench: Bench) -> None:
    for number in range(BRIDGE_DOWN_PER_MINUTE):
        bench.arrive(bench.event(1, f"{number}"))
    for number in range(CHANNEL_DOWN_PER_MINUTE):
        bench.arrive(bench.channel(2, f"{number}"), way=Direction.TO_GATEWAY)
    assert bench.put_down(2.0) == BRIDGE_DOWN_PER_MINUTE + CHANNEL_DOWN_PER_MINUTE
    bench.arrive(bench.channel(2, "one more"), now=2.0, way=Direction.TO_GATEWAY)
    assert bench.put_down(10.0) == 0


def test_of_more_than_may_wait_the_oldest_is_given_up_and_put_down_when_it_comes_again(bench: Bench) -> None:
    events = [bench.event(1, f"{number}") for number in range(MAX_DOWN_PENDING + 2)]
    for event in events:
        bench.arrive(event)
    assert bench.carriers.waiting == MAX_DOWN_PENDING
    assert bench.drops == {Reason.QUEUE_FULL: 2}
    assert bench.put_down(2.0) == BRIDGE_DOWN_PER_MINUTE
    assert bench.arrive(events[0], now=3.0) is None  # waits once more, and is not passed on again
    assert bench.arrive(events[5], now=3.0) is Reason.ECHO
    assert bench.put_down(65.0) == MAX_DOWN_PENDING - BRIDGE_DOWN_PER_MINUTE + 1


def test_what_grows_too_old_while_it_waits_is_not_put_down(bench: Bench) -> None:
    for number in range(BRIDGE_DOWN_PER_MINUTE + 3):
        bench.arrive(bench.event(1, f"{number}", age=EVENT_AGE_S - 30))
    assert bench.put_down(2.0) == BRIDGE_DOWN_PER_MINUTE
    assert bench.put_down(62.0) == 0
    assert bench.drops == {Reason.EXPIRED: 3}
    assert bench.carriers.waiting == 0


@pytest.mark.parametrize(
    ("age", "expected"),
    [(EVENT_AGE_S, None), (EVENT_AGE_S + 1, Reason.EXPIRED), (-EVENT_AGE_S, None), (-EVENT_AGE_S - 1, Reason.WINDOW)],
)
def test_an_event_is_of_this_quarter_of_an_hour(bench: Bench, age: float, expected: Reason | None) -> None:
    taken = bench.deposit(1, bench.event(1, "when?", age=age))
    assert (taken if isinstance(taken, Reason) else None) is expected


@pytest.mark.parametrize(("size", "expected"), [(MAX_BRIDGE_TEXT, Carried), (MAX_BRIDGE_TEXT + 1, Reason.OVERSIZED)])
def test_a_copy_holds_no_more_than_a_public_message(bench: Bench, size: int, expected: object) -> None:
    author = Signer(bytes(31) + b"\x01", "")
    event = author.channel_message(CHANNEL, EPOCH, "x" * size, bytes(32))
    bare = carrier(Direction.TO_GATEWAY, CHANNEL, event)
    taken = bench.carriers.deposit(b"somebody", bare, 0.0, WALL_MS)
    assert taken is expected or (isinstance(taken, Carried) and expected is Carried)


def test_only_so_many_radio_messages_are_remembered(bench: Bench) -> None:
    for number in range(MAX_RADIO_TEXTS + 1):
        bench.carriers.heard_text(bytes(8), number, "text", 0.0)
    assert len(bench.carriers._texts) == MAX_RADIO_TEXTS


def test_a_window_slides() -> None:
    window = Window(2, 10.0)
    assert [window.take(now) for now in (0.0, 5.0, 9.9, 10.0, 14.9, 15.0)] == [True, True, False, True, False, True]
    assert window.free_at() == 20.0


def test_windows_by_key_forget_the_one_used_longest_ago() -> None:
    windows = KeyedWindows(1, 2)
    for key in (b"a", b"b", b"a", b"c"):
        windows.take(key, 0.0)
    assert len(windows) == 2
    assert not windows.has_room(b"a", 1.0)
    assert windows.has_room(b"b", 1.0)


class TestWithoutASite:
    """Deposits wait while there is nobody to carry them to."""

    def test_they_cross_when_a_site_links_up(self) -> None:
        sites = islands("A", "B")
        ada = introduced(sites, "A", 1)
        events = [ada.copy(sites, f"{number}") for number in range(3)]
        for event in events:
            ada.deposit(sites, "A", event)
        sites.run(30.0)
        sites.join("A", "B")
        sites.run(TURN_S)
        assert sorted(event.content for event in put_down(sites["B"])) == ["0", "1", "2"]
        assert put_down(sites["A"]) == []

    def test_one_depositor_has_few_waiting_and_the_newest_is_refused(self) -> None:
        sites = islands("A", "B")
        ada = introduced(sites, "A", 1)
        for number in range(MAX_QUEUED_PER_DEPOSITOR + 2):
            ada.deposit(sites, "A", ada.copy(sites, f"{number}"))
        assert drops(sites["A"]) == {Reason.QUEUE_FULL: 2}
        sites.join("A", "B")
        assert len(crossings(sites, Kind.EVENT)) == MAX_QUEUED_PER_DEPOSITOR

    def test_of_more_than_may_wait_the_oldest_is_given_up_and_may_be_deposited_again(self) -> None:
        sites = islands("A", "B")
        first = introduced(sites, "A", 1)
        lost = first.copy(sites, "the oldest")
        first.deposit(sites, "A", lost)
        for number in range(MAX_QUEUED_DEPOSITS):
            other: Depositor = introduced(sites, "A", number // MAX_QUEUED_PER_DEPOSITOR + 2)
            other.deposit(sites, "A", other.copy(sites, f"{number}"))
        assert drops(sites["A"]) == {Reason.QUEUE_FULL: 1}
        sites.join("A", "B")
        assert len(crossings(sites, Kind.EVENT)) == MAX_QUEUED_DEPOSITS
        first.deposit(sites, "A", lost)
        assert len(crossings(sites, Kind.EVENT)) == MAX_QUEUED_DEPOSITS + 1

    def test_what_has_grown_too_old_does_not_cross(self) -> None:
        sites = islands("A", "B")
        ada = introduced(sites, "A", 1)
        ada.deposit(sites, "A", ada.copy(sites, "in vain", age=EVENT_AGE_S - 10))
        sites.run(20.0)
        sites.join("A", "B")
        assert crossings(sites, Kind.EVENT) == []
        assert drops(sites["A"]) == {Reason.EXPIRED: 1}


def test_whatever_comes_in_is_counted_and_only_what_an_author_signed_comes_out(bench: Bench) -> None:
    event = bench.event(1, "the only true one")
    name = bytes.fromhex(event.event_id)[:16]
    rng = Random(4)
    decisions = Counter()
    for direction in Direction:
        for broken in islice(broken_copies(carrier(direction, CELL, event), rng), 400):
            now = decisions.total() / 2
            for decision in (
                bench.carriers.deposit(b"somebody", broken, now, WALL_MS),
                bench.carriers.arrive(broken, name, (), now, WALL_MS),
                bench.carriers.heard_copy(broken, now, WALL_MS),
            ):
                decisions[decision] += 1
    assert all(isinstance(decision, Reason) for decision in decisions)
    assert {Reason.TLV, Reason.FIELD, Reason.SIGNATURE, Reason.ENVELOPE} <= decisions.keys()
    assert bench.carriers.counts == {}
    assert bench.carriers.waiting == 0
