"""Messages on their way, kept until somebody has them or nobody wants them any more.

    accept        sent             delivered        read
    ──────▶ queued ────▶ sent ────▶ delivered ────▶ read
              │  └────────┬──────────▲ ▲
              ▼           ▼          │ │  a receipt that comes late is still the truth
           failed      expired ──────┘ │
              └────────────────────────┘

Rules:

* An ID is accepted once. Whoever brings it again, from wherever, before or after a restart, is told how far it has come.
* What is refused is refused with a `Reason`, and it is always the newest: what waits was promised.
* A message that has ended loses its body at once. Its ID stays as long as a repeat could come.
* What one peer says to one recipient leaves in the order in which it was accepted.

Every method wants a transaction of the database around it, and raises `StoreError` if the database cannot be used.
"""

from collections.abc import Sequence
from random import Random
from typing import Any, Final

from gateway.errors import Reason
from gateway.limits import MAX_MESSAGE_ID, MAX_SPOOL_BODY, MAX_SPOOL_ENDED, MAX_SPOOL_LIFETIME_MS
from gateway.store.database import Database
from gateway.store.message import Accepted, Message, Progress, State, Tally
from gateway.store.quotas import Claim, Class, Usage
from gateway.store.retry import CAP_MS, next_try

TAKE: Final = 64  # messages handed out at once
TAKE_BYTES: Final = 2 * 1024 * 1024
EXPIRE_AT_ONCE: Final = 1_000
DEAD_LETTERS_MS: Final = 24 * 3600 * 1000  # milliseconds somebody can still read why a message failed
EVICT_EVERY: Final = 64  # endings between two looks at how many have ended

_END: Final = "UPDATE spool SET state = ?, reason = ?, ended_ms = ? WHERE id = ? AND "
_WAITS: Final = "SELECT seq, class, origin, recipient, via, site, size FROM spool WHERE id = ? AND state < 2"
_PROGRESS: Final = (
    "SELECT id, class, state, reason, origin, recipient, via, site, size, accepted_ms, expires_ms, attempts, ended_ms FROM spool "
)
# A try that lies further ahead than any can was planned before the clock was set back.
_READY: Final = """
    WITH held AS (
        SELECT origin, recipient, site, class, min(seq) AS first FROM spool
        WHERE state = 0 AND due_ms > :now AND due_ms <= :now + :cap AND expires_ms > :now
        GROUP BY origin, recipient, site, class
    )
    SELECT seq, size FROM spool LEFT JOIN held USING (origin, recipient, site, class)
    WHERE state < 2 AND expires_ms > :now AND (due_ms <= :now OR due_ms > :now + :cap) AND (first IS NULL OR seq < first)
    ORDER BY class, seq LIMIT :limit
"""
_EVICT: Final = """
    DELETE FROM spool WHERE seq IN (
        SELECT seq FROM (
            SELECT seq, ended_ms, row_number() OVER (PARTITION BY origin ORDER BY ended_ms DESC, seq DESC) AS place
            FROM spool WHERE state >= 2
        ) ORDER BY place DESC, ended_ms, seq LIMIT ?
    )
"""


class Spool:
    """The messages of one database.

    Args:
        database: where they are.
        rng: chance for the times of retries.
        max_ended: how many IDs of ended messages are kept.

    """

    def __init__(self, database: Database, rng: Random, *, max_ended: int = MAX_SPOOL_ENDED) -> None:
        self._database = database
        self._usage = Usage(database)
        self._rng = rng
        self._max_ended = max_ended
        self._endings = 0

    def accept(self, message: Message, now_ms: int, *, promised: bool = True) -> Accepted | Reason:
        """Take a message in, or say why not.

        Args:
            message: what is to be kept.
            now_ms: Unix milliseconds. A deadline further away than `MAX_SPOOL_LIFETIME_MS` is cut to that.
            promised: somebody will be told that we have it; the transaction has to be a durable one.

        """
        if promised and not self._database.promises:
            raise RuntimeError("a promise needs a durable transaction")
        known = self.get(message.id)
        if known is not None:
            if promised:  # the first time may not have been a promise; a transaction that writes nothing syncs nothing either
                self._database.change("UPDATE spool SET id = id WHERE id = ?", (message.id,))
            return known.reason or Accepted(known.state, fresh=False)
        names = (message.id, message.origin, message.recipient, message.via, message.site)
        if len(message.body) > MAX_SPOOL_BODY or max(map(len, names)) > MAX_MESSAGE_ID:
            return Reason.OVERSIZED
        if message.expires_ms <= now_ms:
            return Reason.EXPIRED
        claim = Claim(message.service, message.origin, message.recipient, message.via, message.site, len(message.body))
        reason = self._usage.exceeded(claim)
        if reason is not None:
            return reason
        self._database.change(
            "INSERT INTO spool (id, class, state, origin, via, site, recipient, size, accepted_ms, expires_ms, due_ms) "
            "VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                message.id,
                message.service,
                message.origin,
                message.via,
                message.site,
                message.recipient,
                len(message.body),
                now_ms,
                min(message.expires_ms, now_ms + MAX_SPOOL_LIFETIME_MS),
                now_ms,
            ),
        )
        self._database.change("INSERT INTO spool_body VALUES (last_insert_rowid(), ?)", (message.body,))
        self._usage.add(claim)
        return Accepted(State.QUEUED, fresh=True)

    def ready(self, now_ms: int, *, limit: int = TAKE, limit_bytes: int = TAKE_BYTES) -> list[Message]:
        """Return what is to be sent now, most urgent first; each stays ready until it is `sent` or `postpone`d.

        Args:
            now_ms: Unix milliseconds.
            limit: messages at most.
            limit_bytes: bytes of bodies at most; one message is returned however large it is.

        """
        found = self._database.rows(_READY, {"now": now_ms, "cap": CAP_MS, "limit": limit})
        messages: list[Message] = []
        room = limit_bytes
        for seq, size in found:
            room -= size
            if room < 0 and messages:
                break
            ((id_, service, body, expires_ms, origin, recipient, via, site),) = self._database.rows(
                "SELECT id, class, body, expires_ms, origin, recipient, via, site FROM spool JOIN spool_body USING (seq) WHERE seq = ?",
                (seq,),
            )
            messages.append(Message(id_, Class(service), body, expires_ms, origin, recipient, via, site))
        return messages

    def next_at(self, now_ms: int) -> int | None:
        """Return when there is something to do that is not ready yet: a retry or a deadline; None if nothing waits."""
        ((due, expiry),) = self._database.rows(
            "SELECT (SELECT min(due_ms) FROM spool WHERE state < 2 AND due_ms > ?), (SELECT min(expires_ms) FROM spool WHERE state < 2)",
            (now_ms,),
        )
        return min((at for at in (due, expiry) if at is not None), default=None)

    def sent(self, message_id: bytes, now_ms: int) -> bool:
        """Note that a message left, and when to send it again if no receipt comes; False if it does not wait (any more)."""
        return self._try_again(message_id, State.SENT, now_ms)

    def postpone(self, message_id: bytes, now_ms: int) -> bool:
        """Note that a message could not leave, and when to try again; False if it does not wait (any more)."""
        return self._try_again(message_id, State.QUEUED, now_ms)

    def wake(self, now_ms: int, *, recipient: bytes = b"", site: bytes = b"") -> int:
        """Make everything for a peer or a site ready at once, because it is there again; returns how many."""
        return self._database.change(
            "UPDATE spool SET due_ms = ? WHERE state < 2 AND due_ms > ? AND (recipient = ? OR ? = x'') AND (site = ? OR ? = x'')",
            (now_ms, now_ms, recipient, recipient, site, site),
        )

    def delivered(self, message_id: bytes, now_ms: int) -> bool:
        """Note a receipt; False if it says nothing new."""
        return self._end(message_id, State.DELIVERED, "", now_ms, "state NOT IN (2, 3)")

    def read(self, message_id: bytes, now_ms: int) -> bool:
        """Note that somebody has read it; False if it says nothing new."""
        return self._end(message_id, State.READ, "", now_ms, "state != 3")

    def fail(self, message_id: bytes, reason: Reason, now_ms: int) -> bool:
        """Give a message up; False if it does not wait (any more)."""
        return self._end(message_id, State.EXPIRED if reason is Reason.EXPIRED else State.FAILED, reason, now_ms, "state < 2")

    def expire(self, now_ms: int) -> list[bytes]:
        """End what is past its deadline, at most `EXPIRE_AT_ONCE`; returns the IDs."""
        found = self._database.rows(
            "SELECT id FROM spool WHERE state < 2 AND expires_ms <= ? ORDER BY expires_ms LIMIT ?", (now_ms, EXPIRE_AT_ONCE)
        )
        for (message_id,) in found:
            self._end(message_id, State.EXPIRED, Reason.EXPIRED, now_ms, "state < 2")
        return [message_id for (message_id,) in found]

    def prune(self, now_ms: int) -> int:
        """Forget what ended long ago; returns how many."""
        return self._database.change(
            "DELETE FROM spool WHERE state >= 2 AND expires_ms < ? AND ended_ms < ?", (now_ms, now_ms - DEAD_LETTERS_MS)
        )

    def get(self, message_id: bytes) -> Progress | None:
        """Say how far a message has come, None if it is not known."""
        found = self._progress(_PROGRESS + "WHERE id = ?", (message_id,))
        return found[0] if found else None

    def dead_letters(self, limit: int) -> list[Progress]:
        """Return what was not delivered and why, latest first."""
        return self._progress(_PROGRESS + "WHERE state >= 4 ORDER BY ended_ms DESC, seq DESC LIMIT ?", (limit,))

    def tally(self) -> Tally:
        """Count."""
        ((dead,),) = self._database.rows("SELECT count(*) FROM spool WHERE state >= 4")
        waiting = {service: self._usage.of(service) for service in Class}
        return Tally(
            waiting=sum(quota.messages for quota in waiting.values()),
            waiting_bytes=sum(quota.bytes for quota in waiting.values()),
            by_class={service: quota.messages for service, quota in waiting.items()},
            dead=dead,
        )

    def _progress(self, sql: str, values: Sequence[object]) -> list[Progress]:
        return [_progress_of(row) for row in self._database.rows(sql, values)]

    def _try_again(self, message_id: bytes, state: State, now_ms: int) -> bool:
        found = self._database.rows("SELECT state, attempts FROM spool WHERE id = ? AND state < 2", (message_id,))
        if not found:
            return False
        ((before, attempts),) = found
        self._database.change(
            "UPDATE spool SET state = ?, attempts = ?, due_ms = ? WHERE id = ?",
            (max(before, state), attempts + 1, next_try(attempts + 1, now_ms, self._rng), message_id),
        )
        return True

    def _end(self, message_id: bytes, state: State, reason: str, now_ms: int, condition: str) -> bool:
        waits = self._database.rows(_WAITS, (message_id,))
        if not self._database.change(_END + condition, (state, reason, now_ms, message_id)):
            return False
        for seq, *claim in waits:
            self._database.change("DELETE FROM spool_body WHERE seq = ?", (seq,))
            self._usage.add(Claim(*claim), -1)
        self._endings += 1
        if self._endings % EVICT_EVERY == 0:
            self._evict()
        return True

    def _evict(self) -> None:
        """Keep the number of ended messages within its cap; those of whom there are most go first, so that nobody drives out others'."""
        ((ended,),) = self._database.rows("SELECT count(*) FROM spool WHERE state >= 2")
        if ended > self._max_ended:
            self._database.change(_EVICT, (ended - self._max_ended,))


def _progress_of(row: Sequence[Any]) -> Progress:
    id_, service, state, reason, origin, recipient, via, site, size, accepted_ms, expires_ms, attempts, ended_ms = row
    return Progress(
        id=id_,
        service=Class(service),
        state=State(state),
        reason=Reason(reason) if reason else None,
        origin=origin,
        recipient=recipient,
        via=via,
        site=site,
        size=size,
        accepted_ms=accepted_ms,
        expires_ms=expires_ms,
        attempts=attempts,
        ended_ms=ended_ms or None,
    )
