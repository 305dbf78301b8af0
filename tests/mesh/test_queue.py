"""What waits for a busy link: who goes first, in which order, and what is shed when too much waits."""

from collections import Counter
from collections.abc import Iterable
from random import Random

import pytest

from gateway.limits import (
    ASSEMBLY_LIFETIME_S,
    BULK_ORIGIN_SHARE,
    EMERGENCY_RESERVE,
    MAX_FRAGMENT_SETS,
    QUEUE_AIR_S,
    QUEUE_BYTES,
    QUEUE_LEAST_BYTES,
    RSR_WINDOW_S,
    VOICE_WAIT_S,
)
from gateway.mesh.effects import Priority
from gateway.mesh.queue import SHARES, InOrderQueue, LinkQueue, Shed
from gateway.mesh.throughput import WINDOW_S
from gateway.wire.fragment import Fragment, encode_fragment
from gateway.wire.packet import Packet, encode, peek
from gateway.wire.types import MessageType
from transports.link import LinkId

EMERGENCY, DIRECTED, PUBLIC, SYNC, VOICE, BULK = Priority
ADA, BOB, EVE = b"ada-----", b"bob-----", b"eve-----"
USUAL = int(QUEUE_BYTES * (1 - EMERGENCY_RESERVE))  # bytes for everything but emergencies


def made() -> tuple[LinkQueue, Shed]:
    shed = dict.fromkeys(Priority, 0)
    return LinkQueue(shed), shed


def frame(origin: bytes, text: str, size: int = 0) -> bytes:
    payload = text.encode().ljust(size - 22, b".")
    return encode(Packet(MessageType.MESSAGE, 7, 1, origin, payload, wire_payload=payload))


def says(frames: Iterable[bytes]) -> list[str]:
    return [one[header.payload_start : header.payload_end].decode().rstrip(".") for one in frames for header in [peek(one)]]


def fragments(origin: bytes, name: bytes, count: int, size: int = 400) -> list[bytes]:
    pieces = [encode_fragment(Fragment(name, index, count, MessageType.FILE, bytes(size))) for index in range(count)]
    return [encode(Packet(MessageType.FRAGMENT, 7, 1, origin, piece, wire_payload=piece)) for piece in pieces]


def name_and_index(one: bytes) -> tuple[bytes, int]:
    start = peek(one).payload_start
    return one[start : start + 8], int.from_bytes(one[start + 8 : start + 10])


def drain(queue: LinkQueue | InOrderQueue, count: int = 100_000, now: float = 0.0) -> list[bytes]:
    frames: list[bytes] = []

    def send(one: bytes) -> bool:
        if len(frames) == count:
            return False
        frames.append(one)
        return True

    queue.drain(send, now)
    return frames


def slow(queue: LinkQueue, rate: float) -> None:
    """Let the queue learn what its link carries."""
    queue.push(bytes(int(rate * WINDOW_S)), DIRECTED, 0.0)
    queue.push(b"more", DIRECTED, 0.0)
    drain(queue, 1, WINDOW_S)
    assert queue.rate == int(rate * WINDOW_S) / WINDOW_S
    drain(queue)


class TestOrder:
    def test_a_class_below_its_share_goes_before_those_that_wait_and_the_urgent_first(self) -> None:
        queue, shed = made()
        for priority in (BULK, VOICE, SYNC, PUBLIC, DIRECTED, EMERGENCY):
            assert queue.push(frame(ADA, priority.name), priority, 0.0)
        assert says(drain(queue)) == ["EMERGENCY", "DIRECTED", "PUBLIC", "SYNC", "VOICE", "BULK"]
        assert (len(queue), queue.bytes, sum(shed.values())) == (0, 0, 0)

    def test_classes_that_want_more_than_there_is_have_it_by_their_shares(self) -> None:
        queue, _ = made()
        for number in range(60):
            for priority in (BULK, SYNC, PUBLIC, DIRECTED):
                queue.push(frame(ADA, f"{priority.name} {number}", 120), priority, 0.0)
        had = Counter(text.split()[0] for text in says(drain(queue, 70)))
        total = sum(SHARES[one] for one in (BULK, SYNC, PUBLIC, DIRECTED))
        for priority in (BULK, SYNC, PUBLIC, DIRECTED):
            assert abs(had[priority.name] - 70 * SHARES[priority] / total) <= 1, had

    def test_somebody_who_floods_does_not_hold_up_the_others_of_his_class(self) -> None:
        queue, _ = made()
        for number in range(50):
            queue.push(frame(EVE, f"eve {number}"), PUBLIC, 0.0)
        queue.push(frame(ADA, "ada 0"), PUBLIC, 0.0)
        queue.push(frame(ADA, "ada 1"), PUBLIC, 0.0)
        queue.push(frame(BOB, "bob 0"), PUBLIC, 0.0)
        assert says(drain(queue))[:6] == ["eve 0", "ada 0", "bob 0", "eve 1", "ada 1", "eve 2"]

    def test_a_link_that_brings_ever_new_names_does_not_hold_up_the_others(self) -> None:
        queue, shed = made()
        near, far = LinkId("near"), LinkId("far")
        for number in range(200):
            queue.push(frame(f"name{number:4}".encode(), f"eve {number}", 200), PUBLIC, 0.0, far)
        queue.push(frame(ADA, "ada 0", 200), PUBLIC, 0.0, near)
        queue.push(frame(BOB, "bob 0", 200), PUBLIC, 0.0, near)
        queue.push(frame(ADA, "own", 200), PUBLIC, 0.0)
        first = says(drain(queue, 6))
        assert {"ada 0", "bob 0", "own"} < set(first), first
        assert first.index("ada 0") < first.index("bob 0")
        assert sum(shed.values()) == 0

    def test_what_is_shed_is_of_the_link_that_brought_most(self) -> None:
        queue, shed = made()
        slow(queue, 1.0)
        queue.push(frame(ADA, "ada", 1_000), PUBLIC, 0.0, LinkId("near"))
        for number in range(9):
            queue.push(frame(f"name{number:4}".encode(), f"eve {number}", 1_000), PUBLIC, 0.0, LinkId("far"))
        assert shed[PUBLIC] == 3
        assert "ada" in says(drain(queue))

    def test_a_conversation_keeps_its_order_whichever_links_it_came_by(self) -> None:
        queue, _ = made()
        for number in range(20):
            queue.push(frame(ADA, f"{number}"), DIRECTED, 0.0, LinkId(f"link {number % 3}"))
        assert says(drain(queue)) == [f"{number}" for number in range(20)]

    @pytest.mark.parametrize("seed", range(5))
    def test_nothing_of_one_origin_overtakes_anything_of_the_same_class(self, seed: int) -> None:
        print(f"seed {seed}")
        rng, (queue, _), left = Random(seed), made(), list[bytes]()
        for number in range(2_000):
            origin = rng.choice((ADA, BOB, EVE))
            priority = rng.choice(list(Priority))
            queue.push(frame(origin, f"{origin.decode()} {priority.name} {number}", rng.randrange(60, 500)), priority, 0.0)
            left += drain(queue, rng.randrange(3))
        left += drain(queue)
        numbers: dict[tuple[str, str], list[int]] = {}
        for text in says(left):
            who, kind, number = text.split()
            numbers.setdefault((who, kind), []).append(int(number))
        assert len(numbers) == 18
        assert all(order == sorted(order) for order in numbers.values())

    def test_the_fragments_of_a_set_keep_their_order(self) -> None:
        queue, _ = made()
        for mine, yours in zip(fragments(ADA, b"picture1", 9), fragments(BOB, b"picture2", 9), strict=True):
            queue.push(mine, BULK, 0.0)
            queue.push(yours, BULK, 0.0)
        left = [name_and_index(one) for one in drain(queue)]
        for name in (b"picture1", b"picture2"):
            assert [index for other, index in left if other == name] == list(range(9))

    def test_taking_all_gives_what_would_have_left_in_that_order(self) -> None:
        queue, twin = made()[0], made()[0]
        for number in range(40):
            for origin, priority in ((ADA, BULK), (EVE, PUBLIC), (BOB, PUBLIC), (BOB, DIRECTED)):
                for one in (queue, twin):
                    one.push(frame(origin, f"{number}"), priority, 0.0)
        taken = queue.take_all()
        assert [one for one, _ in taken] == drain(twin)
        assert {priority for _, priority in taken} == {BULK, PUBLIC, DIRECTED}
        assert (len(queue), queue.bytes, queue.take_all()) == (0, 0, ())

    def test_what_is_no_packet_waits_like_one(self) -> None:
        queue, _ = made()
        queue.push(b"what?", PUBLIC, 0.0)
        assert drain(queue) == [b"what?"]


class TestRoom:
    def test_the_oldest_of_the_least_urgent_is_shed_first(self) -> None:
        queue, shed = made()
        slow(queue, 1.0)
        for name, priority in (("bulk 1", BULK), ("bulk 2", BULK), ("voice", VOICE), ("public", PUBLIC)):
            assert queue.push(frame(name.encode().ljust(8), name, 1_700), priority, 0.0)
        assert not queue.push(frame(ADA, "directed", 1_700), DIRECTED, 0.0)
        assert not queue.push(frame(ADA, "directed 2", 1_700), DIRECTED, 0.0)
        assert not queue.push(frame(ADA, "directed 3", 1_700), DIRECTED, 0.0)
        assert shed == dict.fromkeys(Priority, 0) | {BULK: 2, VOICE: 1}
        assert says(drain(queue)) == ["directed", "public", "directed 2", "directed 3"]

    def test_within_a_class_who_has_most_there_makes_room(self) -> None:
        queue, shed = made()
        slow(queue, 1.0)
        queue.push(frame(ADA, "ada", 1_000), PUBLIC, 0.0)
        for number in range(7):
            queue.push(frame(EVE, f"eve {number}", 1_000), PUBLIC, 0.0)
        queue.push(frame(BOB, "bob", 1_000), PUBLIC, 0.0)
        assert shed[PUBLIC] == 2
        assert sorted(says(drain(queue))) == ["ada", "bob", "eve 2", "eve 3", "eve 4", "eve 5", "eve 6"]

    def test_nothing_more_urgent_makes_room_within_its_share(self) -> None:
        queue, shed = made()
        slow(queue, 1.0)
        for number, priority in enumerate((DIRECTED, DIRECTED, PUBLIC, PUBLIC)):
            queue.push(frame(ADA, f"{number}", 1_700), priority, 0.0)
        assert not queue.push(frame(BOB, "voice", 1_700), VOICE, 0.0)
        assert shed == dict.fromkeys(Priority, 0) | {VOICE: 1}
        assert len(drain(queue)) == 4

    def test_a_flood_of_a_more_urgent_class_leaves_the_others_their_share_of_the_room(self) -> None:
        queue, shed = made()
        slow(queue, 1.0)
        for number in range(70):
            queue.push(frame(EVE, f"eve {number}", 100), DIRECTED, 0.0)
        for number in range(30):
            queue.push(frame(ADA, f"ada {number}", 100), PUBLIC, 0.0)
        assert shed == dict.fromkeys(Priority, 0) | {DIRECTED: 29}
        for number in range(30):
            queue.push(frame(ADA, f"ada {number}", 100), PUBLIC, 0.0)
            queue.push(frame(EVE, f"eve {number}", 100), DIRECTED, 0.0)
        had = Counter(text.split()[0] for text in says(drain(queue)))
        assert abs(had["ada"] - had["eve"]) <= 1

    def test_a_frame_that_will_never_fit_costs_the_others_nothing(self) -> None:
        queue, shed = made()
        queue.push(b"public", PUBLIC, 0.0)
        assert not queue.push(bytes(QUEUE_BYTES + 1), DIRECTED, 0.0)
        assert shed[DIRECTED] == 1
        assert drain(queue) == [b"public"]

    def test_some_room_is_kept_for_emergencies_and_they_are_never_shed_for_others(self) -> None:
        queue, shed = made()
        for number in range(QUEUE_BYTES // 1_000 + 10):
            queue.push(frame(ADA, f"{number}", 1_000), DIRECTED, 0.0)
        assert USUAL - 1_000 < queue.bytes <= USUAL
        assert queue.push(frame(BOB, "help", 1_000), EMERGENCY, 0.0)
        assert queue.push(frame(ADA, "help", 1_000), EMERGENCY, 0.0)
        queue.push(frame(ADA, "more", 1_000), DIRECTED, 0.0)
        assert shed[EMERGENCY] == 0
        assert says(drain(queue))[:3] in (["help", "0", "help"], ["help", "10", "help"], ["help", "20", "help"], ["help", "19", "help"])

    def test_a_flood_of_emergencies_has_its_share_and_no_more(self) -> None:
        queue, _ = made()
        for number in range(60):
            queue.push(frame(EVE, f"help {number}", 200), EMERGENCY, 0.0)
            queue.push(frame(ADA, f"text {number}", 200), PUBLIC, 0.0)
        had = Counter(text.split()[0] for text in says(drain(queue, 40)))
        assert had == {"help": 20, "text": 20}

    def test_one_sender_has_half_of_the_room_for_bulk(self) -> None:
        queue, shed = made()
        for number in range(200):
            queue.push(frame(EVE, f"{number}", 1_000), BULK, 0.0)
        assert queue.bytes == int(QUEUE_BYTES * BULK_ORIGIN_SHARE) // 1_000 * 1_000
        assert queue.push(frame(ADA, "mine", 1_000), BULK, 0.0)
        assert shed[BULK] == 200 - queue.bytes // 1_000 + 1

    @pytest.mark.parametrize("seed", range(3))
    def test_it_never_holds_more_than_its_room_and_counts_what_it_sheds(self, seed: int) -> None:
        print(f"seed {seed}")
        rng, (queue, shed) = Random(seed), made()
        sets = {origin: fragments(origin, origin, 60) for origin in (ADA, BOB)}
        pushed = popped = 0
        now = 0.0
        for number in range(6_000):
            now += rng.random() / 20
            origin = rng.choice((ADA, BOB))
            priority = rng.choice(list(Priority))
            one = rng.choice(sets[origin]) if priority is BULK else frame(origin, f"{number}", rng.randrange(60, 2_000))
            queue.push(one, priority, now)
            pushed += 1
            assert queue.bytes <= max(queue.capacity, held) if number and (held := queue.bytes) else True
            popped += len(drain(queue, rng.choice((0, 0, 0, 1)), now))
        assert sum(shed.values()) > 0
        assert pushed == popped + sum(shed.values()) + len(queue)
        assert queue.bytes == sum(len(one) for one, _ in queue.take_all())


class TestFragmentSets:
    def test_a_set_is_shed_whole_the_rest_of_it_included(self) -> None:
        queue, shed = made()
        slow(queue, 1_000.0)  # room for 10,000 bytes, half of it for one sender
        old, new = fragments(ADA, b"picture1", 20), fragments(ADA, b"picture2", 10)
        for one in old[:10]:
            assert queue.push(one, BULK, 0.0)
        for one in new:
            queue.push(one, BULK, 0.0)
        assert shed[BULK] == 10
        assert not queue.push(old[10], BULK, 0.0), "nobody can put it together any more"
        assert shed[BULK] == 11
        assert [name_and_index(one) for one in drain(queue)] == [(b"picture2", index) for index in range(10)]

    def test_a_set_that_has_begun_to_leave_is_shed_last(self) -> None:
        queue, shed = made()
        slow(queue, 1_000.0)
        begun, late = fragments(ADA, b"picture1", 10), fragments(ADA, b"picture2", 10)
        for one in begun:
            queue.push(one, BULK, 0.0)
        assert len(drain(queue, 1)) == 1
        for one in late:
            queue.push(one, BULK, 0.0)
        assert [name_and_index(one) for one in drain(queue)] == [(b"picture1", index) for index in range(1, 10)]
        assert shed[BULK] == 10

    def test_more_than_a_link_carries_still_gets_sets_through(self) -> None:
        queue, shed = made()
        slow(queue, 2_000.0)
        whole = Counter[bytes]()
        for number in range(40):
            for pair in zip(fragments(ADA, b"a%07d" % number, 12), fragments(BOB, b"b%07d" % number, 12), strict=True):
                for one in pair:
                    queue.push(one, BULK, float(number))
                for one in drain(queue, 1, float(number)):
                    whole[name_and_index(one)[0]] += 1
        complete = [name for name, count in whole.items() if count == 12]
        assert shed[BULK] > 300
        assert len(complete) >= 0.7 * len(whole) >= 20, "what goes out is not thrown away half-way"

    def test_a_set_nobody_waits_for_any_more_is_given_up(self) -> None:
        queue, shed = made()
        pieces = fragments(ADA, b"picture1", 4)
        queue.push(pieces[0], BULK, 0.0)
        queue.push(pieces[1], BULK, ASSEMBLY_LIFETIME_S)
        assert drain(queue, now=ASSEMBLY_LIFETIME_S + 0.1) == []
        assert shed[BULK] == 2
        assert not queue.push(pieces[2], BULK, ASSEMBLY_LIFETIME_S)
        again = ASSEMBLY_LIFETIME_S + 1.0
        assert queue.push(pieces[3], BULK, again), "somebody sends it anew"
        assert drain(queue, now=again) == [pieces[3]]

    def test_fragments_in_a_sync_answer_fill_holes_one_by_one(self) -> None:
        queue, _ = made()
        pieces = fragments(ADA, b"picture1", 3)
        queue.push(pieces[0], BULK, 0.0)
        drain(queue, now=ASSEMBLY_LIFETIME_S + 1.0)
        assert queue.push(pieces[1], SYNC, 1.0)
        assert drain(queue, now=2.0) == [pieces[1]]

    def test_the_fragments_of_a_conversation_are_shed_whole_too(self) -> None:
        queue, _ = made()
        slow(queue, 1.0)
        for one in fragments(ADA, b"whisper1", 12) + fragments(BOB, b"whisper2", 8):
            queue.push(one, DIRECTED, 0.0)
        assert {name_and_index(one)[0] for one in drain(queue)} == {b"whisper2"}

    def test_the_sets_remembered_are_bounded(self) -> None:
        queue, _ = made()
        for number in range(3 * MAX_FRAGMENT_SETS):
            queue.push(fragments(EVE, b"%08d" % number, 2)[0], BULK, 0.0)
            drain(queue)
        assert len(queue._sets) <= MAX_FRAGMENT_SETS


class TestAge:
    @pytest.mark.parametrize(("priority", "lasts"), [(VOICE, VOICE_WAIT_S), (SYNC, RSR_WINDOW_S)])
    def test_what_is_too_late_to_be_of_use_is_not_sent(self, priority: Priority, lasts: float) -> None:
        queue, shed = made()
        queue.push(frame(ADA, "old"), priority, 0.0)
        queue.push(frame(ADA, "new"), priority, 1.0)
        queue.push(frame(ADA, "text"), PUBLIC, 0.0)
        assert says(drain(queue, now=lasts + 0.5)) == ["text", "new"]
        assert shed[priority] == 1

    def test_words_have_no_such_end(self) -> None:
        queue, _ = made()
        queue.push(frame(ADA, "text"), PUBLIC, 0.0)
        queue.push(frame(ADA, "whisper"), DIRECTED, 0.0)
        assert len(drain(queue, now=1_000.0)) == 2


class TestThroughput:
    def test_it_is_what_the_link_took_between_two_refusals(self) -> None:
        queue, _ = made()
        for number in range(100):
            queue.push(frame(ADA, f"{number}", 100), PUBLIC, 0.0)
        assert queue.rate is None
        drain(queue, 5, 0.5)
        assert queue.rate is None, "half a second shows single connection events"
        drain(queue, 15, 2.0)
        assert queue.rate == 1_000.0
        drain(queue, 40, 4.0)
        assert queue.rate == pytest.approx(1_300.0)

    def test_a_link_that_has_emptied_its_queue_says_nothing(self) -> None:
        queue, _ = made()
        queue.push(frame(ADA, "text"), PUBLIC, 0.0)
        drain(queue, now=10.0)
        queue.push(frame(ADA, "text"), PUBLIC, 20.0)
        drain(queue, 0, 20.5)
        assert queue.rate is None

    def test_the_room_is_in_seconds_of_air_between_two_bounds(self) -> None:
        queue, _ = made()
        assert queue.capacity == QUEUE_BYTES
        slow(queue, 3_000.0)
        assert queue.capacity == 3_000 * QUEUE_AIR_S
        still, quick = made()[0], made()[0]
        slow(still, 1.0)
        slow(quick, 50_000.0)
        assert (still.capacity, quick.capacity) == (QUEUE_LEAST_BYTES, QUEUE_BYTES)


class TestInOrder:
    def test_a_link_to_a_site_keeps_the_order_of_everything(self) -> None:
        queue = InOrderQueue(100, dict.fromkeys(Priority, 0))
        names = [b"bulk", b"directed", b"public", b"voice"]
        for name, priority in zip(names, (BULK, DIRECTED, PUBLIC, VOICE), strict=True):
            assert queue.push(name, priority, 0.0)
        assert drain(queue) == names

    def test_a_full_one_refuses_the_newest(self) -> None:
        shed = dict.fromkeys(Priority, 0)
        queue = InOrderQueue(10, shed)
        queue.push(b"announce--", BULK, 0.0)
        assert not queue.push(b"message", DIRECTED, 0.0)
        assert (shed[DIRECTED], queue.bytes, len(queue)) == (1, 10, 1)
        assert queue.take_all() == ((b"announce--", BULK),)
        assert (queue.bytes, len(queue)) == (0, 0)
