import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transports.libp2p_world import World
from transports.libp2p.framing import GarbageError
from transports.libp2p.reliable import Inbox, Outbox
from transports.limits import BATCH_BYTES, BATCH_FRAMES, FRAME_COST, LINK_WINDOW_BYTES, LINK_WINDOW_FRAMES, MAX_LINK_FRAME

sides = st.sampled_from([0, 1])
steps = st.one_of(
    st.tuples(st.just("send"), sides, st.integers(0, 40_000)),
    st.tuples(st.just("burst"), sides, st.integers(1, 300)),
    st.tuples(st.just("flush"), sides, st.just(0)),
    st.tuples(st.just("carry"), sides, st.integers(1, 50_000)),
    st.tuples(st.just("confirm"), sides, st.just(0)),
    st.tuples(st.just("cut"), sides, st.just(0)),
    st.tuples(st.just("open"), sides, st.just(0)),
    st.tuples(st.just("tick"), sides, st.integers(0, 4)),
)


def play(world: World, script: list[tuple[str, int, int]], *, reopen: bool) -> None:
    number = 0
    for what, index, size in script:
        if what in ("send", "burst"):
            for _ in range(size if what == "burst" else 1):
                number += 1
                world.sides[index].send(number.to_bytes(4, "big") + bytes(size if what == "send" else 20))
        elif what == "flush":
            world.flush(index)
        elif what == "carry":
            world.carry(index, size)
        elif what == "confirm":
            world.confirm(index)
        elif what == "cut":
            world.cut(first=index)
        elif what == "open" and reopen:
            world.open()
        elif what == "tick":
            world.tick(float(size))
            if reopen and world.stream is None:
                world.open()


@settings(max_examples=100, deadline=None)
@given(st.lists(steps, max_size=120), st.booleans())
def test_whatever_breaks_frames_arrive_once_and_in_order(script: list[tuple[str, int, int]], greeted: bool) -> None:
    world = World(grace=1e9)
    if greeted:
        world.settle()
    else:
        world.open()
    play(world, script, reopen=True)
    world.settle()
    for index in (0, 1):
        side, other = world.sides[index], world.sides[1 - index]
        assert other.arrived == side.accepted
        assert side.events == ["up"]
        assert side.count.garbage == 0
        assert side.send(b"room again")


@settings(max_examples=50, deadline=None)
@given(st.lists(steps, max_size=60), st.lists(steps, max_size=60), sides)
def test_a_gateway_started_anew_means_down_and_up_and_no_frame_of_before(
    before: list[tuple[str, int, int]], after: list[tuple[str, int, int]], who: int
) -> None:
    world = World(grace=1e9)
    world.settle()
    play(world, before, reopen=True)
    old = world.restart(who)
    witness = world.sides[1 - who]
    assert witness.arrived == old.accepted[: len(witness.arrived)]
    assert old.arrived == witness.accepted[: len(old.arrived)]
    seen, sent = len(witness.arrived), len(witness.accepted)
    world.settle()
    assert witness.events == ["up", "down", "up"]
    assert witness.accepted[sent:] == []
    play(world, after, reopen=True)
    world.settle()
    assert witness.arrived[seen:] == world.sides[who].accepted
    assert world.sides[who].arrived == witness.accepted[sent:]


still = st.lists(steps.filter(lambda step: step[0] not in ("cut", "open", "tick")), max_size=40)


@settings(max_examples=40, deadline=None)
@given(still, st.lists(steps, max_size=40))
def test_an_outage_beyond_the_grace_ends_the_session_at_both_ends(
    before: list[tuple[str, int, int]], after: list[tuple[str, int, int]]
) -> None:
    world = World(grace=20.0)
    world.settle()
    play(world, before, reopen=True)
    world.cut()
    world.tick(19.9)
    assert [side.events for side in world.sides] == [["up"], ["up"]]
    world.tick(0.2)
    assert [side.events for side in world.sides] == [["up", "down"], ["up", "down"]]
    marks = [(len(side.accepted), len(side.arrived)) for side in world.sides]
    assert not world.sides[0].send(b"nobody is there")
    world.settle()
    play(world, [step for step in after if step[0] != "tick"], reopen=True)
    world.settle()
    for index in (0, 1):
        assert world.sides[index].events == ["up", "down", "up"]
        accepted = world.sides[index].accepted[marks[index][0] :]
        assert world.sides[1 - index].arrived[marks[1 - index][1] :] == accepted


def test_a_full_window_refuses_and_says_when_there_is_room() -> None:
    outbox = Outbox()
    taken = 0
    while outbox.offer(bytes(10_000)):
        taken += 1
    assert taken == LINK_WINDOW_BYTES // (10_000 + FRAME_COST)
    batches = 0
    while outbox.next_batch() is not None:
        batches += 1
    rooms = [outbox.acknowledge(number) for number in range(1, batches + 1)]
    assert rooms.count(True) == 1
    assert 0.4 < rooms.index(True) / batches < 0.6
    assert outbox.held_bytes == outbox.held_frames == outbox.waiting_bytes == 0


def test_the_window_counts_frames_too_so_that_empty_ones_are_not_free() -> None:
    outbox = Outbox()
    taken = 0
    while outbox.offer(b""):
        taken += 1
    assert taken == LINK_WINDOW_FRAMES


def test_the_largest_frame_always_fits_an_empty_window_and_travels_alone() -> None:
    outbox = Outbox()
    assert outbox.offer(bytes(MAX_LINK_FRAME))
    assert outbox.offer(b"small")
    found = outbox.next_batch()
    assert found is not None
    assert found[0].frames == 1


def test_a_batch_keeps_to_its_caps() -> None:
    outbox = Outbox()
    for size in (0, 100, 5_000):
        for _ in range(300):
            outbox.offer(bytes(size))
    while (found := outbox.next_batch()) is not None:
        assert found[0].frames <= BATCH_FRAMES
        assert found[0].cost <= BATCH_BYTES


@pytest.mark.parametrize("received", [3, 2**62])
def test_counting_batches_that_were_never_sent_is_garbage(received: int) -> None:
    outbox = Outbox()
    for _ in range(2):
        outbox.offer(b"frame")
        outbox.next_batch()
    with pytest.raises(GarbageError):
        outbox.acknowledge(received)


def test_counting_backwards_is_garbage() -> None:
    outbox = Outbox()
    for _ in range(2):
        outbox.offer(b"frame")
        outbox.next_batch()
    outbox.acknowledge(2)
    with pytest.raises(GarbageError):
        outbox.acknowledge(1)


def test_the_receiver_drops_what_it_has_and_refuses_a_gap() -> None:
    inbox = Inbox()
    assert inbox.accept(0, 10)
    assert not inbox.accept(0, 10)
    with pytest.raises(GarbageError):
        inbox.accept(2, 10)
    assert inbox.owes_ack
    assert inbox.told() == 1
    assert not inbox.owes_ack
