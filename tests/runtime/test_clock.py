import asyncio
from collections.abc import Callable

import pytest

from gateway.mesh.events import ClockSet
from gateway.runtime.clock import BACK_S, CHECK_S, TimeOfDay, wall_offset
from hw.clock import EARLIEST
from tests.testing.virtual_loop import run

NOW = EARLIEST + 10_000_000.0


def told_by(
    wall: Callable[[float], float], seconds: float, trusted: Callable[[float], bool] = lambda _since: True
) -> list[tuple[float, float]]:
    """What the engine is told while the machine's clock goes, and is vouched for, as given: (seconds, offset) since the start."""
    told = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        time_of_day = TimeOfDay(
            lambda event: told.append((loop.time() - start, event)),
            lambda: trusted(loop.time() - start),
            lambda: wall(loop.time() - start),
        )
        task = asyncio.create_task(time_of_day.keep())
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert all(isinstance(event, ClockSet) for _, event in told)
        assert time_of_day.is_known is bool(told)
        told[:] = [(round(at, 6), round(event.offset + start - NOW, 6)) for at, event in told]

    run(main())
    return told


def test_a_clock_that_is_set_is_told_at_once_and_only_once() -> None:
    assert told_by(lambda since: NOW + since, 1_000) == [(0.0, 0.0)]


def test_a_clock_that_was_never_set_is_not_told() -> None:
    assert told_by(lambda since: since, 1_000) == []


def test_a_clock_that_is_set_later_is_told_soon_after() -> None:
    assert told_by(lambda since: (NOW if since >= 95.0 else 0.0) + since, 1_000) == [(100.0, 0.0)]


def test_a_step_is_told_and_lasts() -> None:
    assert told_by(lambda since: NOW + since + (3_600.0 if since > 15.0 else 0.0), 1_000) == [(0.0, 0.0), (20.0, 3_600.0)]


def test_a_step_back_is_told_too() -> None:
    assert told_by(lambda since: NOW + since - (2.0 if since > 15.0 else 0.0), 1_000) == [(0.0, 0.0), (20.0, -2.0)]


def test_a_clock_that_loses_its_time_says_nothing_until_it_has_it_back() -> None:
    def wall(since: float) -> float:
        return since if 15.0 < since < 45.0 else NOW + since

    assert told_by(wall, 1_000) == [(0.0, 0.0)]


def test_slow_drift_is_told_whenever_it_has_grown_to_half_a_second() -> None:
    told = told_by(lambda since: NOW + since * 1.001, 2_100)
    assert [at for at, _ in told] == [0.0, 510.0, 1020.0, 1530.0, 2040.0]
    assert all(at % CHECK_S == 0 for at, _ in told)


def test_a_time_nobody_vouches_for_is_not_told_and_is_told_soon_after_somebody_does() -> None:
    assert told_by(lambda since: NOW + since, 1_000, lambda _since: False) == []
    assert told_by(lambda since: NOW + since, 1_000, lambda since: since >= 95.0) == [(100.0, 0.0)]


def test_what_was_believed_once_stays_believed_and_its_steps_are_told() -> None:
    """The kernel gives up on its clock hours after the last word of a time server."""
    told = told_by(lambda since: NOW + since + (3_600.0 if since > 515.0 else 0.0), 1_000, lambda since: since < 5.0)
    assert told == [(0.0, 0.0), (520.0, 3_600.0)]


def test_nobody_is_asked_to_vouch_for_a_clock_that_was_never_set() -> None:
    asked = []
    assert told_by(lambda since: since, 100, lambda since: bool(asked.append(since)) or True) == []
    assert not asked


def test_the_offset_makes_unix_seconds_of_monotonic_ones() -> None:
    assert wall_offset(5.0, EARLIEST) == EARLIEST - 5.0
    assert wall_offset(5.0, EARLIEST - 1.0) is None


class Earlier:
    """Somebody who remembers a time."""

    def __init__(self) -> None:
        self.kept = []

    def earliest(self) -> float:
        return NOW

    def keep(self, wall: float) -> None:
        self.kept.append(wall)


@pytest.mark.parametrize(
    ("wall", "kept", "known"),
    [
        (NOW - 86_400, False, False),  # a board without a clock starts with the day its image was built
        (NOW - BACK_S, False, True),
        (NOW - 86_400, True, True),  # a time service knows better than what was remembered
    ],
)
def test_a_clock_that_stands_before_the_last_time_is_not_believed(wall: float, kept: bool, known: bool) -> None:
    earlier = Earlier()
    time_of_day = TimeOfDay(lambda _event: None, lambda: True, lambda: wall, earlier, lambda: kept)
    time_of_day.look(0.0)
    assert time_of_day.is_known is known
    assert earlier.kept == ([wall] if known else [])


def test_what_was_believed_once_stays_believed_when_it_is_set_back() -> None:
    walls = [NOW, NOW - 86_400]
    told = []
    time_of_day = TimeOfDay(told.append, lambda: True, lambda: walls[0], Earlier(), lambda: False)
    time_of_day.look(0.0)
    walls.pop(0)
    time_of_day.look(1.0)
    assert len(told) == 2
