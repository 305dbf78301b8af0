"""Events of the consent bridge that wait for sites, so that a restart loses none that is still fresh.

They are kept for sites that were out of reach, or were deposited while none was linked. None is older than a quarter of an
hour, and there are at most as many as the bridge keeps in memory.

Every method wants a transaction of the database around it, and raises `StoreError` if the database cannot be used.
"""

from dataclasses import dataclass

from gateway.limits import EVENT_AGE_S, MAX_EVENTS_KEPT
from gateway.store.database import Database


@dataclass(frozen=True, slots=True)
class Carried:
    """One event: a deposit of `owner` that no site has (`unsent`), or one at hand that comes from the site `owner`."""

    identifier: bytes
    unsent: bool
    owner: bytes
    created_ms: int
    until_ms: int
    body: bytes


class CarriedEvents:
    """The events at hand of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, carried: Carried) -> None:
        """Keep an event."""
        self._database.change(
            "INSERT OR REPLACE INTO carried (id, unsent, owner, created_ms, until_ms, body) VALUES (?, ?, ?, ?, ?, ?)",
            (carried.identifier, carried.unsent, carried.owner, carried.created_ms, carried.until_ms, carried.body),
        )

    def let_go(self, identifier: bytes, *, unsent: bool) -> None:
        """Forget an event: a site has it, or there was no room for it."""
        self._database.change("DELETE FROM carried WHERE id = ? AND unsent = ?", (identifier, unsent))

    def load(self, now_ms: int) -> list[Carried]:
        """Return every event that is still fresh, in the order in which they came."""
        found = self._database.rows(
            "SELECT id, unsent, owner, created_ms, until_ms, body FROM carried WHERE until_ms > ? AND until_ms <= ? ORDER BY seq",
            (now_ms, _latest(now_ms)),
        )
        return [Carried(name, bool(unsent), owner, created, until, body) for name, unsent, owner, created, until, body in found]

    def prune(self, now_ms: int) -> int:
        """Forget what is not fresh any more, what a clock that was ahead has written, and what is more than the bridge keeps.

        Returns how many.
        """
        gone = self._database.change("DELETE FROM carried WHERE until_ms <= ? OR until_ms > ?", (now_ms, _latest(now_ms)))
        return gone + self._database.change(
            "DELETE FROM carried WHERE unsent = 0 AND seq <= (SELECT seq FROM carried WHERE unsent = 0 ORDER BY seq DESC LIMIT 1 OFFSET ?)",
            (MAX_EVENTS_KEPT,),
        )


def _latest(now_ms: int) -> int:
    return now_ms + 2 * int(EVENT_AGE_S * 1000)
