"""Figures of the last day, one for each minute."""

import pytest

from gateway.limits import MAX_SERIES, SERIES_LIFETIME_MIN
from tests.store.stores import HOUR, NOW, opened, writing

MINUTE = 60_000


def test_every_step_shows_the_mean_of_its_minutes(tmp_path):
    with writing(tmp_path / "store.db") as store:
        start = NOW // (5 * MINUTE) * 5 * MINUTE
        for minute in range(10):
            store.series.add(start + minute * MINUTE, {"queue": float(minute), "peers": 2.0})
        found = store.series.between(start, start + HOUR, 5)
    assert found == {"peers": [(start, 2.0), (start + 5 * MINUTE, 2.0)], "queue": [(start, 2.0), (start + 5 * MINUTE, 7.0)]}


def test_a_minute_has_one_value_and_figures_survive_a_restart(tmp_path):
    with writing(tmp_path / "store.db") as store:
        store.series.add(NOW, {"queue": 1.0})
        store.series.add(NOW + 1, {"queue": 5.0})
    with opened(tmp_path / "store.db") as store:
        assert [value for _, value in store.series.between(NOW - HOUR, NOW + HOUR, 1)["queue"]] == [5.0]


def test_a_day_is_kept_and_what_a_clock_that_was_ahead_wrote_is_not(tmp_path):
    with writing(tmp_path / "store.db") as store:
        for minute in range(-SERIES_LIFETIME_MIN - 5, 1):
            store.series.add(NOW + minute * MINUTE, {"queue": 1.0})
        store.series.add(NOW + 48 * HOUR, {"queue": 9.0})
        assert store.series.prune(NOW) == 6
        assert len(store.series.between(0, NOW + 72 * HOUR, 1)["queue"]) == SERIES_LIFETIME_MIN + 1


def test_there_are_only_so_many_figures(tmp_path):
    with writing(tmp_path / "store.db") as store, pytest.raises(ValueError, match="more than"):
        store.series.add(NOW, {f"figure {number}": 1.0 for number in range(MAX_SERIES + 1)})
