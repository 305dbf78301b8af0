"""The pace of an adapter, on a virtual clock."""

from collections import Counter

import pytest

from gateway.testing.world import World
from hw.bluez.adapter_pace import AdapterPace
from hw.bluez.limits import (
    MAX_VALUE,
    PACE_AHEAD_S,
    PACE_FORGET_S,
    PACE_LATE_S,
    PACE_LEAST,
    PACE_LINK_AHEAD_S,
    PACE_LOOK_S,
    PACE_MOST,
    PACE_QUICK_S,
    PACE_START,
)
from tests.worlds.bluez_links import world_pace

LATE_S, QUICK_S, MIDDLING_S = PACE_LATE_S + 0.1, PACE_QUICK_S - 0.1, (PACE_LATE_S + PACE_QUICK_S) / 2


class Greedy:
    """A link that has always something to send, each frame of the same size."""

    def __init__(self, pace: AdapterPace, size: int, listeners: int = 1) -> None:
        self.size = size
        self.sent = self.rooms = 0
        self.allowance = pace.allowance(self._room, listeners)
        self.told: bool | None = None

    def push(self) -> None:
        cost = self.size * self.allowance.listeners
        while self.allowance.ask(cost):
            self.allowance.level -= cost
            self.sent += cost

    def _room(self) -> None:
        self.rooms += 1
        before = self.sent
        self.push()
        assert self.sent > before, "told of room, and then refused"


@pytest.fixture
def world() -> World:
    return World(1)


def answers(world: World, pace: AdapterPace, seconds: float, took: float) -> None:
    for _ in range(int(seconds * 10)):
        world.run_for(0.1)
        pace.answered(took)


def test_all_links_together_get_the_rate_whatever_the_size_of_their_frames(world: World) -> None:
    pace = world_pace(world, 16_000)
    links = [Greedy(pace, size) for size in (60, 150, 300, 469, 512, 512)]
    for link in links:
        link.push()
    world.run_for(30)
    assert sum(link.sent for link in links) == pytest.approx(30 * 16_000, rel=0.03)
    assert min(link.sent for link in links) > 0.9 * max(link.sent for link in links)


def test_one_link_alone_gets_all_of_it(world: World) -> None:
    pace = world_pace(world, 16_000)
    link = Greedy(pace, 469)
    link.push()
    world.run_for(10)
    assert link.sent == pytest.approx(160_000, rel=0.03)


def test_little_is_taken_in_advance(world: World) -> None:
    pace = world_pace(world, 16_000)
    world.run_for(100)
    links = [Greedy(pace, 100) for _ in range(6)]
    for link in links:
        assert link.allowance.ask(100)
        world.run_for(10)
    for link in links:
        link.push()
    assert sum(link.sent for link in links) <= 16_000 * (PACE_AHEAD_S + 6 * PACE_LINK_AHEAD_S) + 100


def test_who_is_refused_is_told_once_however_often_it_asks(world: World) -> None:
    pace = world_pace(world, 16_000)
    told: Counter[str] = Counter()
    links = {name: pace.allowance(lambda name=name: told.update([name])) for name in "ab"}
    for link in links.values():
        while link.ask(MAX_VALUE):
            link.level = 0
        assert not link.ask(1)
        assert not link.ask(MAX_VALUE)
    world.run_for(1)
    assert told == {"a": 1, "b": 1}
    assert all(link.ask(MAX_VALUE) for link in links.values())


def test_who_has_gone_is_not_told_and_holds_up_nobody(world: World) -> None:
    pace = world_pace(world, 16_000)
    gone, stays = Greedy(pace, 469), Greedy(pace, 469)
    gone.push()
    stays.push()
    gone.allowance.close()
    world.run_for(10)
    assert not gone.rooms
    assert stays.sent == pytest.approx(160_000, rel=0.03)


def test_what_several_hear_counts_for_each_of_them(world: World) -> None:
    pace = world_pace(world, 16_000)
    shared, alone = Greedy(pace, 400, listeners=5), Greedy(pace, 400)
    shared.push()
    alone.push()
    world.run_for(30)
    assert shared.sent + alone.sent == pytest.approx(30 * 16_000, rel=0.05)
    assert shared.sent / 5 == pytest.approx(alone.sent, rel=0.15)


def test_quick_answers_raise_the_rate_and_late_ones_cut_it_within_bounds(world: World) -> None:
    pace = world_pace(world, PACE_START)
    answers(world, pace, 20, QUICK_S)
    assert pace.rate > 2 * PACE_START
    answers(world, pace, PACE_LOOK_S + 0.1, MIDDLING_S)
    before = pace.rate
    answers(world, pace, 20, MIDDLING_S)
    assert pace.rate == before
    answers(world, pace, 3, LATE_S)
    assert pace.rate < 0.7 * before
    answers(world, pace, 60, LATE_S)
    assert pace.rate == PACE_LEAST
    answers(world, pace, 120, QUICK_S)
    assert pace.rate == PACE_MOST


def test_one_weak_link_does_not_slow_the_others(world: World) -> None:
    pace = world_pace(world, PACE_START)
    for _ in range(100):
        world.run_for(0.1)
        pace.answered(3.0)
        pace.answered(QUICK_S)
    assert pace.rate > PACE_START


def test_what_was_written_before_a_cut_does_not_cut_again(world: World) -> None:
    pace = world_pace(world, PACE_START)
    answers(world, pace, PACE_LOOK_S + 0.2, 5.0)
    cut = pace.rate
    assert PACE_LEAST < cut < PACE_START
    answers(world, pace, 4.0, 5.0)
    assert pace.rate == cut


def test_what_was_learned_is_forgotten_when_nothing_proves_it_any_more(world: World) -> None:
    pace = world_pace(world, PACE_START)
    answers(world, pace, 20, QUICK_S)
    world.run_for(PACE_FORGET_S + 1)
    link = Greedy(pace, 469)
    link.push()
    assert pace.rate == PACE_START
