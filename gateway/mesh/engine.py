"""The mesh engine: one BitChat node as a state machine without I/O.

``handle(event, now)`` takes what happened and returns what to do; ``next_wakeup()`` says
when to come back. The way of a packet (design.md section 5):

    peek      shape and caps           malformed: counted by reason, dropped
    seen?     by packet ID             a copy: perhaps cancel our own pending relay
    admit     admission.py             own, rate, time window: counted, dropped, not remembered
    take      by type (receiver.py)    verified, decoded, answered, offered to the bridge
    relay     forwarding.py            one copied buffer with byte 2 patched, after jitter

Nothing of somebody else's packet is ever re-encoded.
"""

from collections.abc import Iterable, Mapping
from math import inf
from random import Random

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_ANNOUNCE_AGE_S, MAX_FRAME, MAX_LINKS, MAX_TTL, MIN_LINK_MTU, REINJECT_TTL
from gateway.mesh.admission import SKEW_MS, refuse, refuse_injected, tell_refused
from gateway.mesh.chores import Chore, Chores
from gateway.mesh.effects import CloseLink, Effect, PeerLost, Priority
from gateway.mesh.events import ClockSet, Handshake, LetterStored, MeshEvent, Offer, Ping, Remember, Rename, Say, Tick, Unsent, Whisper
from gateway.mesh.flows import flow_of
from gateway.mesh.forwarding import Forwarding
from gateway.mesh.history import SHELVES, Kept
from gateway.mesh.identity import Identity
from gateway.mesh.links import Link, Links
from gateway.mesh.outbound import Drops, Outbound
from gateway.mesh.peers import PeerTable, Verify
from gateway.mesh.postoffice import PostOffice
from gateway.mesh.private import Private
from gateway.mesh.receiver import Incoming, Receiver, may_relay
from gateway.mesh.records import ASKED_ABOUT, Decided, Verb
from gateway.mesh.settings import MeshSettings
from gateway.mesh.speaker import Speaker
from gateway.mesh.status import MeshStatus, describe
from gateway.mesh.sync import ROUNDS, Sync
from gateway.mesh.wallclock import WallClock
from gateway.session.table import SessionTable
from gateway.wire.packet import COMPRESSED, Header, original_size, packet_id, peek, with_ttl
from gateway.wire.signing import verify as verify_signature
from gateway.wire.types import MessageType
from transports.link import FrameReceived, LinkDown, LinkId, LinkUp

OURSELVES = "this is ourselves"
HOUSEKEEPING_S = 5.0
FIRST_SYNC_S = 5.0  # seconds after a link came up

# Looked up once, as in `gateway.mesh.receiver`.
_ANNOUNCE, _DUPLICATE = int(MessageType.ANNOUNCE), Reason.DUPLICATE

_DIRECT = frozenset({MessageType.ANNOUNCE, MessageType.FRAGMENT})  # an announce may have been too long for the link


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
        skew = self.settings.dialect.max_skew
        self.peers = PeerTable(identity.peer_id, verify, pins, max_age=max(skew, MAX_ANNOUNCE_AGE_S))
        self.drops: Drops = dict.fromkeys(Reason, 0)
        self._out = Outbound(self._links, rng.randbytes, self.drops, relay_to_all=self.settings.relay_to_all)
        self.traffic = self._out.traffic
        self._forwarding = Forwarding(identity.peer_id, rng, self._links, self._out, self.drops, jitter=self.settings.jitter)
        self._speaker = Speaker(identity, self.settings, rng, self._clock, self._links, self.peers, self._out)
        self._seen = self._speaker.seen
        self._sync = Sync(self._speaker.history, self.peers, marks_answers=self.settings.dialect.marks_answers)
        self._private = Private(
            identity, self.settings.capabilities, rng.randbytes, self.peers.signing_key, reads_mail=self.settings.reads_mail
        )
        self.office = PostOffice(identity, rng.randbytes, self._speaker, self._links, self.peers) if self.settings.carries_mail else None
        self._receiver = Receiver(
            identity.peer_id,
            self._speaker,
            self._links,
            self.peers,
            self._sync,
            self._private,
            self.office,
            verify,
            self.drops,
            max_skew=skew,
        )
        self._skew_ms = skew * 1000
        self._relays = self.settings.dialect.relays
        self._chores = Chores()
        self._relays_due, self._pieces_due = self._forwarding.timers, self._out.timers
        self._sync_round = 0
        self.received = 0

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
                self._link_down(link, effects, now)
            case Unsent(link=link, frames=frames):
                self._hand_over(link, frames, effects, now)
            case ClockSet(offset=offset):
                self._clock.set(offset)
                self._speaker.announcer.forget()
                self._begin(now)
            case Say(text=text, urgent=urgent):
                self._speaker.say(text, effects, now, urgent=urgent)
            case Whisper():
                self._speaker.noise(self._private.whisper(event, now), effects, now)
            case Handshake(recipient=recipient):
                self._speaker.noise(self._private.handshake(recipient, now), effects, now)
            case Ping(recipient=recipient):
                nonce = self._receiver.expect_pong(recipient, self._rng.randbytes(8), now)
                self._speaker.ping(MessageType.PING, recipient, nonce, effects, now)
            case Rename(nickname=nickname):
                self._speaker.announcer.rename(nickname)
                self._speaker.announce(effects, now)
            case Offer():
                self._speaker.offer(event, effects, now)
            case Remember():
                self._remember(event, effects, now)
            case LetterStored() if self.office is not None:
                self.office.stored(event, effects)
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
        reason = self.refuses(header, identifier, now)
        if reason is not None or wall_ms is None:
            return self._drop(reason or Reason.CLOCK)
        reason = self._receiver.take(Incoming(frame, header, identifier, None), effects, now, wall_ms)
        if reason is not None:
            return reason
        self._seen.add(identifier, now)
        fresh = abs(wall_ms - header.timestamp_ms) <= SKEW_MS
        verb, reached = (Verb.ON_AIR if fresh else Verb.KEPT), 0
        if fresh and header.recipient_id != self.identity.peer_id:
            recipient = None if header.is_broadcast else header.recipient_id
            links = self._out.toward(header.type, identifier, recipient)
            reached = len(links)
            priority = self._forwarding.class_of_injected(frame, header, now)
            self._out.emit(effects, links, with_ttl(frame, REINJECT_TTL), priority, now, flow_of(header))
        if header.type in ASKED_ABOUT and header.recipient_id != self.identity.peer_id:
            effects.append(Decided(identifier, verb, detail=f"links {reached}"))
        return None

    def refuses(self, header: Header, identifier: bytes, now: float) -> Reason | None:
        """Say why `inject` will not even look at a packet: it is known here, our own, or of another time. None if it will."""
        known = self._seen.knows(identifier, now) and not self._seen.deserves_another_look(identifier)
        if known or header.sender_id == self.identity.peer_id:
            return Reason.ECHO
        return refuse_injected(header, self._clock.ms(now))

    def carry(self, payload: bytes, recipient: bytes | None, effects: list[Effect], now: float) -> bytes | None:
        """Put a carrier on the radio: a deposit for one gateway, or without recipient what is for everybody; returns its packet ID."""
        return self._speaker.carry(payload, recipient, effects, now)

    def leave(self, now: float) -> list[Effect]:
        """Say goodbye to the mesh: the last thing before the radio goes."""
        effects: list[Effect] = []
        self._speaker.leave(effects, now)
        return effects

    def wall_ms(self, now: float) -> int | None:
        """Return milliseconds since the epoch, or None while the time of day is not known."""
        return self._clock.ms(now)

    def kept(self, now: float, left: float = 0.0) -> list[Kept]:
        """Return the public packets this node keeps for more than `left` seconds, newest first, fragments left out."""
        return list(self._speaker.history.newest_first([kind for kind in SHELVES if kind != MessageType.FRAGMENT], now + left))

    def next_wakeup(self) -> float | None:
        """Return when to send a `Tick`, or None while there is nothing to wait for."""
        at = min(self._relays_due.first, self._pieces_due.first, self._chores.first, self._private.next_at())
        return at if at < inf else None

    @property
    def relayed(self) -> int:
        """Packets of others passed on."""
        return self._forwarding.relayed

    @property
    def sessions(self) -> SessionTable:
        """The Noise sessions of this node, for metrics."""
        return self._private.sessions

    @property
    def neighbours(self) -> dict[bytes, tuple[LinkId, ...]]:
        """The links to each peer that is at the other end of one."""
        return self._links.by_peer()

    def status(self, now: float) -> MeshStatus:
        """Return a snapshot for people and metrics."""
        forwarding = self._forwarding
        counters = {"received": self.received, "relayed": self.relayed, "cancelled": forwarding.cancelled, "demoted": forwarding.demoted}
        counters["emergencies_demoted"] = forwarding.emergencies_demoted
        sizes = {"history": len(self._speaker.history), "assemblies": len(self._receiver.assembler), "seen": len(self._seen)}
        return describe(self.identity.peer_id, self._links, self.peers, {**counters, **sizes}, self.drops, now)

    def _receive(self, link_id: LinkId, frame: bytes, now: float) -> list[Effect]:
        link = self._links.get(link_id)
        if link is None:
            return []
        self.received += 1
        try:
            header = peek(frame)
            kind, own_id, traffic = header.type, self.identity.peer_id, self.traffic
            traffic.heard[kind] += 1
            traffic.heard_bytes += len(frame)
            if header.sender_id == own_id and header.ttl == MAX_TTL and kind in _DIRECT:
                return self._is_ourselves(link_id)
            if header.flags & COMPRESSED and not link.inflation.take(now, original_size(frame, header)):
                self.drops[Reason.RATE] += 1
                return []
            identifier = packet_id(frame, header)
        except DecodeError as error:
            self.drops[error.reason] += 1
            return []
        if self._seen.knows(identifier, now):
            return self._duplicate(frame, header, identifier, link, now)
        wall_ms = self._clock.ms(now)
        reason = refuse(header, link, own_id, wall_ms, now, self._skew_ms)
        if reason is not None or wall_ms is None:
            refused: list[Effect] = []
            tell_refused(header, identifier, link_id, self._drop(reason or Reason.CLOCK), refused)
            return refused
        self._seen.add(identifier, now)
        effects: list[Effect] = []
        incoming = Incoming(frame, header, identifier, link)
        reason = self._receiver.take(incoming, effects, now, wall_ms)
        relays = self._relays and may_relay(kind, reason)
        if relays:
            self._forwarding.relay(incoming, effects, now)
        if reason is not None:
            tell_refused(header, identifier, link_id, reason, effects, relays=relays)
        return effects

    def _duplicate(self, frame: bytes, header: Header, identifier: bytes, link: Link, now: float) -> list[Effect]:
        """Drop a copy, unless the first did not prove itself or came over a busy link, or this one shows who is at the end of its link."""
        self.drops[_DUPLICATE] += 1
        self._forwarding.overheard(header, identifier, link)
        unproven = self._seen.deserves_another_look(identifier)
        direct = header.type == _ANNOUNCE and header.ttl == MAX_TTL and self._links.may_bind(link, header.sender_id, now)
        unrelayed = self._forwarding.is_unrelayed(identifier)
        if not unproven and not direct and not unrelayed:
            return []
        wall_ms = self._clock.ms(now)
        if wall_ms is None or refuse(header, link, self.identity.peer_id, wall_ms, now, self._skew_ms) is not None:
            return []
        effects: list[Effect] = []
        incoming = Incoming(frame, header, identifier, link)
        taken = (unproven or direct) and self._receiver.take(incoming, effects, now, wall_ms) is None
        if unrelayed:
            self._forwarding.relay_after_all(incoming, effects, now)
        elif taken and unproven and self._relays:
            self._forwarding.relay(incoming, effects, now)
        return effects

    def _is_ourselves(self, link_id: LinkId) -> list[Effect]:
        """Give up a link over which our own direct announce came back: two adapters of one gateway hear each other."""
        self.drops[Reason.OWN] += 1
        self._links.remove(link_id)  # so that this is said once, however long the link takes to go
        self._chores.cancel(Chore.SYNC, link_id)
        return [CloseLink(link_id, OURSELVES)]

    def _remember(self, event: Remember, effects: list[Effect], now: float) -> None:
        self._speaker.remember(event.packets, effects, now)
        self.peers.remember(event.pins)
        if self.office is not None:
            self.office.remember(event.letters, event.ended)

    def _link_down(self, link_id: LinkId, effects: list[Effect], now: float) -> None:
        link = self._links.get(link_id)
        if self.office is not None:
            self.office.link_down(link_id, link.peer_id if link is not None else None, effects)
        beside = self._links.beside(link) if link is not None else None
        self._links.remove(link_id)
        self._chores.cancel(Chore.SYNC, link_id)
        if beside is not None:
            self._forwarding.move(link_id, beside.id)
            self._out.move(link_id, beside, effects, now)

    def _hand_over(self, link_id: LinkId, frames: Iterable[tuple[bytes, Priority]], effects: list[Effect], now: float) -> None:
        """Send what waited for a link that is going over another link to the same peer."""
        link = self._links.get(link_id)
        beside = self._links.beside(link) if link is not None else None
        if beside is not None:
            for frame, priority in frames:
                self._out.emit(effects, (beside.id,), frame, priority, now)

    def _link_up(self, link_id: LinkId, mtu: int, effects: list[Effect], now: float) -> None:
        self._links.remove(link_id)
        if len(self._links) >= MAX_LINKS or mtu < MIN_LINK_MTU:
            effects.append(CloseLink(link_id, "too many links" if mtu >= MIN_LINK_MTU else "takes no frame"))
            return
        link = Link(link_id, min(mtu, MAX_FRAME))
        self._links.add(link)
        self._speaker.announce(effects, now, only=link)
        self._chores.set(now + FIRST_SYNC_S, Chore.SYNC, link_id)

    def _begin(self, now: float) -> None:
        """Start what needs the time of day, now that it is known."""
        self._chores.set(now, Chore.ANNOUNCE)
        self._chores.set(now + self._rng.uniform(0.5, 1.0) * self.settings.sync_period, Chore.SYNC)
        self._chores.set(now + HOUSEKEEPING_S, Chore.HOUSEKEEPING)

    def _run_due(self, effects: list[Effect], now: float) -> None:
        self._forwarding.run_due(effects, now)
        effects.extend(self._out.due(now))
        if self._private.next_at() <= now:
            self._speaker.noise(self._private.wake(now), effects, now)
        for chore, about in self._chores.due(now):
            match chore:
                case Chore.ANNOUNCE:
                    self._speaker.announce(effects, now)
                    self._chores.set(now + self._speaker.announcer.period(self._links.degree), Chore.ANNOUNCE)
                case Chore.SYNC:
                    self._ask(about, effects, now)
                case Chore.HOUSEKEEPING:
                    self._tidy(effects, now)

    def _ask(self, about: str, effects: list[Effect], now: float) -> None:
        """Ask one new neighbour, or every neighbour when the period has come round."""
        if not self.settings.sync:
            return
        if about:
            link_id = LinkId(about)
            if self._links.get(link_id) is not None:
                self._speaker.request_sync((link_id,), self._sync.request(ROUNDS[0][1], now), effects, now)
            return
        self._sync_round += 1
        for every, kinds in ROUNDS:
            if self._sync_round % every == 0:
                self._speaker.request_sync(self._links.one_each, self._sync.request(kinds, now), effects, now)
        self._chores.set(now + self.settings.sync_period * self._rng.uniform(0.9, 1.1), Chore.SYNC)

    def _tidy(self, effects: list[Effect], now: float) -> None:
        self.peers.within_reach(self._links.direct_peers, now)
        effects.extend(PeerLost(peer.peer_id, "not heard any more") for peer in self.peers.expire(now))
        self._speaker.history.expire(now)
        self._receiver.expire(now)
        self._speaker.keep_posted(effects, now)
        wall_ms = self._clock.ms(now)
        if self.office is not None and wall_ms is not None:
            self.office.tidy(effects, now, wall_ms)
        self._chores.set(now + HOUSEKEEPING_S, Chore.HOUSEKEEPING)

    def _drop(self, reason: Reason) -> Reason:
        self.drops[reason] += 1
        return reason
