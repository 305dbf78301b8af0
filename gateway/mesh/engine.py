"""The mesh engine: one BitChat node as a state machine without I/O.

``handle(event, now)`` takes what happened and returns what to do; ``next_wakeup()`` says
when to come back. The way of a packet (design.md section 5):

    peek      shape and caps           malformed: counted by reason, dropped
    seen?     by packet ID             a copy: perhaps cancel our own pending relay
    admit     own? rate? time window?  refused: counted, dropped, not remembered
    take      by type (receiver.py)    verified, decoded, answered, offered to the bridge
    relay     table (relay.py)         one copied buffer with byte 2 patched, after jitter

Nothing of somebody else's packet is ever re-encoded.
"""

from collections.abc import Mapping
from math import inf
from random import Random

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_FRAME, MAX_LINKS, MAX_SKEW_S, MAX_TTL, REINJECT_TTL
from gateway.mesh.chores import Chore, Chores
from gateway.mesh.effects import CloseLink, Effect, PeerLost, Priority, SendFrame
from gateway.mesh.events import ClockSet, MeshEvent, Ping, Rename, Say, Tick, Whisper
from gateway.mesh.history import SHELVES, Kept
from gateway.mesh.identity import Identity
from gateway.mesh.links import Link, Links
from gateway.mesh.outbound import PRIORITIES, Outbound
from gateway.mesh.peers import PeerTable, Verify
from gateway.mesh.pending import PendingRelay, PendingRelays
from gateway.mesh.private import Private
from gateway.mesh.receiver import Incoming, Receiver, may_relay, too_old_for_history
from gateway.mesh.relay import decide
from gateway.mesh.routes import next_hop
from gateway.mesh.settings import MeshSettings
from gateway.mesh.speaker import Speaker
from gateway.mesh.status import MeshStatus, describe
from gateway.mesh.sync import ROUNDS, Sync
from gateway.mesh.timers import Timers
from gateway.mesh.wallclock import WallClock
from gateway.wire.board import BoardPost, decode_board
from gateway.wire.packet import Header, packet_id, payload_of, peek, route_of, with_ttl
from gateway.wire.signing import verify as verify_signature
from gateway.wire.types import MessageType
from transports.link import FrameReceived, LinkDown, LinkId, LinkUp

HOUSEKEEPING_S = 5.0
FIRST_SYNC_S = 5.0  # seconds after a link came up
SKEW_MS = int(MAX_SKEW_S * 1000)
_NOISE = frozenset({MessageType.NOISE_HANDSHAKE, MessageType.NOISE_ENCRYPTED})


class Mesh:
    """One node of the local mesh.

    Args:
        identity: the node's keys.
        rng: source of jitter, and of ephemeral keys and IDs: cryptographic (`random.SystemRandom`) outside tests.
        settings: see `MeshSettings`.
        verify: signature check; simulations may share a memoising one.
        pins: signing keys remembered from earlier, by peer ID.

    """

    def __init__(
        self,
        identity: Identity,
        rng: Random,
        settings: MeshSettings | None = None,
        *,
        verify: Verify = verify_signature,
        pins: Mapping[bytes, bytes] | None = None,
    ) -> None:
        self.identity = identity
        self.settings = settings or MeshSettings()
        self._rng = rng
        self._clock = WallClock()
        self._links = Links()
        self.peers = PeerTable(identity.peer_id, verify, pins)
        self._later: Timers[SendFrame] = Timers()
        self._pending = PendingRelays()
        self._out = Outbound(self._links, self._later, rng.randbytes, relay_to_all=self.settings.relay_to_all)
        self._speaker = Speaker(identity, self.settings, rng, self._clock, self._links, self.peers, self._out)
        self._seen = self._speaker.seen
        self._sync = Sync(self._speaker.history, self.peers)
        self._private = Private(identity, self.settings.capabilities, rng.randbytes, self.peers.signing_key)
        self._receiver = Receiver(identity.peer_id, self._speaker, self._links, self.peers, self._sync, self._private, verify)
        self._drops = self._receiver.drops
        self._chores = Chores()
        self._sync_round = 0
        self.received = self.relayed = self.cancelled = 0

    def handle(self, event: MeshEvent, now: float) -> list[Effect]:
        """Take one event; returns the effects in the order they are to be carried out.

        Args:
            event: what happened.
            now: seconds of a monotonic clock, never less than at the call before.

        """
        if type(event) is FrameReceived:
            return self._receive(event.link, event.frame, now)
        effects: list[Effect] = []
        match event:
            case Tick():
                pass  # by far the most frequent; what is due is done below
            case LinkUp(link=link, mtu=mtu):
                self._link_up(link, mtu, effects, now)
            case LinkDown(link=link):
                self._links.remove(link)
            case ClockSet(offset=offset):
                self._clock.set(offset)
                self._begin(now)
            case Say(text=text):
                self._speaker.say(text, effects, now)
            case Whisper():
                self._speaker.noise(self._private.whisper(event, now), effects, now)
                self._arm_private(now)
            case Ping(recipient=recipient):
                self._ping(recipient, effects, now)
            case Rename(nickname=nickname):
                self._speaker.announcer.nickname = nickname
                self._speaker.announcer.forget()
                self._speaker.announce(effects, now)
        self._run_due(effects, now)
        return effects

    def inject(self, frame: bytes, header: Header, identifier: bytes, effects: list[Effect], now: float) -> Reason | None:
        """Take a packet of another island, verify it and put it on the radio with a TTL of 6.

        It goes out at once and in order: packets of one Noise session must not overtake each
        other. A public packet too old for the air is kept and offered in sync answers only.

        Args:
            frame: the packet as its author's island heard it.
            header: its header.
            identifier: its packet ID.
            effects: where effects are appended.
            now: seconds.

        Returns:
            None if the packet was taken, else why not (already counted).

        """
        wall_ms = self._clock.ms(now)
        reason = self._refuse_injected(header, identifier, wall_ms, now)
        if reason is not None or wall_ms is None:
            return self._drop(reason or Reason.CLOCK)
        fresh = abs(wall_ms - header.timestamp_ms) <= SKEW_MS
        self._seen.add(identifier, now)
        reason = self._receiver.take(Incoming(frame, header, identifier, None), effects, now, wall_ms)
        if reason is not None:
            return reason
        if fresh and header.recipient_id != self.identity.peer_id:
            recipient = None if header.is_broadcast else header.recipient_id
            links = self._out.toward(header.type, identifier, recipient)
            self._out.emit(effects, links, with_ttl(frame, REINJECT_TTL), PRIORITIES.get(header.type, Priority.PUBLIC), now)
        self._arm_private(now)
        return None

    def leave(self, now: float) -> list[Effect]:
        """Say goodbye to the mesh: the last thing before the radio goes."""
        effects: list[Effect] = []
        self._speaker.leave(effects, now)
        return effects

    def wall_ms(self, now: float) -> int | None:
        """Return milliseconds since the epoch, or None while the time of day is not known."""
        return self._clock.ms(now)

    def kept(self, now: float) -> list[Kept]:
        """Return the public packets this node has kept, newest first, fragments left out."""
        self._speaker.history.expire(now)
        return list(self._speaker.history.newest_first([kind for kind in SHELVES if kind != MessageType.FRAGMENT]))

    def next_wakeup(self) -> float | None:
        """Return when to send a `Tick`, or None while there is nothing to wait for."""
        at = min(self._pending.next_at(), self._later.next_at(), self._chores.next_at())
        return at if at < inf else None

    def status(self, now: float) -> MeshStatus:
        """Return a snapshot for people and metrics."""
        counters = {"received": self.received, "relayed": self.relayed, "cancelled": self.cancelled}
        sizes = {"history": len(self._speaker.history), "assemblies": len(self._receiver.assembler), "seen": len(self._seen)}
        return describe(self.identity.peer_id, self._links, self.peers, {**counters, **sizes}, self._drops, now)

    def _receive(self, link_id: LinkId, frame: bytes, now: float) -> list[Effect]:
        link = self._links.get(link_id)
        if link is None:
            return []
        self.received += 1
        try:
            header = peek(frame)
            identifier = packet_id(frame, header)
        except DecodeError as error:
            self._drops[error.reason] += 1
            return []
        if self._seen.knows(identifier, now):
            return self._duplicate(frame, header, identifier, link, now)
        wall_ms = self._clock.ms(now)
        reason = self._admit(header, link, wall_ms, now)
        if reason is not None or wall_ms is None:
            self._drop(reason or Reason.CLOCK)
            return []
        self._seen.add(identifier, now)
        effects: list[Effect] = []
        incoming = Incoming(frame, header, identifier, link)
        reason = self._receiver.take(incoming, effects, now, wall_ms)
        if may_relay(header.type, reason):
            self._relay(incoming, effects, now)
        if header.recipient_id == self.identity.peer_id and header.type in _NOISE:
            self._arm_private(now)
        return effects

    def _admit(self, header: Header, link: Link, wall_ms: int | None, now: float) -> Reason | None:
        if header.sender_id == self.identity.peer_id:
            return Reason.OWN
        if not link.packets.take(now):
            return Reason.RATE
        if wall_ms is None:
            return Reason.CLOCK
        solicited = header.ttl == 0 and link.expects_answers(now)
        if header.is_rsr and not solicited:
            return Reason.UNSOLICITED
        if solicited and header.type != MessageType.REQUEST_SYNC:
            return Reason.WINDOW if too_old_for_history(header, wall_ms) else None
        return None if abs(wall_ms - header.timestamp_ms) <= SKEW_MS else Reason.WINDOW

    def _refuse_injected(self, header: Header, identifier: bytes, wall_ms: int | None, now: float) -> Reason | None:
        if header.sender_id == self.identity.peer_id or self._seen.knows(identifier, now):
            return Reason.ECHO
        if wall_ms is None:
            return Reason.CLOCK
        if header.timestamp_ms - wall_ms > SKEW_MS:
            return Reason.WINDOW
        too_old = wall_ms - header.timestamp_ms > SKEW_MS
        if too_old and (header.type not in SHELVES or too_old_for_history(header, wall_ms)):
            return Reason.EXPIRED
        return None

    def _duplicate(self, frame: bytes, header: Header, identifier: bytes, link: Link, now: float) -> list[Effect]:
        self._drops[Reason.DUPLICATE] += 1
        if self._pending:
            cancel = header.type != MessageType.FRAGMENT and self._links.degree > 2
            self.cancelled += self._pending.overheard(identifier, link.id, cancel=cancel)
        first_direct = header.type == MessageType.ANNOUNCE and header.ttl == MAX_TTL and link.peer_id is None
        if not first_direct and not self._seen.deserves_another_look(identifier):
            return []
        wall_ms = self._clock.ms(now)
        if wall_ms is None or self._admit(header, link, wall_ms, now) is not None:
            return []
        effects: list[Effect] = []
        self._receiver.take(Incoming(frame, header, identifier, link), effects, now, wall_ms)
        return effects

    def _relay(self, incoming: Incoming, effects: list[Effect], now: float) -> None:
        header = incoming.header
        recipient = None if header.is_broadcast else header.recipient_id
        if recipient == self.identity.peer_id or incoming.link is None:
            return
        urgent = header.type == MessageType.BOARD and _is_urgent(payload_of(incoming.frame, header))
        decision = decide(header.type, header.ttl, self._links.degree, directed=recipient is not None, urgent=urgent)
        if not decision.relay:
            return
        links = self._choose(incoming, recipient)
        if not links:
            return
        frame = with_ttl(incoming.frame, decision.ttl)
        priority = PRIORITIES.get(header.type, Priority.PUBLIC)
        if not self.settings.jitter:
            self.relayed += 1
            self._out.emit(effects, links, frame, priority, now)
        elif self._pending.full:
            self._drop(Reason.QUEUE_FULL)
        else:
            low, high = decision.delay_ms
            at = now + self._rng.uniform(low, high) / 1000
            flow = (header.sender_id, recipient) if header.type in _NOISE else None
            self._pending.add(PendingRelay(incoming.packet_id, links, frame, priority), at, flow)

    def _choose(self, incoming: Incoming, recipient: bytes | None) -> tuple[LinkId, ...]:
        header = incoming.header
        if recipient is not None and header.has_route and (route := route_of(incoming.frame, header)):
            hop = next_hop(route, self.identity.peer_id, recipient)
            if hop is None:
                self._drop(Reason.ROUTE)
                return ()
            if self._links.to_peer(hop) is not None:
                return self._out.toward(header.type, incoming.packet_id, hop, incoming.ingress)
        return self._out.toward(header.type, incoming.packet_id, recipient, incoming.ingress)

    def _link_up(self, link_id: LinkId, mtu: int, effects: list[Effect], now: float) -> None:
        if len(self._links) >= MAX_LINKS:
            effects.append(CloseLink(link_id, "too many links"))
            return
        link = Link(link_id, min(mtu, MAX_FRAME))
        self._links.add(link)
        self._speaker.announce(effects, now, only=link)
        self._chores.set(now + FIRST_SYNC_S, Chore.SYNC, link_id)

    def _ping(self, recipient: bytes, effects: list[Effect], now: float) -> None:
        nonce = self._rng.randbytes(8)
        self._receiver.expect_pong(nonce, now)
        self._speaker.ping(MessageType.PING, recipient, nonce, effects, now)

    def _begin(self, now: float) -> None:
        """Start what needs the time of day, now that it is known."""
        self._chores.set(now, Chore.ANNOUNCE)
        self._chores.set(now + self._rng.uniform(0.5, 1.0) * self.settings.sync_period, Chore.SYNC)
        self._chores.set(now + HOUSEKEEPING_S, Chore.HOUSEKEEPING)

    def _run_due(self, effects: list[Effect], now: float) -> None:
        for relay in self._pending.due(now):
            self.relayed += 1
            self._out.emit(effects, relay.links, relay.frame, relay.priority, now)
        effects.extend(self._later.due(now))
        for chore, about in self._chores.due(now):
            match chore:
                case Chore.ANNOUNCE:
                    self._speaker.announce(effects, now)
                    self._chores.set(now + self._speaker.announcer.period(self._links.degree), Chore.ANNOUNCE)
                case Chore.SYNC:
                    self._ask(about, effects, now)
                case Chore.PRIVATE:
                    self._speaker.noise(self._private.wake(now), effects, now)
                    self._arm_private(now)
                case Chore.HOUSEKEEPING:
                    self._tidy(effects, now)

    def _ask(self, about: str, effects: list[Effect], now: float) -> None:
        """Ask one new neighbour, or every neighbour when the period has come round."""
        if not self.settings.sync:
            return
        if about:
            link = self._links.get(LinkId(about))
            if link is not None:
                self._speaker.request_sync(link, self._sync.request(ROUNDS[0][1], now), effects, now)
            return
        self._sync_round += 1
        for every, kinds in ROUNDS:
            if self._sync_round % every == 0:
                payload = self._sync.request(kinds, now)
                for link_id in self._links.one_each:
                    link = self._links.get(link_id)
                    if link is not None:
                        self._speaker.request_sync(link, payload, effects, now)
        self._chores.set(now + self.settings.sync_period * self._rng.uniform(0.9, 1.1), Chore.SYNC)

    def _tidy(self, effects: list[Effect], now: float) -> None:
        effects.extend(PeerLost(peer.peer_id, "not heard any more") for peer in self.peers.expire(now))
        self._speaker.history.expire(now)
        self._receiver.expire(now)
        self._chores.set(now + HOUSEKEEPING_S, Chore.HOUSEKEEPING)

    def _arm_private(self, now: float) -> None:
        at = self._private.next_wakeup()
        if at is not None:
            self._chores.set(max(at, now), Chore.PRIVATE)

    def _drop(self, reason: Reason) -> Reason:
        self._drops[reason] += 1
        return reason


def _is_urgent(payload: bytes) -> bool:
    notice = decode_board(payload)
    return isinstance(notice, BoardPost) and notice.is_urgent
