"""What this node sends in its own name. It never signs, or answers, for anybody else."""

from collections.abc import Iterable
from random import Random

from gateway.limits import MAX_SEEN, MAX_TTL, SEEN_LIFETIME_S
from gateway.mesh.announcer import Announcer
from gateway.mesh.dedup import Seen
from gateway.mesh.effects import Effect, Heard, Priority
from gateway.mesh.events import Offer
from gateway.mesh.flows import flow_of
from gateway.mesh.history import History
from gateway.mesh.identity import Identity
from gateway.mesh.links import Link, Links
from gateway.mesh.notices import Notices
from gateway.mesh.outbound import PRIORITIES, Outbound
from gateway.mesh.peers import PeerTable
from gateway.mesh.placard import Placard
from gateway.mesh.private import Outgoing
from gateway.mesh.records import HistoryKept, PacketWithdrawn
from gateway.mesh.routes import Unanswered, plan
from gateway.mesh.settings import MeshSettings
from gateway.mesh.wallclock import WallClock
from gateway.wire.packet import Header, Packet, encode, packet_id, payload_of, peek
from gateway.wire.ping import Ping as PingPayload
from gateway.wire.ping import encode_ping
from gateway.wire.signing import sign
from gateway.wire.types import MessageType
from transports.link import LinkId

OWN = LinkId("own")
"""Stands for the ingress link of a packet this node made itself."""

NOTICES = (MessageType.BOARD, MessageType.PREKEYS)
"""The types of which one packet can take the place of another."""

_NOISE = frozenset({MessageType.NOISE_HANDSHAKE, MessageType.NOISE_ENCRYPTED})


class Speaker:
    """Makes, signs and sends this node's own packets.

    Nothing is sent while the wall clock is not set: phones drop what is more than two
    minutes off, and would go on dropping us for a while after.
    """

    def __init__(
        self, identity: Identity, settings: MeshSettings, rng: Random, clock: WallClock, links: Links, peers: PeerTable, out: Outbound
    ) -> None:
        self._identity = identity
        self._clock = clock
        self._links = links
        self._peers = peers
        self._out = out
        self._everybody = settings.dialect.everybody
        self.announcer = Announcer(identity, settings, rng)
        self.seen = Seen(MAX_SEEN, SEEN_LIFETIME_S)
        self.history = History()
        self.notices = Notices(self.history)
        self.unanswered = Unanswered()
        self._placard = Placard(identity, settings.notice, lambda: self.announcer.nickname, rng.randbytes)

    def announce(self, effects: list[Effect], now: float, only: Link | None = None) -> None:
        """Send a direct announce to every link, or to one that has just come up."""
        wall_ms = self._clock.ms(now)
        if wall_ms is None:
            return
        frame = self.announcer.frame(self._links.direct_peers, self._links.smallest_mtu, wall_ms, now)
        links = (only.id,) if only is not None else tuple(link.id for link in self._links)
        self._send(effects, frame, links, now)

    def say(self, text: str, effects: list[Effect], now: float, *, urgent: bool = False) -> bytes | None:
        """Send a public message; returns its packet ID, None while the clock is not set."""
        frame = self._signed(MessageType.MESSAGE, text.encode(), self._everybody, now)
        return None if frame is None else self._publish(frame, effects, now, urgent=urgent)

    def offer(self, offer: Offer, effects: list[Effect], now: float) -> None:
        """Announce other things from now on, and let the board of the island say so."""
        self.announcer.offer(offer.nickname, offer.capabilities, offer.bridge_geohash)
        self.announce(effects, now)
        self._placard.text = offer.notice
        self.keep_posted(effects, now)

    def keep_posted(self, effects: list[Effect], now: float) -> None:
        """See that this node's notice stands on the board as it should; nothing while the clock is not set."""
        wall_ms = self._clock.ms(now)
        if wall_ms is None or not (self._placard.text or self._placard.standing):
            return
        for said in self._placard.due(wall_ms, now):
            frame = self._signed(MessageType.BOARD, said.payload, None, now)
            if frame is not None:
                identifier = self._publish(frame, effects, now, expires_ms=said.until_ms)
                if said.notice is not None:
                    said.notice.packet_id, said.notice.frame = identifier, frame
        for one in self._placard.standing.values():
            if not self.history.knows(MessageType.BOARD, one.packet_id):  # many posts of others have pushed it out
                self.keep(one.frame, peek(one.frame), one.packet_id, effects, now, wall_ms, one.expires_ms)

    def keep(
        self,
        frame: bytes,
        header: Header,
        identifier: bytes,
        effects: list[Effect],
        now: float,
        wall_ms: int,
        expires_ms: int | None = None,
    ) -> None:
        """Keep a public packet for those who missed it, if it is of a kind that is kept."""
        replaced = self.notices.admit(header.type, payload_of(frame, header), identifier) if header.type in NOTICES else []
        if replaced is None:
            return
        effects += [PacketWithdrawn(gone) for gone in replaced if self.history.withdraw(header.type, gone)]
        kept = self.history.add(frame, header, identifier, now, wall_ms, expires_ms=expires_ms)
        if kept is not None:
            until_ms = wall_ms + int((kept.ends_at - now) * 1000)
            effects.append(HistoryKept(header.type, identifier, frame, until_ms))

    def remember(self, packets: Iterable[HistoryKept], effects: list[Effect], now: float) -> None:
        """Take back what was kept before a restart; nothing while the clock is not set."""
        wall_ms = self._clock.ms(now)
        if wall_ms is not None:
            self.history.restore(packets, now, wall_ms)
            for kept in list(self.history.newest_first(NOTICES)):
                header = peek(kept.frame)
                replaced = self.notices.admit(header.type, payload_of(kept.frame, header), kept.packet_id)
                for gone in (kept.packet_id,) if replaced is None else replaced:
                    self.history.withdraw(header.type, gone)
            board = self.history.newest_first((MessageType.BOARD,))
            found = (self._placard.found_in(kept.frame, peek(kept.frame), kept.packet_id) for kept in board)
            self._placard.remember([one for one in found if one is not None])
            self.keep_posted(effects, now)

    def carry(self, payload: bytes, recipient: bytes | None, effects: list[Effect], now: float) -> bytes | None:
        """Send a carrier: a deposit, signed and directed, or without recipient one for everybody, signed by its author inside.

        Returns its packet ID, None while the clock is not set.
        """
        kind = MessageType.NOSTR_CARRIER
        if recipient is not None:
            frame = self._signed(kind, payload, recipient, now)
        else:
            wall_ms = self._clock.ms(now)
            if wall_ms is None:
                return None
            packet = Packet(type=kind, ttl=MAX_TTL, timestamp_ms=wall_ms, sender_id=self._identity.peer_id, payload=payload)
            frame = encode(packet)
        if frame is None:
            return None
        identifier = packet_id(frame, peek(frame))
        self._send(effects, frame, self._out.toward(kind, identifier, recipient), now)
        return identifier

    def mail(self, payload: bytes, recipient: bytes, effects: list[Effect], now: float) -> bytes | None:
        """Send courier mail to a peer; returns its packet ID, None if there is no link, or while the clock is not set."""
        links = self._out.toward(MessageType.COURIER, b"", recipient)
        frame = self._signed(MessageType.COURIER, payload, recipient, now) if links else None
        if frame is None:
            return None
        self._send(effects, frame, links, now)
        return packet_id(frame, peek(frame))

    def leave(self, effects: list[Effect], now: float) -> None:
        """Tell the mesh that this node is going."""
        frame = self._signed(MessageType.LEAVE, b"", None, now)
        if frame is not None:
            self._send(effects, frame, self._links.one_each, now)

    def noise(self, outgoing: list[Outgoing], effects: list[Effect], now: float) -> None:
        """Send Noise packets, each along a source route where one is known."""
        for message in outgoing:
            self._directed(message.type, message.recipient, message.payload, effects, now)

    def ping(self, kind: int, recipient: bytes, nonce: bytes, effects: list[Effect], now: float) -> None:
        """Send a ping, or the pong that answers one."""
        self._directed(kind, recipient, encode_ping(PingPayload(nonce, MAX_TTL)), effects, now)

    def request_sync(self, links: tuple[LinkId, ...], payload: bytes, effects: list[Effect], now: float) -> None:
        """Ask the neighbours for what we lack: one frame for all, so one signature."""
        frame = self._signed(MessageType.REQUEST_SYNC, payload, None, now, ttl=0)
        if frame is None:
            return
        for link_id in links:
            link = self._links.get(link_id)
            if link is not None:
                link.asked_at = now
        self._out.emit(effects, links, frame, Priority.SYNC, now)

    def answer_sync(self, link: Link, frames: Iterable[bytes], effects: list[Effect], now: float) -> None:
        """Give the other end of one link what it lacks."""
        for frame in frames:
            self._out.emit(effects, (link.id,), frame, Priority.SYNC, now)

    def _publish(self, frame: bytes, effects: list[Effect], now: float, *, urgent: bool = False, expires_ms: int | None = None) -> bytes:
        """Send a public packet to everybody and keep it for those who missed it; returns its packet ID."""
        header = peek(frame)
        identifier = packet_id(frame, header)
        self.keep(frame, header, identifier, effects, now, header.timestamp_ms, expires_ms)
        self._send(effects, frame, self._out.toward(header.type, identifier, None), now, urgent=urgent)
        return identifier

    def _signed(self, kind: int, payload: bytes, recipient: bytes | None, now: float, *, ttl: int = MAX_TTL) -> bytes | None:
        wall_ms = self._clock.ms(now)
        if wall_ms is None:
            return None
        packet = Packet(type=kind, ttl=ttl, timestamp_ms=wall_ms, sender_id=self._identity.peer_id, payload=payload, recipient_id=recipient)
        return sign(packet, self._identity.signing_key)

    def _directed(self, kind: int, recipient: bytes, payload: bytes, effects: list[Effect], now: float) -> None:
        wall_ms = self._clock.ms(now)
        if wall_ms is None:
            return
        route = self._route(recipient, now)
        packet = Packet(
            type=kind,
            ttl=MAX_TTL,
            timestamp_ms=wall_ms,
            sender_id=self._identity.peer_id,
            payload=payload,
            recipient_id=recipient,
            route=route,
            version=2 if route else 1,
        )
        # Routed packets are signed by the apps whatever their type (spec section 4.3).
        frame = sign(packet, self._identity.signing_key) if route else encode(packet, padded=kind in _NOISE)
        if route:
            self.unanswered.sent(recipient, now)
        first_hop = route[0] if route else recipient
        links = self._out.toward(kind, b"", first_hop)
        self._send(effects, frame, links, now)

    def _route(self, recipient: bytes, now: float) -> tuple[bytes, ...] | None:
        if self._links.to_peer(recipient) is not None or self.unanswered.failed(recipient, now):
            return None
        edges = self._peers.edges(now, self._links.direct_peers)
        return plan(edges, self._identity.peer_id, recipient, self._speaks_v2)

    def _speaks_v2(self, peer_id: bytes) -> bool:
        peer = self._peers.get(peer_id)
        return peer is not None and peer.speaks_v2

    def _send(self, effects: list[Effect], frame: bytes, links: tuple[LinkId, ...], now: float, *, urgent: bool = False) -> None:
        header = peek(frame)
        identifier = packet_id(frame, header)
        fresh = not self.seen.knows(identifier, now)
        self.seen.add(identifier, now)
        priority = Priority.EMERGENCY if urgent else PRIORITIES.get(header.type, Priority.PUBLIC)
        self._out.emit(effects, links, frame, priority, now, flow_of(header))
        if fresh:
            effects.append(Heard(identifier, header, frame, OWN, verified=True))
