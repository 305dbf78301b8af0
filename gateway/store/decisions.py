"""Why each packet went where it went: the record behind ``meshgate why``.

A row says at which hop which rule did what to a packet, and for which reason. It holds
neither text nor nickname: whoever writes `detail` puts figures and words of our own there.
Rows are bounded by number and by age, and losing the last few in a power cut is no harm.

Every method wants a transaction of the database around it, and raises `StoreError` if the database cannot be used.
"""

import sys
from dataclasses import dataclass
from typing import Final

from gateway.limits import DECISION_LIFETIME_MS, MAX_DECISION_DETAIL, MAX_DECISION_WORDS, MAX_DECISIONS, MAX_MESSAGE_ID
from gateway.store.database import Database

MIN_PREFIX: Final = 4  # characters; fewer would name half of everything
MAX_TRAIL: Final = 1_000  # rows shown of one packet
PRUNE_EVERY: Final = 1_000  # rows between two looks at how many there are
_LOAD: Final = 500  # rows read at once
_BEYOND: Final = "\U0010ffff"  # sorts after every ID


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing that was done with one packet.

    Args:
        subject: packet ID in hexadecimal, or message ID; capitals do not matter.
        at_ms: Unix milliseconds.
        hop: where: ``radio``, a transport's name, or a site ID in hexadecimal.
        verb: what, a `gateway.mesh.records.Verb`.
        rule: the rule that decided, by its name; empty where none was asked.
        reason: a `gateway.errors.Reason` where something was refused, else empty.
        detail: figures, such as a delay; never what somebody said or is called.

    """

    subject: str
    at_ms: int
    hop: str
    verb: str
    rule: str = ""
    reason: str = ""
    detail: str = ""


class Decisions:
    """The record of one database; `capacity` is how many rows it keeps."""

    def __init__(self, database: Database, *, capacity: int = MAX_DECISIONS) -> None:
        self._database = database
        self._capacity = capacity
        self._added = 0

    def add(self, decision: Decision) -> None:
        """Write a row; what is longer than its field is cut."""
        self._database.change(
            "INSERT INTO decision (subject, at_ms, hop, verb, rule, reason, detail) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                _key(decision.subject)[:MAX_MESSAGE_ID],
                decision.at_ms,
                *(words[:MAX_DECISION_WORDS] for words in (decision.hop, decision.verb, decision.rule, decision.reason)),
                decision.detail[:MAX_DECISION_DETAIL],
            ),
        )
        self._added += 1
        if self._added % PRUNE_EVERY == 0:
            self._shorten()

    def subjects(self, prefix: str, limit: int) -> list[str]:
        """Return the IDs that begin like this, at most `limit`, the latest first; `ValueError` for fewer than four characters."""
        if len(prefix) < MIN_PREFIX:
            raise ValueError(f"an ID is looked up by {MIN_PREFIX} characters or more")
        start = _key(prefix)
        return [
            subject
            for (subject,) in self._database.rows(
                "SELECT subject FROM decision WHERE subject >= ? AND subject < ? GROUP BY subject ORDER BY max(seq) DESC LIMIT ?",
                (start, start + _BEYOND, limit),
            )
        ]

    def latest(self, limit: int) -> list[str]:
        """Return the IDs something was done with last, at most `limit`, the latest first."""
        found: dict[str, None] = {}
        before = sys.maxsize
        while len(found) < limit:
            rows = self._database.rows("SELECT seq, subject FROM decision WHERE seq < ? ORDER BY seq DESC LIMIT ?", (before, _LOAD))
            if not rows:
                break
            found.update(dict.fromkeys(subject for _, subject in rows))
            before = rows[-1][0]
        return list(found)[:limit]

    def trail(self, *subjects: str) -> list[Decision]:
        """Return what was done with one packet, under any of its IDs, in the order it was done; the last `MAX_TRAIL` rows of it."""
        places = ", ".join("?" * len(subjects))
        found = self._database.rows(
            f"SELECT subject, at_ms, hop, verb, rule, reason, detail FROM decision WHERE subject IN ({places}) ORDER BY seq DESC LIMIT ?",  # noqa: S608 -- only question marks
            (*map(_key, subjects), MAX_TRAIL),
        )
        return [Decision(*row) for row in reversed(found)]

    def prune(self, now_ms: int) -> int:
        """Forget what is too old or too much; returns how many rows."""
        return self._database.change("DELETE FROM decision WHERE at_ms < ?", (now_ms - DECISION_LIFETIME_MS,)) + self._shorten()

    def _shorten(self) -> int:
        return self._database.change("DELETE FROM decision WHERE seq <= (SELECT max(seq) FROM decision) - ?", (self._capacity,))


def _key(subject: str) -> str:
    return subject.lower()
