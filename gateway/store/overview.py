"""What became of messages, a page at a time: the record of decisions and the spool, seen from the messages.

Every function wants a transaction of the database around it, and raises `StoreError` if the database cannot be used.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.store.database import Database
from gateway.store.inquiry import KNOWN_AS, Trail, trail_of
from gateway.store.store import Store

LOAD: Final = 200  # rows read at once
MOST_ROWS: Final = 4_000  # rows looked at for one page; a page may be short, and there may be more behind it


@dataclass(frozen=True, slots=True)
class Page:
    """Some messages, the latest first; `next` is what to ask for after them, None if there are no more."""

    trails: tuple[Trail, ...]
    next: int | None


def page_of(store: Store, before: int | None, limit: int, wanted: Callable[[Trail], bool]) -> Page:
    """Return the messages something was done with before a place in the record.

    Args:
        store: where to look.
        before: what the page before said in `next`; None begins with the latest.
        limit: messages at most.
        wanted: whether a message is one of those that are looked for.

    """
    database = store.database
    seq = before if before is not None else _end(database)
    first, looked, told, trails = seq, 0, set[str](), list[Trail]()
    while looked < MOST_ROWS:
        rows = database.rows("SELECT seq, subject, verb FROM decision WHERE seq < ? ORDER BY seq DESC LIMIT ?", (seq, LOAD))
        if not rows:
            return Page(tuple(trails), None)
        for row, subject, verb in rows:
            seq = row
            looked += 1
            if subject in told or verb == KNOWN_AS or _is_later(database, subject, first):
                continue
            trail = trail_of(store, subject)
            told.update((subject, *trail.names))
            if trail.decisions and wanted(trail):
                trails.append(trail)
                if len(trails) == limit:
                    return Page(tuple(trails), seq)
    return Page(tuple(trails), seq)


def _end(database: Database) -> int:
    ((last,),) = database.rows("SELECT ifnull(max(seq), 0) FROM decision")
    return int(last) + 1


def _is_later(database: Database, subject: str, place: int) -> bool:
    """Whether a message was already on a page before."""
    return bool(database.rows("SELECT 1 FROM decision WHERE subject = ? AND seq >= ? AND verb != ? LIMIT 1", (subject, place, KNOWN_AS)))
