"""Figures of the last day: ``/api/v1/charts``."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec

from gateway.admin.access.roles import Role
from gateway.admin.messages import Reader
from gateway.admin.problems import UNAVAILABLE, Problem, ProblemError
from gateway.admin.route import Answers, Call, Route
from gateway.limits import SERIES_LIFETIME_MIN

UNITS: Final = {
    "crossings": "messages a minute",
    "air_time": "milliseconds a minute",
    "queue": "bytes",
    "temperature": "degrees Celsius",
    "peers": "people near",
}
"""The charts there are, each with what its figures count."""

_NO_CLOCK: Final = Problem(503, "no_clock", "nobody knows the time of day yet")


class ChartDocument(msgspec.Struct, frozen=True):
    """One chart."""

    name: str
    unit: str
    points: tuple[tuple[datetime, float], ...]  # the beginning of each step, and its mean; steps without figures are missing


class ChartsDocument(msgspec.Struct, frozen=True):
    """``GET /api/v1/charts``."""

    step_s: int
    charts: tuple[ChartDocument, ...]


class ChartsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the past, and how coarse."""

    hours: Annotated[int, msgspec.Meta(ge=1, le=SERIES_LIFETIME_MIN // 60)] = 24
    step_min: Annotated[int, msgspec.Meta(ge=1, le=60)] = 5


ROUTES: Final = (
    Route(
        name="get_charts",
        method="GET",
        path="/api/v1/charts",
        role=Role.VIEWER,
        query=ChartsQuery,
        answer=ChartsDocument,
        problems=(UNAVAILABLE, _NO_CLOCK),
        summary="Crossings, air time, queue, temperature and people near, over the last day.",
    ),
)


class Charts:
    """Answers with figures of the past.

    Args:
        reader: of the store.
        wall_ms: Unix milliseconds, None while nobody knows them.

    """

    def __init__(self, reader: Reader, wall_ms: Callable[[], int | None]) -> None:
        self._reader = reader
        self._wall_ms = wall_ms

    def answers(self) -> Answers:
        """Return who answers."""
        return {"get_charts": self._get}

    async def _get(self, call: Call) -> ChartsDocument:
        asked, now_ms = call.query(ChartsQuery), self._wall_ms()
        if now_ms is None:
            raise ProblemError(_NO_CLOCK, "Nobody knows the time of day yet.", "See: meshgate status.")
        found = await self._reader.ask(
            lambda store: store.series.between(now_ms - asked.hours * 3_600_000, now_ms + 60_000, asked.step_min)
        )
        charts = (
            ChartDocument(name, unit, tuple((datetime.fromtimestamp(at / 1000, UTC), round(value, 2)) for at, value in found.get(name, ())))
            for name, unit in UNITS.items()
        )
        return ChartsDocument(asked.step_min * 60, tuple(charts))
