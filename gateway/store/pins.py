"""The signing keys trusted on first use, so that a restart gives nobody a second first time.

Every method wants a transaction of the database around it, and raises `StoreError` if the database cannot be used.
"""

from dataclasses import dataclass
from typing import Final

from gateway.limits import MAX_PINS, PIN_LIFETIME_MS, REGULAR_AFTER_MS
from gateway.store.database import Database

_LOAD: Final = "SELECT peer, signing, since_ms, seen_ms FROM pin WHERE seen_ms > ? ORDER BY seen_ms"
_SHRINK: Final = """
    DELETE FROM pin WHERE peer IN (
        SELECT peer FROM pin ORDER BY seen_ms - since_ms >= ? DESC, seen_ms DESC LIMIT -1 OFFSET ?
    )
"""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A key, since when it is trusted, and when it was last announced, to the day; Unix milliseconds."""

    peer_id: bytes
    signing_key: bytes
    since_ms: int
    seen_ms: int


class Pins:
    """The pinned keys of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, pinned: Pinned) -> None:
        """Remember a key, or that it was announced again; the first key of a peer stays, whatever comes later."""
        self._database.change(
            "INSERT INTO pin VALUES (?, ?, ?, ?) ON CONFLICT (peer) DO UPDATE SET seen_ms = max(seen_ms, excluded.seen_ms) "
            "WHERE signing = excluded.signing",
            (pinned.peer_id, pinned.signing_key, pinned.since_ms, pinned.seen_ms),
        )

    def load(self, now_ms: int) -> list[Pinned]:
        """Return the keys of everybody who was here in the last `PIN_LIFETIME_MS`, whoever was here last at the end."""
        return [Pinned(*row) for row in self._database.rows(_LOAD, (now_ms - PIN_LIFETIME_MS,))]

    def prune(self, now_ms: int) -> int:
        """Forget who has not been here for long, and whom there is no room for: strangers before those who come back; returns how many."""
        gone = self._database.change("DELETE FROM pin WHERE seen_ms <= ?", (now_ms - PIN_LIFETIME_MS,))
        return gone + self._database.change(_SHRINK, (REGULAR_AFTER_MS, MAX_PINS))
