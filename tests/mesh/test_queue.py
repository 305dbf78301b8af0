"""What waits for a busy link, and what is shed when too much does."""

from collections import deque
from random import Random

import pytest

from gateway.mesh.effects import Priority
from gateway.mesh.queue import LinkQueue


def drain(queue: LinkQueue) -> list[bytes]:
    frames = []
    while (frame := queue.peek()) is not None:
        frames.append(frame)
        queue.pop()
    return frames


def test_the_most_urgent_class_goes_first_and_each_in_its_order() -> None:
    queue = LinkQueue(1_000)
    for name, priority in (("bulk", 4), ("public", 1), ("sync", 2), ("directed", 0), ("voice", 3), ("public2", 1), ("directed2", 0)):
        assert queue.push(name.encode(), Priority(priority))
    assert drain(queue) == [b"directed", b"directed2", b"public", b"public2", b"sync", b"voice", b"bulk"]
    assert (len(queue), queue.bytes, queue.shed) == (0, 0, 0)


def test_taking_all_gives_what_would_have_left_in_that_order() -> None:
    queue = LinkQueue(1_000)
    for name, priority in (("bulk", 4), ("public", 1), ("directed", 0), ("public2", 1)):
        queue.push(name.encode(), Priority(priority))
    assert queue.take_all() == ((b"directed", 0), (b"public", 1), (b"public2", 1), (b"bulk", 4))
    assert (len(queue), queue.bytes, queue.shed, queue.take_all()) == (0, 0, 0, ())


def test_looking_takes_nothing_out() -> None:
    queue = LinkQueue(100)
    queue.push(b"frame", Priority.PUBLIC)
    assert queue.peek() == queue.peek() == b"frame"
    assert len(queue) == 1


def test_an_empty_queue_has_nothing_to_give() -> None:
    queue = LinkQueue(100)
    queue.pop()
    assert queue.peek() is None
    assert queue.bytes == 0


def test_the_oldest_of_the_least_urgent_is_shed_first() -> None:
    queue = LinkQueue(40)
    for name, priority in ((b"bulk 1----", 4), (b"bulk 2----", 4), (b"voice-----", 3), (b"public----", 1)):
        queue.push(name, Priority(priority))
    assert not queue.push(b"directed--", Priority.DIRECTED)
    assert not queue.push(b"directed 2", Priority.DIRECTED)
    assert not queue.push(b"directed 3", Priority.DIRECTED)
    assert queue.shed == 3
    assert drain(queue) == [b"directed--", b"directed 2", b"directed 3", b"public----"]


def test_within_its_own_class_the_newcomer_takes_the_place_of_the_oldest() -> None:
    queue = LinkQueue(20)
    for name in (b"public 1--", b"public 2--", b"public 3--"):
        queue.push(name, Priority.PUBLIC)
    assert drain(queue) == [b"public 2--", b"public 3--"]


def test_nothing_more_urgent_makes_room() -> None:
    queue = LinkQueue(20)
    queue.push(b"directed--", Priority.DIRECTED)
    queue.push(b"public----", Priority.PUBLIC)
    assert not queue.push(b"bulk------", Priority.BULK)
    assert queue.shed == 1
    assert drain(queue) == [b"directed--", b"public----"]


def test_a_frame_that_will_never_fit_costs_the_others_nothing() -> None:
    queue = LinkQueue(20)
    queue.push(b"public----", Priority.PUBLIC)
    assert not queue.push(bytes(21), Priority.DIRECTED)
    assert queue.shed == 1
    assert drain(queue) == [b"public----"]


def test_a_long_frame_may_cost_several_short_ones() -> None:
    queue = LinkQueue(20)
    for number in range(4):
        queue.push(bytes((number,) * 5), Priority.BULK)
    assert not queue.push(bytes(12), Priority.PUBLIC)
    assert queue.shed == 3
    assert drain(queue) == [bytes(12), bytes((3,) * 5)]


def test_a_link_to_a_site_keeps_the_order_of_everything() -> None:
    queue = LinkQueue(100, in_order=True)
    names = [b"bulk", b"directed", b"public", b"voice"]
    for name, priority in zip(names, (4, 0, 1, 3), strict=True):
        assert queue.push(name, Priority(priority))
    assert drain(queue) == names


def test_a_full_link_to_a_site_refuses_the_newest() -> None:
    queue = LinkQueue(10, in_order=True)
    queue.push(b"announce--", Priority.BULK)
    assert not queue.push(b"message", Priority.DIRECTED)
    assert (queue.shed, queue.bytes) == (1, 10)
    assert drain(queue) == [b"announce--"]


@pytest.mark.parametrize("in_order", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_it_never_holds_more_than_its_capacity_and_counts_what_it_sheds(seed: int, *, in_order: bool) -> None:
    rng = Random(seed)
    queue = LinkQueue(500, in_order=in_order)
    pushed = popped = 0
    for _ in range(2_000):
        if rng.random() < 0.6:
            queue.push(bytes(rng.randrange(1, 120)), Priority(rng.randrange(5)))
            pushed += 1
        elif queue.peek() is not None:
            queue.pop()
            popped += 1
        assert queue.bytes <= 500
    assert pushed == popped + queue.shed + len(queue)
    assert queue.bytes == sum(len(frame) for frame in deque(drain(queue)))
