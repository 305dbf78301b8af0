"""What two programs say over a link between them: greetings, messages, receipts. No loop, no clock, no chance.

It is the engine behind `gateway.bridge.trunks`, as the bridge is in a gateway: one link a peer, whichever transports there
are; what is sent over it arrives once and in order as long as both programs live. What is added here is the word of the
other program that it has taken a message, and what happens when one of them is started anew: each greets with a number
drawn at its start, and to a number that is new everything is sent again whose fate is open.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from heapq import heappop, heappush
from typing import Protocol

from gateway.errors import DecodeError, Reason
from gateway.limits import (
    MAX_RECEIPT_ENTRIES,
    MAX_TAKEN_IDS,
    MAX_UNSETTLED,
    MAX_UNSETTLED_BYTES,
    MAX_UNTAKEN_BYTES_PER_PEER,
    MAX_UNTAKEN_PER_PEER,
)
from gateway.mesh.effects import CloseLink, Effect, Priority, SendFrame
from gateway.mesh.events import MeshEvent, Tick
from gateway.wire import envelope as wire
from gateway.wire.envelope_schema import BETWEEN_PROGRAMS, PACKET_ID, SITE_ID, Envelope, Kind
from gateway.wire.program import Fate, decode_receipt, encode_receipt
from transports.link import FrameReceived, LinkDown, LinkId, LinkUp

SLOW = "The other program takes its messages too slowly, and had no room for this one."
FULL = "Too much waits for this program already."
UNREADABLE = "The other program cannot read it."
NOT_LINKED = "There is no link with this program now."
LATE = "The other program did not say in time that it took it."
NO_PROGRAM = "A gateway for phones answers there, which takes no messages of programs."
LOST = "It waited too long for a link."
_REFUSED = {Fate.NO_ROOM: SLOW, Fate.UNREADABLE: UNREADABLE}


class Ears(Protocol):
    """Who is told what happens."""

    def peer_up(self, peer_id: str) -> None:
        """A program is linked and takes messages."""

    def peer_down(self, peer_id: str, reason: str) -> None:
        """It is not any more."""

    def no_program(self, peer_id: str) -> None:
        """It turned out to be a gateway."""

    def said(self, peer_id: str, message_id: bytes, body: bytes) -> Fate | None:
        """It has said something; returns what became of that, None if it waits for the program here to take it."""

    def sent(self, message_id: bytes) -> None:
        """A message of ours has left."""

    def settled(self, message_id: bytes, reason: str) -> None:
        """The fate of a message of ours is known; no reason means it was taken."""


@dataclass(slots=True)
class _Outgoing:
    envelope: bytes
    until: float  # when it counts as failed
    has_left: bool = False


@dataclass(slots=True)
class _Peer:
    link: LinkId | None = None
    is_up: bool = False
    is_gateway: bool = False
    start: bytes = b""  # the number it drew at its start
    open: OrderedDict[bytes, _Outgoing] = field(default_factory=OrderedDict)  # messages of ours whose fate is open
    open_bytes: int = 0
    flying: int = 0  # of these, how many have left
    flying_bytes: int = 0
    fresh: deque[bytes] = field(default_factory=deque)  # of these, what is to leave; some may be settled by now
    came: OrderedDict[bytes, bool] = field(default_factory=OrderedDict)  # IDs of its messages; True once taken
    owed: list[tuple[bytes, Fate]] = field(default_factory=list)  # what it is to be told of them


class Exchange:
    """Messages and receipts between this program and others.

    Args:
        own: our peer ID.
        start: 16 bytes never drawn before.
        ears: told what happens.
        wall_ms: the time of day for people who look at envelopes; nothing is decided by it.

    """

    def __init__(self, own: str, start: bytes, ears: Ears, wall_ms: Callable[[], int]) -> None:
        self._origin = sha256(own.encode()).digest()[:SITE_ID]
        self._start = start
        self._ears = ears
        self._wall_ms = wall_ms
        self._peers: dict[str, _Peer] = {}
        self._links: dict[LinkId, str] = {}
        self._due: list[tuple[float, str, bytes]] = []  # a heap; what is settled stays until its time
        self.drops: dict[Reason, int] = dict.fromkeys(Reason, 0)
        self.repeats = 0  # messages that came again

    def __len__(self) -> int:
        return len(self._peers)

    def __contains__(self, peer_id: str) -> bool:
        return peer_id in self._peers

    def up(self) -> list[str]:
        """The peers that take messages now."""
        return [peer_id for peer_id, peer in self._peers.items() if peer.is_up]

    def is_up(self, peer_id: str) -> bool:
        """Whether a peer takes messages now."""
        return peer_id in self._peers and self._peers[peer_id].is_up

    def is_gateway(self, peer_id: str) -> bool:
        """Whether what answers under this ID is a gateway and no program."""
        return peer_id in self._peers and self._peers[peer_id].is_gateway

    def open_messages(self, peer_id: str) -> int:
        """Messages to a peer whose fate is open."""
        return len(self._peers[peer_id].open) if peer_id in self._peers else 0

    def allow(self, peer_id: str) -> None:
        """Exchange messages with a peer from now on."""
        self._peers.setdefault(peer_id, _Peer())

    def forget(self, peer_id: str, reason: str) -> None:
        """Exchange no more messages with it; those whose fate is open have failed. Its link is to be closed by the transports."""
        peer = self._peers.pop(peer_id, None)
        if peer is None:
            return
        if peer.link is not None:
            self._links.pop(peer.link, None)
        if peer.is_up:
            self._ears.peer_down(peer_id, reason)
        for message_id in peer.open:
            self._ears.settled(message_id, reason)

    def submit(self, peer_id: str, message_id: bytes, body: bytes, until: float, *, waits: bool) -> str:
        """Take a message; it leaves with the next `Tick`. Returns why it is not taken, nothing if it is.

        Args:
            peer_id: to whom.
            message_id: 16 bytes.
            body: an encoded value.
            until: when it counts as failed.
            waits: whether it may wait for a link.

        """
        peer = self._peers[peer_id]
        if peer.is_gateway:
            return NO_PROGRAM
        if not waits and not peer.is_up:
            return NOT_LINKED
        envelope = self._envelope(Kind.MESSAGE, message_id, body)
        if len(peer.open) >= MAX_UNSETTLED or peer.open_bytes + len(envelope) > MAX_UNSETTLED_BYTES:
            return FULL
        peer.open[message_id] = _Outgoing(envelope, until)
        peer.fresh.append(message_id)
        heappush(self._due, (until, peer_id, message_id))
        peer.open_bytes += len(envelope)
        return ""

    def taken(self, peer_id: str, message_id: bytes) -> None:
        """The program here has taken a message; its sender is told with the next `Tick`."""
        peer = self._peers.get(peer_id)
        if peer is not None and message_id in peer.came:
            peer.came[message_id] = True
            peer.owed.append((message_id, Fate.TAKEN))

    def not_sent(self, message_id: bytes, reason: str) -> None:
        """A trunk could not keep a message until it had arrived."""
        for peer in self._peers.values():
            self._settle(peer, message_id, reason)

    def handle(self, event: MeshEvent, now: float) -> list[Effect]:
        """Take one event; returns the effects in the order they are to be carried out."""
        effects: list[Effect] = []
        if isinstance(event, FrameReceived):
            self._received(event.link, event.frame, effects)
        elif isinstance(event, LinkUp):
            self._link_up(event, effects)
        elif isinstance(event, LinkDown):
            self._link_down(event)
        elif isinstance(event, Tick):
            self._expire(now)
        self._send_all(effects)
        return effects

    def next_wakeup(self) -> float | None:
        """Return when to send a `Tick`."""
        while self._due and self._is_settled(*self._due[0]):
            heappop(self._due)
        return self._due[0][0] if self._due else None

    def leave(self, now: float) -> list[Effect]:
        """Say goodbye, which is what the links do."""
        del now
        return []

    def _link_up(self, event: LinkUp, effects: list[Effect]) -> None:
        peer_id = event.peer or event.link
        if peer_id not in self._peers:
            effects.append(CloseLink(event.link, "this program does not know you"))
            return
        self._peers[peer_id].link = event.link
        self._links[event.link] = peer_id
        self._greet(event.link, effects)

    def _link_down(self, event: LinkDown) -> None:
        peer_id = self._links.pop(event.link, "")
        peer = self._peers.get(peer_id)
        if peer is not None:
            peer.link = None
            if peer.is_up:
                peer.is_up = False
                self._ears.peer_down(peer_id, event.reason)

    def _received(self, link: LinkId, frame: bytes, effects: list[Effect]) -> None:
        peer_id = self._links.get(link)
        if peer_id is None:
            return
        peer = self._peers[peer_id]
        try:
            envelope = wire.decode(frame)
            if envelope.kind is Kind.PRESENCE:
                self._greeted(peer_id, peer, envelope, effects)
            elif envelope.kind is Kind.MESSAGE:
                self._said(peer_id, peer, envelope)
            elif envelope.kind is Kind.RECEIPT:
                for message_id, fate in decode_receipt(envelope.body):
                    self._settle(peer, message_id, _REFUSED.get(fate, ""))
            else:
                self.drops[Reason.NOT_BRIDGEABLE] += 1
        except DecodeError as error:
            self.drops[error.reason] += 1
            effects.append(CloseLink(link, f"sent something that is no envelope ({error.reason.value})"))

    def _greeted(self, peer_id: str, peer: _Peer, envelope: Envelope, effects: list[Effect]) -> None:
        was_up, is_new = peer.is_up, envelope.packet_id != peer.start
        peer.is_gateway = not set(envelope.body) >= BETWEEN_PROGRAMS
        if peer.is_gateway:
            for message_id in list(peer.open):
                self._settle(peer, message_id, NO_PROGRAM)
            self._ears.no_program(peer_id)
            return
        if peer.link is not None and envelope.seen == (envelope.origin,):
            # No answer itself. Either side may have missed that the link was down, so every greeting is answered.
            self._greet(peer.link, effects, envelope.origin)
        if is_new:
            if was_up:
                self._ears.peer_down(peer_id, "it was started anew")
                was_up = False
            peer.start = envelope.packet_id
            peer.flying = peer.flying_bytes = 0
            for message in peer.open.values():
                message.has_left = False
            peer.fresh = deque(peer.open)
        peer.is_up = True
        if not was_up:
            self._ears.peer_up(peer_id)

    def _said(self, peer_id: str, peer: _Peer, envelope: Envelope) -> None:
        message_id = envelope.packet_id
        if message_id in peer.came:
            self.repeats += 1
            if peer.came[message_id]:
                peer.owed.append((message_id, Fate.TAKEN))
            return
        fate = self._ears.said(peer_id, message_id, envelope.body)
        if fate is not None:
            peer.owed.append((message_id, fate))
            return
        peer.came[message_id] = False
        if len(peer.came) > MAX_TAKEN_IDS:
            peer.came.popitem(last=False)

    def _send_all(self, effects: list[Effect]) -> None:
        """Everything that can leave leaves."""
        for peer in self._peers.values():
            if peer.link is None:
                continue
            while peer.owed:
                told, peer.owed = peer.owed[:MAX_RECEIPT_ENTRIES], peer.owed[MAX_RECEIPT_ENTRIES:]
                self._send(peer.link, self._envelope(Kind.RECEIPT, bytes(PACKET_ID), encode_receipt(told)), b"", effects)
            if peer.is_up:
                self._send_fresh(peer, peer.link, effects)

    def _send_fresh(self, peer: _Peer, link: LinkId, effects: list[Effect]) -> None:
        """Send what the other program has room for: what it has not taken waits there, the rest here."""
        while peer.fresh and peer.flying < MAX_UNTAKEN_PER_PEER:
            message = peer.open.get(peer.fresh[0])
            if message is not None:
                if peer.flying_bytes + len(message.envelope) > MAX_UNTAKEN_BYTES_PER_PEER:
                    return
                message.has_left = True
                peer.flying += 1
                peer.flying_bytes += len(message.envelope)
                self._send(link, message.envelope, peer.fresh[0], effects)
                self._ears.sent(peer.fresh[0])
            peer.fresh.popleft()

    def _expire(self, now: float) -> None:
        while self._due and self._due[0][0] <= now:
            until, peer_id, message_id = heappop(self._due)
            if not self._is_settled(until, peer_id, message_id):
                peer = self._peers[peer_id]
                self._settle(peer, message_id, LATE if peer.is_up else NOT_LINKED)

    def _is_settled(self, until: float, peer_id: str, message_id: bytes) -> bool:
        peer = self._peers.get(peer_id)
        message = peer.open.get(message_id) if peer is not None else None
        return message is None or message.until != until

    def _settle(self, peer: _Peer, message_id: bytes, reason: str) -> None:
        message = peer.open.pop(message_id, None)
        if message is not None:
            peer.open_bytes -= len(message.envelope)
            if message.has_left:
                peer.flying -= 1
                peer.flying_bytes -= len(message.envelope)
            self._ears.settled(message_id, reason)

    def _greet(self, link: LinkId, effects: list[Effect], answered: bytes | None = None) -> None:
        """Greet, or answer a greeting by naming whose it was."""
        kinds = bytes(sorted({Kind.PRESENCE, *BETWEEN_PROGRAMS}))
        self._send(link, self._envelope(Kind.PRESENCE, self._start, kinds, answered), b"", effects)

    def _envelope(self, kind: Kind, identifier: bytes, body: bytes, answered: bytes | None = None) -> bytes:
        seen = (self._origin,) if answered is None else (self._origin, answered)
        return wire.encode(Envelope(identifier, kind, self._origin, seen, self._wall_ms(), 0, body))

    @staticmethod
    def _send(link: LinkId, frame: bytes, subject: bytes, effects: list[Effect]) -> None:
        effects.append(SendFrame((link,), frame, Priority.DIRECTED, subject))
