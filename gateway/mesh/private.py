"""Private messages of this node itself: Noise sessions, an outbox, receipts.

A message stays in the outbox until the far end says ``delivered`` and is sent again
meanwhile; the receiver drops repeats by message ID. A gateway never answers for anybody else.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from gateway.errors import Reason, SessionError
from gateway.limits import MAX_OUTBOX_PER_PEER, MAX_PEERS, MAX_RECEIVED_IDS
from gateway.mesh.effects import Effect, PrivateMessage, Receipt
from gateway.mesh.events import Whisper
from gateway.mesh.identity import Identity
from gateway.session.table import SessionTable
from gateway.wire import private as payloads
from gateway.wire.types import MessageType

RETRY_S = 10.0  # a message without a receipt is sent again
MAX_ATTEMPTS = 8  # then it waits for the recipient to come back
REKEY_EVERY = 3  # attempts after which a new handshake goes along: the recipient may have lost its keys


class Outgoing(NamedTuple):
    """One Noise packet to be sent."""

    type: int
    recipient: bytes
    payload: bytes


@dataclass(slots=True)
class Waiting:
    """A message without a receipt."""

    text: str
    attempts: int = 0
    next_at: float = float("-inf")


class Private:
    """The private side of a node.

    Args:
        identity: whose messages these are.
        capabilities: the bits stated in the authenticated peer state.
        randbytes: source of ephemeral keys.
        signing_key_of: pinned Ed25519 key by peer ID, None if unknown.
        reads_mail: whether somebody reads what comes; if not, nobody is told that it was delivered.

    """

    def __init__(
        self,
        identity: Identity,
        capabilities: int,
        randbytes: Callable[[int], bytes],
        signing_key_of: Callable[[bytes], bytes | None],
        *,
        reads_mail: bool = True,
    ) -> None:
        self._reads_mail = reads_mail
        self.sessions = SessionTable(identity.noise_private, identity.peer_id, randbytes)
        self._own_id = identity.peer_id
        self._state = payloads.encode_noise_payload(payloads.PeerState(capabilities, identity.signing_public))
        self._signing_key_of = signing_key_of
        self._outbox: OrderedDict[bytes, OrderedDict[str, Waiting]] = OrderedDict()
        self._received: OrderedDict[tuple[bytes, str], None] = OrderedDict()
        self._next_at: float | None = inf  # None: to be worked out anew

    def whisper(self, command: Whisper, now: float) -> list[Outgoing]:
        """Queue a message and send it as soon as there is a session.

        Raises:
            ValueError: text or ID longer than 255 bytes, the recipient is this node, or the outbox is full.

        """
        payloads.encode_noise_payload(payloads.PrivateMessage(command.message_id, command.text))
        if command.recipient == self._own_id:
            raise ValueError("the recipient is this node")
        waiting = self._outbox.get(command.recipient)
        if len(self._outbox) >= MAX_PEERS if waiting is None else len(waiting) >= MAX_OUTBOX_PER_PEER:
            raise ValueError("the outbox is full")
        self._outbox.setdefault(command.recipient, OrderedDict()).setdefault(command.message_id, Waiting(command.text))
        return self._send_waiting(command.recipient, now)

    def expects(self, peer_id: bytes) -> bool:
        """Whether something of a peer is taken: always, or where nobody reads mail, what follows from a message of our own."""
        return self._reads_mail or peer_id in self._outbox or self.sessions.is_established(peer_id)

    def handshake(self, peer_id: bytes, now: float) -> list[Outgoing]:
        """Start a session with a peer, or a new one while the old goes on; nothing when one is being started or the rate is used up."""
        self._next_at = None
        try:
            first = self.sessions.initiate(peer_id, now, rekey=True)
        except SessionError as error:
            if error.reason not in (Reason.RATE, Reason.OWN):
                raise
            return []
        return [Outgoing(MessageType.NOISE_HANDSHAKE, peer_id, first)] if first is not None else []

    def peer_announced(self, peer_id: bytes, now: float) -> list[Outgoing]:
        """Try again what was given up when a recipient is heard again."""
        waiting = self._outbox.get(peer_id)
        if not waiting:
            return []
        for message in waiting.values():
            if message.attempts >= MAX_ATTEMPTS:
                message.attempts = 0
        return self._send_waiting(peer_id, now)

    def on_handshake(self, peer_id: bytes, message: bytes, now: float) -> tuple[list[Outgoing], list[Effect]]:
        """Take a handshake message; raises `SessionError` or `DecodeError`."""
        self._next_at = None
        step = self.sessions.on_handshake(peer_id, message, now)
        out = [Outgoing(MessageType.NOISE_HANDSHAKE, peer_id, step.reply)] if step.reply is not None else []
        effects: list[Effect] = []
        if step.established:
            out.append(self._seal(peer_id, self._state, now))
            for waiting in self._outbox.get(peer_id, {}).values():
                waiting.next_at = now
            for plaintext in step.early:
                more, heard = self._take(peer_id, plaintext, now)
                out += more
                effects += heard
            out += self._send_waiting(peer_id, now)
        return out, effects

    def on_encrypted(self, peer_id: bytes, payload: bytes, now: float) -> tuple[list[Outgoing], list[Effect]]:
        """Take a transport message; raises `SessionError` or `DecodeError`."""
        self._next_at = None
        return self._take(peer_id, self.sessions.decrypt(peer_id, payload, now), now)

    def wake(self, now: float) -> list[Outgoing]:
        """Send again what is due."""
        self._next_at = None
        self.sessions.expire(now)
        return [outgoing for peer_id in self._outbox for outgoing in self._send_waiting(peer_id, now)]

    def next_at(self) -> float:
        """Return when `wake` has something to do, infinity if nothing waits."""
        if self._next_at is None:
            due = [m.next_at for waiting in self._outbox.values() for m in waiting.values() if m.attempts < MAX_ATTEMPTS]
            expiry = self.sessions.next_expiry()
            self._next_at = min(due, default=inf) if expiry is None else min([*due, expiry])
        return self._next_at

    def _send_waiting(self, peer_id: bytes, now: float) -> list[Outgoing]:
        self._next_at = None
        out: list[Outgoing] = []
        due = [(id_, m) for id_, m in self._outbox.get(peer_id, {}).items() if m.next_at <= now and m.attempts < MAX_ATTEMPTS]
        for _, message in due:
            message.next_at = now + RETRY_S
        try:
            for message_id, message in due:
                message.attempts += 1
                established = self.sessions.is_established(peer_id)
                if established:
                    plaintext = payloads.encode_noise_payload(payloads.PrivateMessage(message_id, message.text))
                    out.append(self._seal(peer_id, plaintext, now))
                if not established or message.attempts % REKEY_EVERY == 0:
                    first = self.sessions.initiate(peer_id, now, rekey=established)
                    if first is not None:
                        out.append(Outgoing(MessageType.NOISE_HANDSHAKE, peer_id, first))
        except SessionError as error:
            # Over the handshake or message rate: what is left stays in the outbox and is tried at its next time.
            if error.reason is not Reason.RATE:
                raise
        return out

    def _seal(self, peer_id: bytes, plaintext: bytes, now: float) -> Outgoing:
        return Outgoing(MessageType.NOISE_ENCRYPTED, peer_id, self.sessions.encrypt(peer_id, plaintext, now))

    def _take(self, peer_id: bytes, plaintext: bytes, now: float) -> tuple[list[Outgoing], list[Effect]]:
        match payloads.decode_noise_payload(plaintext):
            case payloads.PrivateMessage() if not self._reads_mail:
                return [], []
            case payloads.PrivateMessage(message_id, content):
                receipt = payloads.encode_noise_payload(payloads.Delivered(message_id))
                out = [self._seal(peer_id, receipt, now)]
                if (peer_id, message_id) in self._received:
                    return out, []
                self._received[peer_id, message_id] = None
                if len(self._received) > MAX_RECEIVED_IDS:
                    self._received.popitem(last=False)
                return out, [PrivateMessage(peer_id, message_id, content)]
            case payloads.Delivered(message_id):
                return [], self._settle(peer_id, message_id, "delivered")
            case payloads.ReadReceipt(message_id):
                return [], self._settle(peer_id, message_id, "read")
            case payloads.PeerState(_, signing_public):
                if self._signing_key_of(peer_id) not in (None, signing_public):
                    self.sessions.drop(peer_id)
                    raise SessionError(Reason.IDENTITY, "the session's signing key is not the announced one")
        return [], []

    def _settle(self, peer_id: bytes, message_id: str, kind: str) -> list[Effect]:
        waiting = self._outbox.get(peer_id)
        if waiting is not None:
            waiting.pop(message_id, None)
            if not waiting:
                del self._outbox[peer_id]
        return [Receipt(peer_id, message_id, kind)]
