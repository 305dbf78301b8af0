"""Asking a phone to prove that it is there: the first half of a Noise XX handshake, and no session.

    -> e        <- e, ee, s, es: only the owner of the static key can write this        (no third message)

An announce can be recorded and played again within two minutes; this cannot. The phone
forgets the handshake after 20 s (spec section 7), and nobody gets a session with a node
whose mail nobody reads.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from gateway.errors import SessionError
from gateway.limits import MAX_HANDSHAKE_FAILURES, MAX_PRESENCE, PRESENCE_AGAIN_S, PRESENCE_BURST, PRESENCE_RATE, PRESENCE_TIMEOUT_S
from gateway.session.noise import MESSAGE_2_BYTES, Handshake
from gateway.session.rate import TokenBucket


@dataclass(slots=True)
class _Question:
    handshake: Handshake
    asked_at: float
    wrong: int = 0  # answers that were none


class Presence:
    """Who has been asked, and whether an answer is the right one.

    Args:
        static_private: X25519 private key of this node, 32 bytes; unused but for the library's sake, as no third message is sent.
        randbytes: source of ephemeral keys.

    """

    def __init__(self, static_private: bytes, randbytes: Callable[[int], bytes]) -> None:
        self._static = static_private
        self._randbytes = randbytes
        self._asked: OrderedDict[bytes, _Question] = OrderedDict()
        self._budget = TokenBucket(PRESENCE_RATE, PRESENCE_BURST)

    def __len__(self) -> int:
        return len(self._asked)

    def ask(self, peer_id: bytes, now: float) -> bytes | None:
        """Return the message that asks a peer, None if it was asked lately or too many are."""
        asked = self._asked.get(peer_id)
        if asked is not None and now - asked.asked_at < PRESENCE_AGAIN_S:
            return None
        if not self._budget.take(now):
            return None
        handshake = Handshake(initiator=True, static_private=self._static, ephemeral=self._randbytes(32))
        self._asked[peer_id] = _Question(handshake, now)
        self._asked.move_to_end(peer_id)
        if len(self._asked) > MAX_PRESENCE:
            self._asked.popitem(last=False)
        return handshake.write()

    def has_failed(self, peer_id: bytes, now: float) -> bool:
        """Say whether a peer was asked and has let its time pass."""
        asked = self._asked.get(peer_id)
        return asked is not None and now - asked.asked_at >= PRESENCE_TIMEOUT_S

    def proves(self, peer_id: bytes, message: bytes, now: float) -> bool:
        """Say whether a handshake message is the answer of the peer with this ID; an answer counts once."""
        asked = self._asked.get(peer_id)
        if asked is None or len(message) != MESSAGE_2_BYTES or now - asked.asked_at > PRESENCE_TIMEOUT_S:
            return False
        if asked.wrong >= MAX_HANDSHAKE_FAILURES:
            return False
        asked.wrong += 1
        try:
            asked.handshake.read(message)
        except SessionError:
            return False
        if sha256(asked.handshake.remote_static).digest()[: len(peer_id)] != peer_id:
            asked.handshake.unread()
            return False
        del self._asked[peer_id]
        return True

    def forget(self, peer_id: bytes) -> None:
        """Let a peer be asked at once when it is met again: its link went down."""
        self._asked.pop(peer_id, None)
