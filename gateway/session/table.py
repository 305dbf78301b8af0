"""Every Noise session of this node: who we talk to privately, and who is trying to.

docs/design/noise-session.md has the picture. The rules:

* A peer has at most one session, one handshake that we started and one that the peer started.
* A session appears only when its handshake has proved a static key whose hash is the peer ID.
  Until then an older session of the same peer keeps working in both directions.
* Crossed first messages: the smaller peer ID stays initiator and ignores the other's; the larger
  answers. Its own attempt is left to time out, because the message it answered may be forged.
* Nothing here falls back to clear text: there is a session, or there is a `SessionError`.

Source: BitChat iOS NoiseSessionManager.swift, NoiseRateLimiter.swift.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import Reason, SessionError
from gateway.limits import (
    HANDSHAKE_WINDOW_S,
    HANDSHAKES_PER_PEER,
    HANDSHAKES_RESERVED,
    HANDSHAKES_TOTAL,
    MAX_HANDSHAKE,
    MAX_HANDSHAKE_PEERS,
)
from gateway.session.counts import SessionCounts
from gateway.session.established import Established
from gateway.session.handshakes import Handshakes, belongs
from gateway.session.noise import MESSAGE_1_BYTES, MESSAGE_2_BYTES, MESSAGE_3_BYTES, public_key_of
from gateway.session.rate import KeyedBuckets, TokenBucket


@dataclass(frozen=True, slots=True)
class HandshakeStep:
    """What a handshake message led to; nothing at all when it was rightly ignored."""

    reply: bytes | None = None  # handshake message to send to the peer
    established: bool = False  # there is a new session with the peer
    remote_static: bytes | None = None  # the peer's 32-byte Noise public key, once established
    early: tuple[bytes, ...] = ()  # plaintexts of messages that had overtaken the end of the handshake


class SessionTable:
    """The Noise XX sessions of one node.

    Times are seconds of one monotonic clock. Peer IDs are 8 bytes. Nothing but `SessionError`
    is raised for anything a peer can send.

    Args:
        static_private: this node's X25519 private key, 32 bytes.
        local_peer_id: this node's peer ID, the first 8 bytes of the SHA-256 of its public key.
        randbytes: a cryptographic source of random bytes; every handshake takes 32.

    Attributes:
        counts: what has happened, for metrics.

    Raises:
        ValueError: `local_peer_id` does not belong to `static_private`.
    """

    def __init__(self, static_private: bytes, local_peer_id: bytes, randbytes: Callable[[int], bytes]) -> None:
        if not belongs(public_key_of(static_private), local_peer_id):
            raise ValueError("the peer ID is not the hash of the static key")
        self.counts = SessionCounts()
        self._local = local_peer_id
        self._handshakes = Handshakes(static_private, randbytes, self.counts)
        self._sessions = Established(self.counts)
        self._budget = TokenBucket(HANDSHAKES_TOTAL / HANDSHAKE_WINDOW_S, HANDSHAKES_TOTAL)
        self._budgets = KeyedBuckets(HANDSHAKES_PER_PEER / HANDSHAKE_WINDOW_S, HANDSHAKES_PER_PEER, MAX_HANDSHAKE_PEERS)

    def __len__(self) -> int:
        return len(self._sessions)

    def initiate(self, peer_id: bytes, now: float, *, rekey: bool = False) -> bytes | None:
        """Return message 1 of a new handshake, or None when one is running or a session is up.

        With `rekey` a session that is up is no obstacle: it keeps working until the new one is there.

        Raises:
            SessionError: Reason.RATE, or Reason.OWN for this node's own peer ID.
        """
        self.expire(now)
        self._refuse_own(peer_id)
        if self._handshakes.running(peer_id) or (self.is_established(peer_id) and not rekey):
            return None
        self._admit(peer_id, now, reserved=0)
        return self._handshakes.start(peer_id, now)

    def on_handshake(self, peer_id: bytes, message: bytes, now: float) -> HandshakeStep:
        """Take a handshake message of a peer; its size tells which of the three it is.

        Raises:
            SessionError: Reason.SESSION for a message that is wrong or that nothing waits for,
                Reason.IDENTITY for a proven key that is not the peer's, Reason.RATE, Reason.OWN,
                Reason.OVERSIZED. Sessions stand as before.
        """
        self.expire(now)
        self._refuse_own(peer_id)
        try:
            return self._take(peer_id, message, now)
        except SessionError as error:
            self.counts.refused += error.reason is not Reason.RATE
            raise

    def encrypt(self, peer_id: bytes, plaintext: bytes, now: float) -> bytes:
        """Return the transport message that carries `plaintext` to a peer.

        Raises:
            SessionError: Reason.SESSION without a usable session (call `initiate`), Reason.RATE,
                Reason.OVERSIZED.
        """
        self.expire(now)
        session = self._sessions.get(peer_id)
        if session is None:
            raise SessionError(Reason.SESSION, "no session")
        return self._sessions.encrypt(session, plaintext, now)

    def decrypt(self, peer_id: bytes, payload: bytes, now: float) -> bytes:
        """Return the plaintext of a peer's transport message; each message is returned once.

        Raises:
            SessionError: Reason.EARLY when the message may belong to a handshake that is about to
                finish: it is kept, and comes out of `on_handshake`. Reason.DUPLICATE for a replay,
                Reason.RATE, Reason.OVERSIZED, and Reason.SESSION without a session or for a message
                that is not authentic. The session stands as before.
        """
        self.expire(now)
        session = self._sessions.get(peer_id)
        if session is None:
            if self._handshakes.defer(peer_id, payload):
                raise SessionError(Reason.EARLY)
            raise SessionError(Reason.SESSION, "no session")
        try:
            return self._sessions.decrypt(peer_id, session, payload, now)
        except SessionError as error:
            if error.reason is Reason.SESSION and self._handshakes.defer(peer_id, payload):
                raise SessionError(Reason.EARLY) from None
            self._sessions.count_failure(session, error)
            raise

    def is_established(self, peer_id: bytes, now: float | None = None) -> bool:
        """Whether `encrypt` has a session for this peer; pass `now` unless `expire` was just called."""
        if now is not None:
            self.expire(now)
        session = self._sessions.get(peer_id)
        return session is not None and not session.send.exhausted

    def failures(self, peer_id: bytes) -> int:
        """Messages of this peer in a row that were not authentic: a reason to `initiate` with `rekey`.

        A single one proves nothing, anybody can forge it.
        """
        session = self._sessions.get(peer_id)
        return session.failures if session is not None else 0

    def handshake_hash(self, peer_id: bytes) -> bytes | None:
        """Return the 32 bytes that name the session with a peer on both sides, None without one."""
        session = self._sessions.get(peer_id)
        return session.handshake_hash if session is not None else None

    def drop(self, peer_id: bytes) -> None:
        """Forget the session with a peer and every handshake with it."""
        self._sessions.drop(peer_id)
        self._handshakes.forget(peer_id)

    def expire(self, now: float) -> None:
        """Give up handshakes out of time and sessions at the end of their life."""
        self._handshakes.expire(now)
        self._sessions.expire(now)

    def next_expiry(self) -> float | None:
        """Return when `expire` next has something to do, None when nothing waits."""
        ends = (self._handshakes.next_expiry(), self._sessions.next_expiry())
        return min((end for end in ends if end is not None), default=None)

    def _take(self, peer_id: bytes, message: bytes, now: float) -> HandshakeStep:
        if len(message) > MAX_HANDSHAKE:
            raise SessionError(Reason.OVERSIZED, f"{len(message)} bytes of handshake")
        if len(message) == MESSAGE_1_BYTES:
            if self._handshakes.started_by_us(peer_id) and self._local < peer_id:
                self.counts.ignored += 1
                return HandshakeStep()
            self._admit(peer_id, now, reserved=HANDSHAKES_RESERVED)
            return HandshakeStep(reply=self._handshakes.answer(peer_id, message, now))
        if len(message) == MESSAGE_2_BYTES:
            reply, keys = self._handshakes.finish_started(peer_id, message)
            self.counts.established_started += 1
            early: tuple[bytes, ...] = ()
        elif len(message) == MESSAGE_3_BYTES:
            reply = None
            keys, early = self._handshakes.finish_answered(peer_id, message)
        else:
            raise SessionError(Reason.SESSION, f"no handshake message has {len(message)} bytes")
        self._handshakes.forget(peer_id)
        session = self._sessions.add(peer_id, keys, now)
        return HandshakeStep(reply, True, keys.remote_static, self._sessions.decrypt_early(session, early))

    def _refuse_own(self, peer_id: bytes) -> None:
        if peer_id == self._local:
            raise SessionError(Reason.OWN, "no session with oneself")

    def _admit(self, peer_id: bytes, now: float, *, reserved: int) -> None:
        enough = self._budget.level(now) >= 1 + reserved
        if not (enough and self._budgets.take(peer_id, now) and self._budget.take(now)):
            self.counts.rate_limited += 1
            raise SessionError(Reason.RATE, "too many handshakes")
