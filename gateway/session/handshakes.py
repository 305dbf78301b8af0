"""Handshakes in progress: nobody in here is authenticated yet, so everything in here is capped.

A handshake survives wrong answers, because anybody can send one: the right answer may still
come. After MAX_HANDSHAKE_FAILURES of them, or at its deadline, it is given up.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from gateway.errors import Reason, SessionError
from gateway.limits import (
    INITIATOR_TIMEOUT_S,
    MAX_EARLY_BYTES,
    MAX_EARLY_PER_PEER,
    MAX_EARLY_TOTAL,
    MAX_HANDSHAKE_FAILURES,
    MAX_HANDSHAKES,
    RESPONDER_TIMEOUT_S,
)
from gateway.session.counts import SessionCounts
from gateway.session.noise import Handshake, SplitKeys
from gateway.session.timeline import Timeline

PEER_ID_BYTES = 8


@dataclass(slots=True)
class _Started:
    """A handshake we began: message 1 is out, message 2 is awaited."""

    handshake: Handshake
    ends_at: float
    failures: int = 0


@dataclass(slots=True)
class _Answered:
    """A handshake a peer began: message 2 is out, message 3 is awaited."""

    handshake: Handshake
    ends_at: float
    message_1: bytes
    message_2: bytes
    failures: int = 0
    early: list[bytes] = field(default_factory=list)


class Handshakes:
    """At most one handshake in each role for each peer, and MAX_HANDSHAKES in each role.

    The roles have separate room, so that strangers who start handshakes cannot push out ours.
    """

    __slots__ = ("_answered", "_counts", "_early", "_randbytes", "_started", "_static_private")

    def __init__(self, static_private: bytes, randbytes: Callable[[int], bytes], counts: SessionCounts) -> None:
        self._static_private = static_private
        self._randbytes = randbytes
        self._counts = counts
        self._started: Timeline[_Started] = Timeline()
        self._answered: Timeline[_Answered] = Timeline()
        self._early = 0  # messages kept in all of _answered

    def started_by_us(self, peer_id: bytes) -> bool:
        """Whether our message 1 to this peer waits for its answer."""
        return peer_id in self._started

    def running(self, peer_id: bytes) -> bool:
        """Whether there is a handshake with this peer, whoever began it."""
        return peer_id in self._started or peer_id in self._answered

    def start(self, peer_id: bytes, now: float) -> bytes:
        """Begin a handshake and return message 1."""
        handshake = self._new(initiator=True)
        if len(self._started) >= MAX_HANDSHAKES:
            self._started.pop_oldest()
            self._counts.crowded_out += 1
            self._counts.crowded_out_started += 1
        self._started.put(peer_id, _Started(handshake, now + INITIATOR_TIMEOUT_S))
        self._counts.started += 1
        return handshake.write()

    def answer(self, peer_id: bytes, message_1: bytes, now: float) -> bytes:
        """Take message 1, in place of an earlier one, and return message 2.

        The same message 1 once more gets the same answer and changes nothing.
        """
        waiting = self._answered.get(peer_id)
        if waiting is not None and waiting.message_1 == message_1:
            return waiting.message_2
        handshake = self._new(initiator=False)
        handshake.read(message_1)
        message_2 = handshake.write()
        self._release(self._answered.pop(peer_id))
        if len(self._answered) >= MAX_HANDSHAKES:
            self._release(self._answered.pop_oldest())
            self._counts.crowded_out += 1
        self._answered.put(peer_id, _Answered(handshake, now + RESPONDER_TIMEOUT_S, message_1, message_2))
        self._counts.answered += 1
        return message_2

    def finish_started(self, peer_id: bytes, message_2: bytes) -> tuple[bytes, SplitKeys]:
        """Take message 2 of a handshake we began and return message 3 and the keys."""
        waiting = self._started.get(peer_id)
        if waiting is None:
            raise SessionError(Reason.SESSION, "no handshake waits for a message 2")
        handshake = waiting.handshake
        try:
            handshake.read(message_2)
            if not belongs(handshake.remote_static, peer_id):
                # Whoever saw message 1 can answer it with a key of their own; the true peer may still do so.
                handshake.unread()
                raise SessionError(Reason.IDENTITY, "the proven key is not the peer's")  # noqa: TRY301 one way to count failures
        except SessionError:
            waiting.failures += 1
            if waiting.failures >= MAX_HANDSHAKE_FAILURES:
                self._started.pop(peer_id)
            raise
        message_3 = handshake.write()
        return message_3, handshake.split()

    def finish_answered(self, peer_id: bytes, message_3: bytes) -> tuple[SplitKeys, tuple[bytes, ...]]:
        """Take message 3 of a handshake the peer began and return the keys and what had overtaken it."""
        waiting = self._answered.get(peer_id)
        if waiting is None:
            raise SessionError(Reason.SESSION, "no handshake waits for a message 3")
        try:
            waiting.handshake.read(message_3)
        except SessionError:
            waiting.failures += 1
            if waiting.failures >= MAX_HANDSHAKE_FAILURES:
                self._release(self._answered.pop(peer_id))
            raise
        if not belongs(waiting.handshake.remote_static, peer_id):
            # Only the author of message 1 can write its message 3, so all of it was an impostor's.
            self._release(self._answered.pop(peer_id))
            raise SessionError(Reason.IDENTITY, "the proven key is not the peer's")
        return waiting.handshake.split(), tuple(waiting.early)

    def defer(self, peer_id: bytes, message: bytes) -> bool:
        """Keep a transport message whose handshake the peer may just have finished; False when there is none or no room."""
        waiting = self._answered.get(peer_id)
        if waiting is None or len(message) > MAX_EARLY_BYTES:
            return False
        if len(waiting.early) >= MAX_EARLY_PER_PEER or self._early >= MAX_EARLY_TOTAL:
            return False
        waiting.early.append(message)
        self._early += 1
        self._counts.deferred += 1
        return True

    def forget(self, peer_id: bytes) -> None:
        """Give up both handshakes with a peer."""
        self._started.pop(peer_id)
        self._release(self._answered.pop(peer_id))

    def expire(self, now: float) -> None:
        """Give up what is past its deadline."""
        ended = len(self._started.pop_ended(now))
        self._counts.timed_out += ended
        self._counts.timed_out_started += ended
        for answered in self._answered.pop_ended(now):
            self._release(answered)
            self._counts.timed_out += 1

    def next_expiry(self) -> float | None:
        """Return the first deadline, None without a handshake."""
        return min((end for end in (self._started.next_end(), self._answered.next_end()) if end is not None), default=None)

    def _new(self, *, initiator: bool) -> Handshake:
        return Handshake(initiator=initiator, static_private=self._static_private, ephemeral=self._randbytes(32))

    def _release(self, answered: _Answered | None) -> None:
        if answered is not None:
            self._early -= len(answered.early)


def belongs(static_public: bytes, peer_id: bytes) -> bool:
    """Whether a Noise static public key is the one a peer ID stands for."""
    return sha256(static_public).digest()[:PEER_ID_BYTES] == peer_id
