"""What a packet means to this node, by type, after admission and before relaying.

Rules (spec sections 4.3 and 9.1):

* an announce proves itself; everything else signed is checked against the pinned key;
* an unverified announce or message is dropped here but still passed on, because another
  node may know the sender; an unverified file, board post, voice frame or leave is not;
* only what was verified is kept, shown or offered to the bridge as verified.
"""

from collections import OrderedDict
from dataclasses import dataclass

from gateway.errors import DecodeError, Reason, SessionError
from gateway.limits import HISTORY_LIFETIME_S, MAX_PINGS, MAX_TTL
from gateway.mesh.effects import Effect, Heard, PeerLost, PeerSeen, Pong, Priority, PublicMessage, SendFrame
from gateway.mesh.links import Link, Links
from gateway.mesh.peers import PeerTable, Verify
from gateway.mesh.private import Private
from gateway.mesh.speaker import Speaker
from gateway.mesh.sync import Sync
from gateway.wire.board import decode_board, verify_board
from gateway.wire.fragment import Assembler, decode_fragment
from gateway.wire.packet import Header, packet_id, payload_of, peek
from gateway.wire.ping import decode_ping, hops
from gateway.wire.sync import decode_request_sync
from gateway.wire.types import MessageType
from transports.link import LinkId

_STOPS_UNVERIFIED = frozenset({MessageType.FILE, MessageType.BOARD, MessageType.VOICE, MessageType.LEAVE})
_NOISE = frozenset({MessageType.NOISE_HANDSHAKE, MessageType.NOISE_ENCRYPTED})
_UNSIGNED = _NOISE | {MessageType.PING, MessageType.PONG}

ELSEWHERE = LinkId("elsewhere")
"""Stands for the ingress link of a packet another site sent."""


@dataclass(slots=True)
class Incoming:
    """One admitted packet on its way through the node."""

    frame: bytes
    header: Header
    packet_id: bytes
    link: Link | None  # None: it came from another site
    whole: bool = True  # False: reassembled from fragments, which were relayed one by one

    @property
    def ingress(self) -> LinkId:
        """The link to name in effects."""
        return self.link.id if self.link is not None else ELSEWHERE


class Receiver:
    """Handles packets by type; refusals are counted in `drops`."""

    def __init__(
        self, own_id: bytes, speaker: Speaker, links: Links, peers: PeerTable, sync: Sync, private: Private, verify: Verify
    ) -> None:
        self._own_id = own_id
        self._speaker = speaker
        self._links = links
        self._peers = peers
        self._sync = sync
        self._private = private
        self._verify = verify
        self.assembler = Assembler()
        self.drops: dict[Reason, int] = dict.fromkeys(Reason, 0)
        self._pings: OrderedDict[bytes, float] = OrderedDict()

    def expect_pong(self, nonce: bytes, now: float) -> None:
        """Remember a ping of ours until its pong comes or newer ones push it out."""
        self._pings[nonce] = now
        if len(self._pings) > MAX_PINGS:
            self._pings.popitem(last=False)

    def expire(self, now: float) -> None:
        """Give up on fragments that waited too long for the rest."""
        self.drops[Reason.ASSEMBLY] += self.assembler.expire(now)

    def take(self, incoming: Incoming, effects: list[Effect], now: float, wall_ms: int) -> Reason | None:
        """Process one packet.

        Returns:
            None if it was taken, else why not (already counted); `may_relay` tells
            whether a refused packet is passed on all the same.

        """
        try:
            reason = self._dispatch(incoming, effects, now, wall_ms)
        except DecodeError as error:
            reason = error.reason
        except SessionError as error:
            reason = error.reason
        if reason is not None:
            self.drops[reason] += 1
        return reason

    def _dispatch(self, incoming: Incoming, effects: list[Effect], now: float, wall_ms: int) -> Reason | None:
        kind = incoming.header.type
        if kind == MessageType.ANNOUNCE:
            return self._announce(incoming, effects, now, wall_ms)
        if kind == MessageType.FRAGMENT:
            return self._fragment(incoming, effects, now, wall_ms)
        if kind == MessageType.REQUEST_SYNC:
            return self._request_sync(incoming, effects, now)
        if kind in _UNSIGNED:
            return self._unsigned(incoming, effects, now)
        return self._signed(incoming, effects, now)

    def _announce(self, incoming: Incoming, effects: list[Effect], now: float, wall_ms: int) -> Reason | None:
        if incoming.link is not None and not incoming.link.verifications.take(now):
            return Reason.RATE
        header = incoming.header
        known = self._peers.get(header.sender_id)
        was_there = known is not None and (known.is_local(now) or known.is_remote(now))
        peer = self._peers.accept(incoming.frame, header, incoming.packet_id, now, wall_ms)
        if isinstance(peer, Reason):
            if peer is Reason.SIGNATURE:
                self._speaker.seen.mark_unproven(incoming.packet_id)
            return peer
        self._speaker.seen.mark_proven(incoming.packet_id)
        if incoming.link is None:
            peer.remote_at = now
        else:
            peer.local_at = now
        direct = incoming.link is not None and header.ttl == MAX_TTL and incoming.whole
        if direct and incoming.link is not None and not self._links.bind(incoming.link, header.sender_id, now):
            return Reason.MISDIRECTED
        effects.append(Heard(incoming.packet_id, header, incoming.frame, incoming.ingress, verified=True))
        if not was_there:
            effects.append(PeerSeen(peer.peer_id, peer.announce.nickname, direct, incoming.ingress))
            self._speaker.noise(self._private.peer_announced(peer.peer_id, now), effects, now)
        return None

    def _signed(self, incoming: Incoming, effects: list[Effect], now: float) -> Reason | None:
        header, frame = incoming.header, incoming.frame
        if header.type == MessageType.NOSTR_CARRIER and header.recipient_id is None:
            return None  # carries its author's own signature inside; the packet has none
        reason = self._check_signature(incoming, now)
        if reason is not None:
            if reason in (Reason.SIGNATURE, Reason.UNKNOWN_SENDER):
                self._speaker.seen.mark_unproven(incoming.packet_id)
            return reason
        if header.type == MessageType.BOARD and not verify_board(decode_board(payload_of(frame, header))):
            return Reason.SIGNATURE
        self._speaker.seen.mark_proven(incoming.packet_id)
        if incoming.link is not None:
            self._touch(header.sender_id, now)
        if header.recipient_id is None or header.is_broadcast:
            self._speaker.history.add(frame, header, incoming.packet_id, now)
        effects.append(Heard(incoming.packet_id, header, frame, incoming.ingress, verified=True))
        if header.type == MessageType.MESSAGE:
            text = payload_of(frame, header).decode(errors="replace")
            effects.append(PublicMessage(incoming.packet_id, header.sender_id, header.timestamp_ms, text))
        elif header.type == MessageType.LEAVE and self._peers.forget(header.sender_id) is not None:
            effects.append(PeerLost(header.sender_id, "left"))
        return None

    def _check_signature(self, incoming: Incoming, now: float) -> Reason | None:
        key = self._peers.signing_key(incoming.header.sender_id)
        if key is None:
            return Reason.UNKNOWN_SENDER
        if incoming.link is not None and not incoming.link.verifications.take(now):
            return Reason.RATE
        return None if self._verify(incoming.frame, key, incoming.header) else Reason.SIGNATURE

    def _unsigned(self, incoming: Incoming, effects: list[Effect], now: float) -> Reason | None:
        header = incoming.header
        if header.recipient_id != self._own_id:
            effects.append(Heard(incoming.packet_id, header, incoming.frame, incoming.ingress, verified=False))
            return None
        payload = payload_of(incoming.frame, header)
        if header.type in _NOISE:
            receive = self._private.on_handshake if header.type == MessageType.NOISE_HANDSHAKE else self._private.on_encrypted
            outgoing, heard = receive(header.sender_id, payload, now)
            self._speaker.noise(outgoing, effects, now)
            effects += heard
            return None
        ping = decode_ping(payload)
        if header.type == MessageType.PING:
            if incoming.link is not None and not incoming.link.pongs.take(now):
                return Reason.RATE
            self._speaker.ping(MessageType.PONG, header.sender_id, ping.nonce, effects, now)
        elif (asked_at := self._pings.pop(ping.nonce, None)) is not None:
            effects.append(Pong(header.sender_id, hops(ping.origin_ttl, header.ttl), now - asked_at))
        return None

    def _fragment(self, incoming: Incoming, effects: list[Effect], now: float, wall_ms: int) -> Reason | None:
        header = incoming.header
        whole = self.assembler.add(header.sender_id, decode_fragment(payload_of(incoming.frame, header)), now)
        if header.is_broadcast:
            self._speaker.history.add(incoming.frame, header, incoming.packet_id, now)
        if whole is None:
            return None
        try:
            inner = peek(whole)
            inner_id = packet_id(whole, inner)
        except DecodeError:
            return Reason.MALFORMED_INNER
        if inner.type in (MessageType.FRAGMENT, MessageType.REQUEST_SYNC) or inner.sender_id != header.sender_id:
            return Reason.MALFORMED_INNER
        if self._speaker.seen.knows(inner_id, now):
            return Reason.DUPLICATE
        self._speaker.seen.add(inner_id, now)
        self.take(Incoming(whole, inner, inner_id, incoming.link, whole=False), effects, now, wall_ms)
        return None

    def _request_sync(self, incoming: Incoming, effects: list[Effect], now: float) -> Reason | None:
        header, link = incoming.header, incoming.link
        if header.ttl != 0:
            return Reason.TTL
        if link is None or (link.peer_id is not None and link.peer_id != header.sender_id):
            return Reason.MISDIRECTED
        if header.recipient_id not in (None, self._own_id) and not header.is_broadcast:
            return Reason.MISDIRECTED
        reason = self._check_signature(incoming, now)
        if reason is not None:
            return reason
        request = decode_request_sync(payload_of(incoming.frame, header))
        if not self._sync.may_answer(header.sender_id, now):
            return Reason.RATE
        effects.extend(SendFrame((link.id,), frame, Priority.SYNC) for frame in self._sync.answer(request, now) if len(frame) <= link.mtu)
        return None

    def _touch(self, peer_id: bytes, now: float) -> None:
        peer = self._peers.get(peer_id)
        if peer is not None:
            peer.local_at = now


def may_relay(message_type: int, reason: Reason | None) -> bool:
    """Say whether a packet that was refused here is passed on to nodes that may know better."""
    if reason is None:
        return True
    if message_type in _STOPS_UNVERIFIED:
        return False
    return reason in (Reason.UNKNOWN_SENDER, Reason.SIGNATURE, Reason.RATE, Reason.ASSEMBLY, Reason.DUPLICATE, Reason.MALFORMED_INNER)


def too_old_for_history(header: Header, wall_ms: int) -> bool:
    """Say whether a sync answer is older than anything that is kept."""
    return wall_ms - header.timestamp_ms > HISTORY_LIFETIME_S * 1000
