"""Figures for charts: noted once a minute, sums as what they grew by."""

from collections.abc import Callable
from typing import Any

from gateway.runtime.sampling import EVERY_S, Sampling


class Noted:
    """A store that keeps what it is told, and figures to be told of."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, dict[str, float]]] = []
        self.figures: dict[str, float | None] = {}
        self.wall: int | None = 1_000
        self.sampling = Sampling(self, lambda: self.wall, lambda: self.figures)  # type: ignore[arg-type]

    @property
    def series(self) -> "Noted":
        return self

    def note(self, call: Callable[[Any], object]) -> None:
        call(self)

    def add(self, now_ms: int, values: dict[str, float]) -> None:
        self.rows.append((now_ms, dict(values)))


def minutes(noted: Noted, *figures: dict[str, float | None]) -> list[dict[str, float]]:
    for minute, now in enumerate(figures):
        noted.figures = now
        noted.sampling.look(minute * EVERY_S)
        noted.sampling.look(minute * EVERY_S + 1)
    return [values for _, values in noted.rows]


def test_once_a_minute_the_growth_of_sums_and_the_value_of_everything_else_is_noted() -> None:
    found = minutes(Noted(), *({"crossings": count, "queue": 7.0, "temperature": None} for count in (100, 105, 105)))
    assert found == [{"crossings": 5.0, "queue": 7.0}, {"crossings": 0.0, "queue": 7.0}]


def test_an_account_that_is_closed_is_no_negative_air_time() -> None:
    assert minutes(Noted(), {"air_time": 900.0}, {"air_time": 200.0}, {"air_time": 250.0}) == [{"air_time": 0.0}, {"air_time": 50.0}]


def test_nothing_is_noted_while_the_time_of_day_is_not_known() -> None:
    noted = Noted()
    noted.wall = None
    assert minutes(noted, {"queue": 1.0}, {"queue": 2.0}) == []
