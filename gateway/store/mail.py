"""Courier mail: messages in the spool that are for whoever has a tag, and who has copies of them.

A letter is promised to whoever leaves it here: it is in the spool, in a durable transaction,
before anybody is told that it was taken. What is known of it besides is who has a copy, so
that a restart gives none away twice.

Every method wants a transaction of the database around it, and raises `StoreError` if the database cannot be used.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from gateway.errors import Reason
from gateway.limits import MAX_ENDED_MAIL
from gateway.store.database import Database
from gateway.store.message import Message, State
from gateway.store.quotas import Class
from gateway.store.spool import Spool

HOLDER: Final = 8  # bytes of a peer's or a site's ID

_WAITING: Final = """
    SELECT id, body, expires_ms, origin, recipient, via, copies, regular, holders
    FROM spool JOIN mail USING (id) JOIN spool_body USING (seq) WHERE state < 2 ORDER BY seq
"""
_ENDED: Final = (
    "SELECT id, state, reason, via, holders FROM spool JOIN mail USING (id) WHERE state >= 2 ORDER BY ended_ms DESC, seq DESC LIMIT ?"
)
_COUNTS: Final = "SELECT state, reason, count(*) FROM spool JOIN mail USING (id) WHERE state >= 2 GROUP BY state, reason"


@dataclass(frozen=True, slots=True)
class Letter:
    """One envelope of courier mail that waits, with who has a copy of it; `regular` says how its depositor counts in quotas."""

    name: bytes
    payload: bytes
    expires_ms: int
    depositor: bytes
    tag: bytes
    via: bytes
    copies: int
    regular: bool
    holders: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """A letter that waits no more; `reason` is None if it was delivered."""

    name: bytes
    reason: Reason | None
    holders: tuple[bytes, ...]


class Mail:
    """The courier mail of one database.

    Args:
        database: where it is.
        spool: of the same database.

    """

    def __init__(self, database: Database, spool: Spool) -> None:
        self._database = database
        self._spool = spool

    def take(self, letter: Letter, now_ms: int) -> Reason | None:
        """Take a letter in as a promise, or say why not; DUPLICATE is one that has ended before.

        Raises:
            RuntimeError: the transaction is not a durable one.

        """
        message = Message(
            letter.name, Class.DIRECTED, letter.payload, letter.expires_ms, origin=letter.depositor, recipient=letter.tag, via=letter.via
        )
        taken = self._spool.accept(message, now_ms)
        if isinstance(taken, Reason):
            return taken
        if taken.state not in (State.QUEUED, State.SENT):
            return Reason.DUPLICATE
        self._database.change(
            "INSERT OR IGNORE INTO mail VALUES (?, ?, ?, ?)", (letter.name, letter.copies, letter.regular, b"".join(letter.holders))
        )
        return None

    def given(self, name: bytes, copies: int, holders: tuple[bytes, ...]) -> bool:
        """Note how many copies are left and who has one; False if there is no such letter."""
        return self._database.change("UPDATE mail SET copies = ?, holders = ? WHERE id = ?", (copies, b"".join(holders), name)) > 0

    def end(self, name: bytes, reason: Reason | None, now_ms: int) -> bool:
        """Note that a letter was delivered, or why it never will be; False if that is nothing new."""
        if reason is None:
            return self._spool.delivered(name, now_ms)
        return self._spool.fail(name, reason, now_ms)

    def load(self) -> list[Letter]:
        """Return every letter that waits, in the order in which they came, those past their time too: whoever ends them says so."""
        return [
            Letter(name, payload, expires_ms, depositor, tag, via, copies, bool(regular), _split(holders))
            for name, payload, expires_ms, depositor, tag, via, copies, regular, holders in self._database.rows(_WAITING)
        ]

    def ended(self) -> list[Ended]:
        """Return the letters that have ended and are remembered, latest first, `MAX_ENDED_MAIL` at most."""
        return [
            Ended(name, Reason(reason) if reason else None, _split(holders))
            for name, _, reason, _, holders in self._database.rows(_ENDED, (MAX_ENDED_MAIL,))
        ]

    def counts(self) -> Counter[str]:
        """Count the letters that have ended and are remembered: ``delivered``, or by the reason they were not."""
        return Counter({reason or "delivered": count for _, reason, count in self._database.rows(_COUNTS)})

    def prune(self, _now_ms: int) -> int:
        """Forget who had copies of what the spool has forgotten; returns of how many."""
        return self._database.change("DELETE FROM mail WHERE id NOT IN (SELECT id FROM spool)")


def _split(joined: bytes) -> tuple[bytes, ...]:
    return tuple(joined[at : at + HOLDER] for at in range(0, len(joined), HOLDER))
