import random

import pytest

from transports.backoff import Backoff


def test_waits_stay_below_a_ceiling_that_doubles_to_the_cap() -> None:
    backoff = Backoff(random.Random(1), first=1.0, cap=60.0)
    ceilings = []
    for _ in range(10):
        ceilings.append(backoff.ceiling)
        assert 0.0 <= backoff.next() <= ceilings[-1]
    assert ceilings == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


def test_jitter_is_full_so_waits_fill_the_whole_range() -> None:
    rng = random.Random(2)
    waits = []
    for _ in range(500):
        backoff = Backoff(rng, first=10.0, cap=10.0)
        waits.append(backoff.next())
    assert min(waits) < 0.5
    assert max(waits) > 9.5
    assert 4.5 < sum(waits) / len(waits) < 5.5


def test_a_success_starts_over() -> None:
    backoff = Backoff(random.Random(3))
    for _ in range(8):
        backoff.next()
    backoff.reset()
    assert backoff.ceiling == 1.0


def test_an_hour_of_failures_is_about_two_attempts_a_minute() -> None:
    backoff = Backoff(random.Random(4))
    now, attempts = 0.0, 0
    while now < 3_600:
        now += backoff.next()
        attempts += 1
    assert 100 < attempts < 160


@pytest.mark.parametrize(("first", "cap"), [(0.0, 1.0), (-1.0, 1.0), (2.0, 1.0)])
def test_bounds_that_make_no_sense_are_refused(first: float, cap: float) -> None:
    with pytest.raises(ValueError, match="first wait"):
        Backoff(random.Random(5), first=first, cap=cap)
