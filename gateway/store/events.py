"""Which events of the consent bridge were dealt with, so that a restart puts none on the radio a second time.

What comes in is bounded by the signatures the bridge checks in a minute, and by the half
hour each event is remembered.

Every method wants a transaction of the database around it, and raises `StoreError` if the database cannot be used.
"""

from dataclasses import dataclass

from gateway.limits import EVENT_MEMORY_S
from gateway.store.database import Database


@dataclass(frozen=True, slots=True)
class Noted:
    """What is remembered of one event until a moment in Unix milliseconds; `memory` is a number of the bridge's."""

    memory: int
    identifier: bytes
    until_ms: int


class Events:
    """The remembered events of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, noted: Noted) -> None:
        """Remember something of an event, or forget it if it is not to be remembered for any time."""
        if noted.until_ms:
            self._database.change("INSERT OR REPLACE INTO event VALUES (?, ?, ?)", (noted.identifier, noted.memory, noted.until_ms))
        else:
            self._database.change("DELETE FROM event WHERE id = ? AND memory = ?", (noted.identifier, noted.memory))

    def load(self, now_ms: int) -> list[Noted]:
        """Return everything whose time is not over, the oldest first."""
        found = self._database.rows(
            "SELECT memory, id, until_ms FROM event WHERE until_ms > ? AND until_ms <= ? ORDER BY until_ms", (now_ms, _latest(now_ms))
        )
        return [Noted(*row) for row in found]

    def prune(self, now_ms: int) -> int:
        """Forget what is over, and what a clock that was ahead has written; returns how many."""
        return self._database.change("DELETE FROM event WHERE until_ms <= ? OR until_ms > ?", (now_ms, _latest(now_ms)))


def _latest(now_ms: int) -> int:
    return now_ms + 2 * int(EVENT_MEMORY_S * 1000)
