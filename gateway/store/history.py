"""What the mesh keeps for those who missed it, so that a restart forgets nothing.

Public messages, board posts, prekey bundles and the rest of the public history come by the
dozen and are written in batches: the oldest of a kind makes room for the newest, and what a
power cut takes is asked for again from the neighbours.

Every method wants a transaction of the database around it, and raises `StoreError` if the database cannot be used.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway import limits
from gateway.store.database import Database
from gateway.wire.types import MessageType

CAPACITY: Final[dict[int, int]] = {
    MessageType.MESSAGE: limits.MAX_HISTORY_MESSAGES,
    MessageType.GROUP: limits.MAX_HISTORY_GROUP,
    MessageType.FRAGMENT: limits.MAX_HISTORY_FRAGMENTS,
    MessageType.FILE: limits.MAX_HISTORY_FILES,
    MessageType.PREKEYS: limits.MAX_HISTORY_PREKEYS,
    MessageType.BOARD: limits.MAX_HISTORY_BOARD,
}
"""Packets kept of each type of the public history; what is not here is not kept."""

PRUNE_EVERY: Final = 1024 * 1024  # bytes between two looks at how much there is; a row counts as a kibibyte more than its frame
_LOAD: Final = 200  # rows read at once


@dataclass(frozen=True, slots=True)
class Kept:
    """One packet that is kept until a moment in Unix milliseconds."""

    kind: int  # `gateway.wire.types.MessageType`
    packet_id: bytes
    frame: bytes
    until_ms: int


class History:
    """The kept packets of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._added = 0

    def add(self, kept: Kept, now_ms: int) -> bool:
        """Keep a packet of the public history; False if its type is not kept, its time is over, or it is there already."""
        if kept.kind not in CAPACITY or kept.until_ms <= now_ms or len(kept.frame) > limits.MAX_FRAME or not self._insert(kept):
            return False
        self._added += len(kept.frame) + 1024
        if self._added >= PRUNE_EVERY:
            self._added = 0
            self.prune(now_ms)
        return True

    def remove(self, packet_id: bytes) -> bool:
        """Forget a packet: a board post that was withdrawn, keys that newer ones have replaced; False if it was not there."""
        return self._database.change("DELETE FROM kept WHERE id = ?", (packet_id,)) > 0

    def until_ms(self, packet_id: bytes) -> int | None:
        """Return until when a packet is kept, in Unix milliseconds; None if it is not."""
        found = self._database.rows("SELECT until_ms FROM kept WHERE id = ?", (packet_id,))
        return found[0][0] if found else None

    def load(self, now_ms: int) -> Iterator[Kept]:
        """Walk everything whose time is not over, in the order in which it came."""
        seq = 0
        while found := self._database.rows(
            "SELECT seq, kind, id, frame, until_ms FROM kept WHERE seq > ? AND until_ms > ? ORDER BY seq LIMIT ?", (seq, now_ms, _LOAD)
        ):
            for seq, kind, packet_id, frame, until_ms in found:  # noqa: B007 -- where the next piece begins
                yield Kept(kind, packet_id, frame, until_ms)

    def prune(self, now_ms: int) -> int:
        """Forget what is over, and of the public history what is more than there is room for, oldest first; returns how many."""
        gone = self._database.change("DELETE FROM kept WHERE until_ms <= ?", (now_ms,))
        for kind, capacity in CAPACITY.items():
            gone += self._database.change(
                "DELETE FROM kept WHERE kind = ? AND seq <= (SELECT seq FROM kept WHERE kind = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)",
                (kind, kind, capacity),
            )
        return gone + self._lighten()

    def _insert(self, kept: Kept) -> bool:
        return (
            self._database.change(
                "INSERT OR IGNORE INTO kept (id, kind, frame, size, until_ms) VALUES (?, ?, ?, ?, ?)",
                (kept.packet_id, kept.kind, kept.frame, len(kept.frame), kept.until_ms),
            )
            > 0
        )

    def _lighten(self) -> int:
        """Bring it below its bytes."""
        gone = 0
        for seq, before in self._database.rows("SELECT seq, sum(size) OVER (ORDER BY seq DESC) FROM kept ORDER BY seq"):
            if before <= limits.MAX_HISTORY_BYTES:
                break
            gone += self._database.change("DELETE FROM kept WHERE seq = ?", (seq,))
        return gone
