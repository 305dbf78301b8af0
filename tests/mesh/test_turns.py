"""Whose turn it is: in proportion to the shares, whatever anybody does to get more."""

from collections import Counter
from random import Random

import pytest

from gateway.mesh.turns import SPARE, Turns


def test_those_who_always_wait_are_served_in_turn_and_by_cost() -> None:
    turns: Turns[str] = Turns()
    for key in "ab":
        turns.join(key)
    served = Counter[str]()
    for _ in range(300):
        key = turns.first()
        served[key] += 1
        turns.served(key, 2.0 if key == "a" else 1.0, again=True)
    assert served == {"a": 100, "b": 200}


def test_of_equals_the_lower_rank_is_first_and_then_who_came_first() -> None:
    turns: Turns[str] = Turns()
    for key, rank in (("late", 1), ("later", 1), ("urgent", 0)):
        turns.join(key, rank)
    order = []
    while (key := turns.first()) is not None:
        order.append(key)
        turns.served(key, 1.0, again=False)
    assert order == ["urgent", "late", "later"]


def test_leaving_after_every_service_gains_nothing() -> None:
    turns: Turns[str] = Turns()
    turns.join("stays")
    served = Counter[str]()
    for _ in range(200):
        turns.join("comes and goes")
        key = turns.first()
        served[key] += 1
        turns.served(key, 1.0, again=key == "stays")
    assert served == {"stays": 100, "comes and goes": 100}


def test_who_was_away_has_saved_up_nothing_and_owes_nothing() -> None:
    turns: Turns[str] = Turns()
    turns.join("stays")
    turns.join("away")
    turns.served("stays", 1.0, again=True)
    with pytest.raises(LookupError, match="not first"):
        turns.served("stays", 1.0, again=True)
    turns.leave("away")
    for _ in range(50):
        turns.served("stays", 1.0, again=True)
    turns.join("away")
    served = Counter[str]()
    for _ in range(20):
        key = turns.first()
        served[key] += 1
        turns.served(key, 1.0, again=True)
    assert served == {"stays": 10, "away": 10}


def test_ever_new_names_do_not_keep_those_who_wait_waiting() -> None:
    turns: Turns[int] = Turns()
    turns.join(-1)
    turns.served(-1, 1.0, again=True)
    served = 0
    for number in range(100):
        turns.join(2 * number)
        turns.join(2 * number + 1)
        key = turns.first()
        served += key == -1
        turns.served(key, 1.0, again=key == -1)
    assert served >= 3, "among 100 others who wait, more each time"


def test_joining_twice_is_joining_once() -> None:
    turns: Turns[str] = Turns()
    turns.join("a")
    turns.join("a")
    turns.served("a", 1.0, again=False)
    assert (turns.first(), len(turns)) == (None, 0)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_remembered_is_bounded_by_who_waits(seed: int) -> None:
    rng, turns, waiting = Random(seed), Turns[int](), set[int]()
    for number in range(5_000):
        turns.join(number)
        waiting.add(number)
        if len(waiting) > 20:
            gone = rng.choice(sorted(waiting))
            if turns.first() == gone:
                turns.served(gone, rng.random(), again=False)
            else:
                turns.leave(gone)
            waiting.discard(gone)
        assert len(turns) == len(waiting)
        assert turns.first() in waiting
        assert len(turns._heap) <= 2 * len(waiting) + SPARE + 3
        assert len(turns._ends) <= 4 * len(waiting) + SPARE
