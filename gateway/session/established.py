"""Authenticated sessions: their ciphers, rates, life and end.

When a session replaces another of the same peer, the receiving half of the old one stays for
OLD_SESSION_GRACE_S: each side switches when it has seen the other's last handshake message, and
what was sent before that is still under way. Nothing is ever sent under old keys again.
"""

from dataclasses import dataclass, field

from gateway.errors import Reason, SessionError
from gateway.limits import MAX_SESSIONS, OLD_SESSION_GRACE_S, SESSION_LIFETIME_S, TRANSPORT_RATE_PER_PEER, TRANSPORT_RATE_TOTAL
from gateway.session.counts import SessionCounts
from gateway.session.noise import SplitKeys
from gateway.session.rate import TokenBucket
from gateway.session.timeline import Timeline
from gateway.session.transport import ReceiveCipher, SendCipher


def _budget() -> TokenBucket:
    return TokenBucket(TRANSPORT_RATE_PER_PEER, TRANSPORT_RATE_PER_PEER)


@dataclass(slots=True)
class Session:
    """One authenticated session."""

    send: SendCipher
    receive: ReceiveCipher
    handshake_hash: bytes
    ends_at: float
    used_at: float  # when it last carried an authentic message
    failures: int = 0  # messages in a row that were not authentic
    sending: TokenBucket = field(default_factory=_budget)
    receiving: TokenBucket = field(default_factory=_budget)


@dataclass(slots=True)
class _Replaced:
    """The receiving half of the session before this one."""

    receive: ReceiveCipher
    ends_at: float


class Established:
    """The sessions of a node, at most MAX_SESSIONS; the one used longest ago makes room."""

    __slots__ = ("_counts", "_receiving", "_replaced", "_sending", "_sessions")

    def __init__(self, counts: SessionCounts) -> None:
        self._counts = counts
        self._sessions: Timeline[Session] = Timeline()
        self._replaced: Timeline[_Replaced] = Timeline()
        self._sending = TokenBucket(TRANSPORT_RATE_TOTAL, TRANSPORT_RATE_TOTAL)
        self._receiving = TokenBucket(TRANSPORT_RATE_TOTAL, TRANSPORT_RATE_TOTAL)

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, peer_id: bytes) -> Session | None:
        """Return the session with a peer, None without one."""
        return self._sessions.get(peer_id)

    def add(self, peer_id: bytes, keys: SplitKeys, now: float) -> Session:
        """Begin a session from the keys of a finished handshake."""
        old = self._sessions.pop(peer_id)
        if old is not None:
            self._replaced.put(peer_id, _Replaced(old.receive, now + OLD_SESSION_GRACE_S))
        elif len(self._sessions) >= MAX_SESSIONS:
            least_used, _ = min(self._sessions.items(), key=lambda item: item[1].used_at)
            self.drop(least_used)
            self._counts.evicted += 1
        session = Session(SendCipher(keys.send), ReceiveCipher(keys.receive), keys.handshake_hash, now + SESSION_LIFETIME_S, now)
        self._sessions.put(peer_id, session)
        self._counts.established += 1
        return session

    def encrypt(self, session: Session, plaintext: bytes, now: float) -> bytes:
        """Return the transport message that carries `plaintext`."""
        self._spend(session.sending, self._sending, now)
        message = session.send.encrypt(plaintext)
        session.used_at = now
        self._counts.sent += 1
        return message

    def decrypt(self, peer_id: bytes, session: Session, message: bytes, now: float) -> bytes:
        """Return the plaintext of a transport message, which may still be under the keys before these."""
        self._spend(session.receiving, self._receiving, now)
        try:
            plaintext = session.receive.decrypt(message)
        except SessionError as error:
            plaintext = self._decrypt_replaced(peer_id, message, error)
        session.failures = 0
        session.used_at = now
        self._counts.received += 1
        return plaintext

    def decrypt_early(self, session: Session, messages: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Return the plaintexts of those messages that turn out to belong to this new session."""
        plaintexts = []
        for message in messages:
            try:
                plaintexts.append(session.receive.decrypt(message))
            except SessionError:
                self._counts.undecryptable += 1
            else:
                self._counts.received += 1
        return tuple(plaintexts)

    def count_failure(self, session: Session, error: SessionError) -> None:
        """Record a message that could not be decrypted and was not kept for later."""
        if error.reason is Reason.DUPLICATE:
            self._counts.replayed += 1
        elif error.reason is Reason.SESSION:
            self._counts.undecryptable += 1
            session.failures += 1

    def drop(self, peer_id: bytes) -> None:
        """Forget the session with a peer and the one before it."""
        self._sessions.pop(peer_id)
        self._replaced.pop(peer_id)

    def expire(self, now: float) -> None:
        """End sessions at the end of their life."""
        self._counts.expired += len(self._sessions.pop_ended(now))
        self._replaced.pop_ended(now)

    def next_expiry(self) -> float | None:
        """Return when the first session ends, None without one."""
        return min((end for end in (self._sessions.next_end(), self._replaced.next_end()) if end is not None), default=None)

    def _decrypt_replaced(self, peer_id: bytes, message: bytes, error: SessionError) -> bytes:
        replaced = self._replaced.get(peer_id)
        if replaced is None:
            raise error
        try:
            return replaced.receive.decrypt(message)
        except SessionError as old_error:
            # A replay under either key is a replay, not a sign that the peer has lost its keys.
            raise (old_error if old_error.reason is Reason.DUPLICATE else error) from None

    def _spend(self, own: TokenBucket, total: TokenBucket, now: float) -> None:
        if not own.take(now) or not total.take(now):
            self._counts.rate_limited += 1
            raise SessionError(Reason.RATE, "too many messages")
