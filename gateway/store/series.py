"""Figures of the last day, one for each minute, for charts.

Every method wants a transaction of the database around it, and raises `StoreError` if the database cannot be used.
"""

from collections.abc import Mapping
from typing import Final

from gateway.limits import MAX_SERIES, SERIES_LIFETIME_MIN
from gateway.store.database import Database

MINUTE_MS: Final = 60_000


class Series:
    """The figures of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, now_ms: int, values: Mapping[str, float]) -> None:
        """Note the figures of a minute; those noted before for the same one are replaced. `ValueError` for more names than are kept."""
        if len(values) > MAX_SERIES:
            raise ValueError(f"{len(values)} figures are more than {MAX_SERIES}")
        for name, value in values.items():
            self._database.change("INSERT OR REPLACE INTO series VALUES (?, ?, ?)", (name, now_ms // MINUTE_MS, value))

    def between(self, from_ms: int, to_ms: int, step_min: int) -> dict[str, list[tuple[int, float]]]:
        """Return the means of every `step_min` minutes, by name: Unix milliseconds of their beginning, and value."""
        found: dict[str, list[tuple[int, float]]] = {}
        rows = self._database.rows(
            "SELECT name, minute / ? AS part, avg(value) FROM series WHERE minute >= ? AND minute < ? GROUP BY name, part ORDER BY 1, 2",
            (step_min, from_ms // MINUTE_MS, to_ms // MINUTE_MS),
        )
        for name, part, value in rows:
            found.setdefault(name, []).append((part * step_min * MINUTE_MS, value))
        return found

    def prune(self, now_ms: int) -> int:
        """Forget what is older than a day, and what a clock that was ahead has written; returns how many."""
        now, day = now_ms // MINUTE_MS, SERIES_LIFETIME_MIN
        return self._database.change("DELETE FROM series WHERE minute < ? OR minute > ?", (now - day, now + day))
