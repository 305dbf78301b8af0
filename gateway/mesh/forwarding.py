"""Relaying other nodes' packets: decided by the table, held for the jitter, called off when others were quicker.

Fragments are passed on one by one. A link too small for them gets none: nobody takes a
fragment of a fragment, and the short last one alone would only make a phone wait for the rest.
It gets the whole packet, newly cut, as soon as that is complete here.
"""

from collections import OrderedDict
from dataclasses import replace
from random import Random

from gateway.errors import Reason
from gateway.limits import MAX_ASSEMBLIES, MAX_UNRELAYED
from gateway.mesh.effects import Effect, Priority
from gateway.mesh.emergency import Emergencies, is_urgent
from gateway.mesh.flows import Flow
from gateway.mesh.links import Link, Links
from gateway.mesh.outbound import PRIORITIES, Drops, Outbound
from gateway.mesh.pending import PendingRelay, PendingRelays
from gateway.mesh.receiver import Incoming
from gateway.mesh.relay import SPARSE_DEGREE, RelayDecision, decide
from gateway.mesh.routes import next_hop
from gateway.wire.packet import Header, route_of, with_ttl
from gateway.wire.types import BROADCAST, MessageType
from transports.link import LinkId

FRAGMENT_ID = 8  # bytes at the start of the payload of a fragment
ORIGINAL_TYPE = 12  # offset there
# Looked up once, as in `gateway.mesh.receiver`.
_ANNOUNCE, _FRAGMENT, _BOARD = int(MessageType.ANNOUNCE), int(MessageType.FRAGMENT), int(MessageType.BOARD)
_PUBLIC, _DIRECTED, _VOICE = Priority.PUBLIC, Priority.DIRECTED, Priority.VOICE

_NOISE = frozenset({MessageType.NOISE_HANDSHAKE, MessageType.NOISE_ENCRYPTED})


class Forwarding:
    """Passes packets on, each as one copied buffer with byte 2 patched.

    Args:
        own_id: this node's peer ID.
        rng: source of jitter.
        jitter: see `gateway.mesh.settings.MeshSettings`.
        links: the local links.
        out: where relays leave.
        drops: where packets that are not passed on are counted.

    Attributes:
        relayed: packets passed on.
        cancelled: packets not passed on because a neighbour was quicker.
        demoted: packets passed on as bulk because their link brought too many.
        timers: what `run_due` waits for.

    """

    def __init__(self, own_id: bytes, rng: Random, links: Links, out: Outbound, drops: Drops, *, jitter: bool) -> None:
        self._own_id = own_id
        self._rng = rng
        self._jitter = jitter
        self._links = links
        self._out = out
        self._drops = drops
        self._pending = PendingRelays()
        self._emergencies = Emergencies()
        self.timers = self._pending.timers
        self._owed: OrderedDict[tuple[bytes, bytes], dict[LinkId, None]] = OrderedDict()  # by sender and fragment ID
        self._unrelayed: OrderedDict[bytes, None] = OrderedDict()  # packet IDs
        self.relayed = self.cancelled = self.demoted = 0

    @property
    def emergencies_demoted(self) -> int:
        """Urgent posts passed on like any other, because their sender or their link had brought too many."""
        return self._emergencies.demoted

    def __len__(self) -> int:
        return len(self._pending)

    def relay(self, incoming: Incoming, effects: list[Effect], now: float) -> None:
        """Pass a packet on, now or after its jitter, if the rules say so."""
        header = incoming.header
        kind, recipient = header.type, header.recipient_id
        if recipient is not None:
            if recipient == self._own_id:
                return
            if recipient == BROADCAST:
                recipient = None
        urgent = kind == _BOARD and is_urgent(incoming.frame, header)
        decision = decide(kind, header.ttl, self._links.degree, recipient is not None, urgent)
        if not decision.relay:
            return
        links = self._out.toward(kind, incoming.packet_id, None, incoming.link) if recipient is None else self._choose(incoming, recipient)
        owed: tuple[LinkId, ...] = ()
        if kind == _FRAGMENT:
            links, owed = self._sort(incoming, links)
        priority = self._class_of(incoming, now, urgent=urgent)
        if priority is None:
            self._drops[Reason.RATE] += 1
            self._unrelayed[incoming.packet_id] = None
            if len(self._unrelayed) > MAX_UNRELAYED:
                self._unrelayed.popitem(last=False)
            return
        flow = None if recipient is None else (header.sender_id, recipient)
        if links:
            self._pass_on(incoming, links, priority, flow, decision, effects, now)
        if owed and incoming.completes is not None:
            whole = replace(incoming, packet_id=incoming.completes_id, frame=incoming.completes)
            self._pass_on(whole, owed, priority, flow, decision, effects, now)

    def is_unrelayed(self, packet_id: bytes) -> bool:
        """Say whether a packet went no further only because the link that brought it had brought too much."""
        return bool(self._unrelayed) and packet_id in self._unrelayed

    def relay_after_all(self, incoming: Incoming, effects: list[Effect], now: float) -> None:
        """Pass on a copy of such a packet, unless its link has brought too much as well."""
        del self._unrelayed[incoming.packet_id]
        self.relay(incoming, effects, now)

    def _pass_on(
        self,
        incoming: Incoming,
        links: tuple[LinkId, ...],
        priority: Priority,
        flow: Flow | None,
        decision: RelayDecision,
        effects: list[Effect],
        now: float,
    ) -> None:
        frame = with_ttl(incoming.frame, decision.ttl)
        source = None if incoming.link is None else incoming.link.id
        if not self._jitter:
            self.relayed += 1
            self._out.emit(effects, links, frame, priority, now, flow, source)
        elif self._pending.full:
            self._drops[Reason.QUEUE_FULL] += 1
        else:
            header, (low, high) = incoming.header, decision.delay_ms
            relay = PendingRelay(incoming.packet_id, links, frame, priority, flow, header.sender_id, header.type == _ANNOUNCE, source)
            self._pending.add(relay, now + self._rng.uniform(low, high) / 1000)

    def class_of_injected(self, frame: bytes, header: Header, now: float) -> Priority:
        """Return how urgent a packet of another island is."""
        if is_urgent(frame, header) and self._emergencies.admit(header.sender_id, None, now):
            return Priority.EMERGENCY
        return PRIORITIES.get(header.type, Priority.PUBLIC)

    def _class_of(self, incoming: Incoming, now: float, *, urgent: bool) -> Priority | None:
        """Return how urgent a packet is, None if it goes no further.

        What one link brings to all beyond its share gets through when nothing else waits. What belongs to a conversation
        would then be overtaken by what follows it, which the apps refuse, so of that the rest is dropped; a copy over
        another link may be passed on.
        """
        header, frame, link = incoming.header, incoming.frame, incoming.link
        if urgent and self._emergencies.admit(header.sender_id, link, now):
            return Priority.EMERGENCY
        kind = header.type
        priority = _DIRECTED if kind == _FRAGMENT and _is_of_session(frame, header) else PRIORITIES.get(kind, _PUBLIC)
        if link is None:
            return priority
        if priority is _DIRECTED:
            return priority if link.directed.take(header.sender_id, now, len(frame)) else None
        if (priority is not _PUBLIC and priority >= _VOICE) or link.relays.take(now, len(frame)):
            return priority
        self.demoted += 1
        return Priority.BULK

    def _sort(self, incoming: Incoming, links: tuple[LinkId, ...]) -> tuple[tuple[LinkId, ...], tuple[LinkId, ...]]:
        """Tell the links a fragment fits from those that are owed the whole packet."""
        size = len(incoming.frame)
        start = incoming.header.payload_start
        key = incoming.header.sender_id, incoming.frame[start : start + FRAGMENT_ID]
        owed = self._owed.get(key, {})
        small = {id_: None for id_ in links if id_ in owed or ((link := self._links.get(id_)) is not None and size > link.mtu)}
        if incoming.completes is not None:
            self._owed.pop(key, None)
        elif small:
            self._owed[key] = owed | small
            if len(self._owed) > MAX_ASSEMBLIES:
                self._owed.popitem(last=False)
        return tuple(link for link in links if link not in small), tuple(owed | small)

    def move(self, gone: LinkId, to: LinkId) -> None:
        """Let what waits for a link that is gone go over another to the same peer."""
        self._pending.move(gone, to)
        for owed in self._owed.values():
            if gone in owed:
                del owed[gone]
                owed[to] = None

    def overheard(self, header: Header, packet_id: bytes, link: Link) -> None:
        """Note a copy of a packet that may be waiting here."""
        if self._pending:
            cancel = header.type != _FRAGMENT and self._links.degree > SPARSE_DEGREE
            self.cancelled += self._pending.overheard(packet_id, link.id, cancel=cancel)

    def run_due(self, effects: list[Effect], now: float) -> None:
        """Append the relays whose jitter is over."""
        for relay in self._pending.due(now):
            self.relayed += 1
            self._out.emit(effects, relay.links, relay.frame, relay.priority, now, relay.flow, relay.source)

    def _choose(self, incoming: Incoming, recipient: bytes) -> tuple[LinkId, ...]:
        """Return the next hop's link where a route names one that can be reached, else the flood's."""
        header = incoming.header
        if header.has_route and (route := route_of(incoming.frame, header)):
            hop = next_hop(route, self._own_id, recipient)
            if hop is None:
                self._drops[Reason.ROUTE] += 1
                return ()
            if self._links.to_peer(hop) is not None:
                along = self._out.toward(header.type, incoming.packet_id, hop, incoming.link)
                if along:
                    return along
        return self._out.toward(header.type, incoming.packet_id, recipient, incoming.link)


def _is_of_session(fragment: bytes, header: Header) -> bool:
    """Say whether a fragment is of a Noise packet, whose class is the session's: its order must hold."""
    at = header.payload_start + ORIGINAL_TYPE
    return header.recipient_id is not None and at < header.payload_end and fragment[at] in _NOISE
