"""Notes figures for charts, once a minute."""

from collections.abc import Callable, Mapping
from typing import Final

from gateway.runtime.writer import StoreWriter

EVERY_S: Final = 60.0
GROWING: Final = frozenset({"crossings", "air_time"})
"""Figures of which the growth in a minute is noted, and not the sum since the start."""


class Sampling:
    """Notes figures.

    Args:
        writer: of the store.
        wall_ms: Unix milliseconds, None while nobody knows them: then nothing is noted.
        figures: the figures now; None where there is none.

    """

    def __init__(self, writer: StoreWriter, wall_ms: Callable[[], int | None], figures: Callable[[], Mapping[str, float | None]]) -> None:
        self._writer = writer
        self._wall_ms = wall_ms
        self._figures = figures
        self._before: dict[str, float] = {}
        self._due: float | None = None

    def look(self, now: float) -> None:
        """Note the figures if a minute has gone by; `now` is monotonic seconds."""
        if self._due is not None and now < self._due:
            return
        first, self._due = self._due is None, now + EVERY_S
        found = {name: float(value) for name, value in self._figures().items() if value is not None}
        values = {name: self._growth(name, value) if name in GROWING else value for name, value in found.items()}
        self._before = found
        now_ms = self._wall_ms()
        if first or now_ms is None:
            return
        self._writer.note(lambda store: store.series.add(now_ms, values))

    def _growth(self, name: str, value: float) -> float:
        """Return by how much a sum has grown; nothing where it has shrunk, because a site's account was closed."""
        return max(0.0, value - self._before.get(name, 0.0))
