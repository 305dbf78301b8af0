"""What a packet means to this node, by type, after admission and before relaying.

Rules (spec sections 4.3 and 9.1):

* an announce proves itself; everything else signed is checked against the pinned key;
* an unverified announce or message is dropped here but still passed on, because another
  node may know the sender; an unverified file, board post, voice frame or leave is not;
* only what was verified is kept, shown or offered to the bridge as verified.
"""

from collections import OrderedDict
from dataclasses import dataclass
from math import inf

from gateway.errors import DecodeError, Reason, SessionError
from gateway.limits import MAX_PINGS, MAX_TTL
from gateway.mesh.admission import is_solicited, refuse_time, tell_refused
from gateway.mesh.effects import Effect, Heard, PeerLost, PeerSeen, Pong, Priority, PublicMessage
from gateway.mesh.links import Link, Links
from gateway.mesh.outbound import PRIORITIES, Drops
from gateway.mesh.peers import Peer, PeerTable, Verify
from gateway.mesh.postoffice import PostOffice
from gateway.mesh.private import Private
from gateway.mesh.speaker import Speaker
from gateway.mesh.sync import Sync
from gateway.wire.announce import peer_id_of
from gateway.wire.board import BoardPost, decode_board, verify_board
from gateway.wire.fragment import Assembler, decode_fragment
from gateway.wire.packet import Header, original_size, packet_id, payload_of, peek
from gateway.wire.ping import decode_ping, hops
from gateway.wire.prekeys import decode_prekeys, verify_prekeys
from gateway.wire.sync import decode_request_sync
from gateway.wire.types import MessageType
from transports.link import LinkId

# What every packet is compared with, looked up once: on Python 3.11 finding a member of an enumeration takes as long as five other steps.
_ANNOUNCE, _FRAGMENT, _REQUEST_SYNC = int(MessageType.ANNOUNCE), int(MessageType.FRAGMENT), int(MessageType.REQUEST_SYNC)
_MESSAGE, _LEAVE, _COURIER = int(MessageType.MESSAGE), int(MessageType.LEAVE), int(MessageType.COURIER)
_BOARD, _PREKEYS, _NOSTR_CARRIER = int(MessageType.BOARD), int(MessageType.PREKEYS), int(MessageType.NOSTR_CARRIER)
_PUBLIC = Priority.PUBLIC
_SIGNATURE, _UNKNOWN_SENDER = Reason.SIGNATURE, Reason.UNKNOWN_SENDER

_STOPS_UNVERIFIED = frozenset({MessageType.FILE, MessageType.BOARD, MessageType.VOICE, MessageType.LEAVE})
_PASSED_ON = frozenset(
    {Reason.UNKNOWN_SENDER, Reason.SIGNATURE, Reason.RATE, Reason.ASSEMBLY, Reason.DUPLICATE, Reason.MALFORMED_INNER},
)
_NOISE = frozenset({MessageType.NOISE_HANDSHAKE, MessageType.NOISE_ENCRYPTED})
_OTHERWISE = _NOISE | {MessageType.PING, MessageType.PONG, MessageType.ANNOUNCE, MessageType.FRAGMENT, MessageType.REQUEST_SYNC}
"""What is not simply signed."""
PONG_TIMEOUT_S = 10.0  # seconds after which a pong counts for nothing (iOS)

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
    completes: bytes | None = None  # the new packet this fragment was the last missing piece of
    completes_id: bytes = b""

    @property
    def ingress(self) -> LinkId:
        """The link to name in effects."""
        return self.link.id if self.link is not None else ELSEWHERE


class Receiver:
    """Takes packets by type and counts what it refuses."""

    def __init__(
        self,
        own_id: bytes,
        speaker: Speaker,
        links: Links,
        peers: PeerTable,
        sync: Sync,
        private: Private,
        office: PostOffice | None,
        verify: Verify,
        drops: Drops,
        *,
        max_skew: float,
    ) -> None:
        self._own_id = own_id
        self._speaker = speaker
        self._links = links
        self._peers = peers
        self._sync = sync
        self._private = private
        self._office = office
        self._verify = verify
        self.assembler = Assembler()
        self._drops = drops
        self._skew_ms = max_skew * 1000
        self._pings: OrderedDict[tuple[bytes, bytes], float] = OrderedDict()

    def expect_pong(self, recipient: bytes, nonce: bytes, now: float) -> bytes:
        """Remember a ping of ours until its pong comes or newer ones push it out; returns its nonce."""
        self._pings[recipient, nonce] = now
        if len(self._pings) > MAX_PINGS:
            self._pings.popitem(last=False)
        return nonce

    def expire(self, now: float) -> None:
        """Give up on fragments that waited too long for the rest."""
        self._drops[Reason.ASSEMBLY] += self.assembler.expire(now)

    def take(self, incoming: Incoming, effects: list[Effect], now: float, wall_ms: int) -> Reason | None:
        """Process one packet.

        Returns:
            None if it was taken, else why not (already counted); `may_relay` tells
            whether a refused packet is passed on all the same.

        """
        signed = incoming.header.type not in _OTHERWISE
        try:
            reason = self._signed(incoming, effects, now, wall_ms) if signed else self._otherwise(incoming, effects, now, wall_ms)
        except DecodeError as error:
            reason = error.reason
        except SessionError as error:
            reason = error.reason
        if reason is not None:
            self._drops[reason] += 1
        return reason

    def _otherwise(self, incoming: Incoming, effects: list[Effect], now: float, wall_ms: int) -> Reason | None:
        kind = incoming.header.type
        if kind == _ANNOUNCE:
            return self._announce(incoming, effects, now, wall_ms)
        if kind == _FRAGMENT:
            return self._fragment(incoming, effects, now, wall_ms)
        if kind == _REQUEST_SYNC:
            return self._request_sync(incoming, effects, now)
        return self._unsigned(incoming, effects, now, wall_ms)

    def _announce(self, incoming: Incoming, effects: list[Effect], now: float, wall_ms: int) -> Reason | None:
        header, link = incoming.header, incoming.link
        known = self._peers.get(header.sender_id)
        repeated = known is not None and known.packet_id == incoming.packet_id
        newcomer = self._peers.signing_key(header.sender_id) is None
        if link is not None and ((newcomer and not link.newcomers.take(now)) or not link.verifications.take(now)):
            peer: Peer | Reason = Reason.RATE
        else:
            peer = self._peers.accept(incoming.frame, header, incoming.packet_id, now, wall_ms, local=link is not None)
        if isinstance(peer, Reason):
            if peer in (Reason.SIGNATURE, Reason.RATE):
                self._speaker.seen.mark_unproven(incoming.packet_id, tried=peer is Reason.SIGNATURE)
            return peer
        self._speaker.seen.mark_proven(incoming.packet_id)
        if self._peers.pinned is not None:
            effects.append(self._peers.pinned)
        self._speaks(header)
        direct = link is not None and header.ttl == MAX_TTL and incoming.whole and self._links.bind(link, header.sender_id, now)
        effects.extend(PeerLost(lost.peer_id, "too many peers") for lost in self._peers.shrink())
        if not repeated and self._may_cross(incoming, now):
            effects.append(Heard(incoming.packet_id, header, incoming.frame, incoming.ingress, verified=True))
        if known is None:
            effects.append(PeerSeen(peer.peer_id, peer.announce.nickname, direct, incoming.ingress))
            self._speaker.noise(self._private.peer_announced(peer.peer_id, now), effects, now)
        if self._office is not None and link is not None:
            self._office.met(peer, effects, now, wall_ms)
        return None

    def _signed(self, incoming: Incoming, effects: list[Effect], now: float, wall_ms: int) -> Reason | None:
        header, frame = incoming.header, incoming.frame
        kind = header.type
        if kind == _NOSTR_CARRIER and header.recipient_id is None:
            # It carries its author's own signature inside; the packet has none.
            effects.append(Heard(incoming.packet_id, header, frame, incoming.ingress, verified=False))
            return None
        if self._speaker.history.knows(kind, incoming.packet_id):
            return Reason.DUPLICATE  # in a sync answer, long after it was forgotten as seen
        notice = decode_board(payload_of(frame, header)) if kind == _BOARD else None
        reason = self._check_signature(incoming, now, author=notice.author_key if notice is not None else None)
        if reason is not None:
            self._speaker.seen.mark_unproven(incoming.packet_id, tried=reason is _SIGNATURE)
            return reason
        if (notice is not None and not verify_board(notice)) or (kind == _PREKEYS and not self._is_owners(frame, header)):
            return _SIGNATURE
        expires_ms = notice.expires_ms if isinstance(notice, BoardPost) else None
        self._speaker.seen.mark_proven(incoming.packet_id)
        self._speaks(header)
        if incoming.link is not None and header.ttl:
            self._peers.within_reach((header.sender_id,), now)
        if kind == _COURIER and header.recipient_id == self._own_id:
            if self._office is None:
                return Reason.MAIL_OFF
            return self._office.deposit(frame, header, incoming.packet_id, incoming.link, effects, now, wall_ms)
        is_broadcast = header.is_broadcast
        if is_broadcast:
            self._speaker.keep(frame, header, incoming.packet_id, effects, now, wall_ms, expires_ms)
        if self._may_cross(incoming, now):
            effects.append(Heard(incoming.packet_id, header, frame, incoming.ingress, verified=True))
        if kind == _MESSAGE and is_broadcast:
            text = payload_of(frame, header).decode(errors="replace")
            effects.append(PublicMessage(incoming.packet_id, header.sender_id, header.timestamp_ms, text))
        elif kind == _LEAVE:
            self._leave(header, effects)
        return None

    def _may_cross(self, incoming: Incoming, now: float) -> bool:
        """Take a broadcast that may go to other islands from the budget of its link; what is directed has budgets of its own there."""
        header, link = incoming.header, incoming.link
        talk = incoming.whole and header.is_broadcast and PRIORITIES.get(header.type, _PUBLIC) is _PUBLIC
        if link is None or not talk or link.crossings.take(now, len(incoming.frame)):
            return True
        self._drops[Reason.RATE] += 1
        return False

    def _leave(self, header: Header, effects: list[Effect]) -> None:
        peer = self._peers.get(header.sender_id)
        if peer is None or header.timestamp_ms < peer.timestamp_ms:
            return  # it has come back since
        self._peers.forget(header.sender_id)
        self._links.release(header.sender_id)
        effects.append(PeerLost(header.sender_id, "left"))

    def _check_signature(self, incoming: Incoming, now: float, author: bytes | None = None) -> Reason | None:
        """Check a packet against the pinned key of its sender.

        What was said before we came, and comes from a site or in a sync answer, may prove itself with the key it names as its author's.
        """
        key = self._peers.signing_key(incoming.header.sender_id)
        if key is None and author is not None and (incoming.link is None or incoming.header.ttl == 0):
            if incoming.link is not None and not incoming.link.newcomers.take(now):
                return Reason.RATE
            key = author
        if key is None:
            return _UNKNOWN_SENDER
        if incoming.link is not None and not incoming.link.verifications.take(now):
            return Reason.RATE
        return None if self._verify(incoming.frame, key, incoming.header) else _SIGNATURE

    def _is_owners(self, frame: bytes, header: Header) -> bool:
        """Say whether a bundle of prekeys is of the sender, and signed inside as well."""
        bundle = decode_prekeys(payload_of(frame, header))
        key = self._peers.signing_key(header.sender_id)
        return key is not None and peer_id_of(bundle.noise_public_key) == header.sender_id and verify_prekeys(bundle, key)

    def _unsigned(self, incoming: Incoming, effects: list[Effect], now: float, wall_ms: int) -> Reason | None:
        header = incoming.header
        if header.recipient_id != self._own_id:
            effects.append(Heard(incoming.packet_id, header, incoming.frame, incoming.ingress, verified=False))
            return None
        self._speaker.unanswered.heard(header.sender_id)
        payload = payload_of(incoming.frame, header)
        if header.type in _NOISE:
            if self._office is not None and self._office.answered(header.sender_id, payload, incoming.link, effects, now, wall_ms):
                return None
            if not self._private.expects(header.sender_id):
                return Reason.UNREAD
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
        else:
            round_trip = now - self._pings.pop((header.sender_id, ping.nonce), -inf)
            if round_trip <= PONG_TIMEOUT_S:
                effects.append(Pong(header.sender_id, hops(ping.origin_ttl, header.ttl), round_trip))
        return None

    def _fragment(self, incoming: Incoming, effects: list[Effect], now: float, wall_ms: int) -> Reason | None:
        header, link = incoming.header, incoming.link
        fragment = decode_fragment(payload_of(incoming.frame, header))
        begins = header.ttl > 0 and not self.assembler.knows(header.sender_id, fragment.fragment_id)
        if link is not None and begins and not link.assemblies.take(now):
            self._speaker.seen.mark_unproven(incoming.packet_id, tried=False)  # a copy over another link may have better luck
            return Reason.BUDGET
        whole = self.assembler.add(header.sender_id, fragment, now)
        if header.is_broadcast:
            self._speaker.keep(incoming.frame, header, incoming.packet_id, effects, now, wall_ms)
        if whole is None:
            return None
        try:
            inner = peek(whole)
            if link is not None and not link.inflation.take(now, original_size(whole, inner)):
                return Reason.RATE
            inner_id = packet_id(whole, inner)
        except DecodeError:
            return Reason.MALFORMED_INNER
        nested = inner.type == MessageType.FRAGMENT or (inner.type == MessageType.REQUEST_SYNC and header.ttl != 0)
        if nested or inner.sender_id != header.sender_id:
            return Reason.MALFORMED_INNER
        reason = refuse_time(inner, wall_ms, solicited=is_solicited(header, link, now), skew_ms=self._skew_ms)
        if reason is not None:
            return reason
        if self._speaker.seen.knows(inner_id, now):
            return Reason.DUPLICATE
        self._speaker.seen.add(inner_id, now)
        incoming.completes, incoming.completes_id = whole, inner_id
        refused = self.take(Incoming(whole, inner, inner_id, link, whole=False), effects, now, wall_ms)
        if refused is not None and link is not None:
            tell_refused(inner, inner_id, link.id, refused, effects)
        return None

    def _request_sync(self, incoming: Incoming, effects: list[Effect], now: float) -> Reason | None:
        header, link = incoming.header, incoming.link
        if header.ttl != 0:
            return Reason.TTL
        if link is None or (link.peer_id is not None and link.peer_id != header.sender_id):
            return Reason.MISDIRECTED
        if header.recipient_id not in (None, self._own_id) and not header.is_broadcast:
            return Reason.MISDIRECTED
        request = decode_request_sync(payload_of(incoming.frame, header))
        if not self._sync.may_answer(link.peer_id or link.id.encode(), now):
            return Reason.RATE
        frames = self._sync.answer(request, now)
        # Mostly there is nothing to give, and then nothing to verify.
        reason = self._check_signature(incoming, now) if frames else None
        if reason is None:
            self._speaker.answer_sync(link, frames, effects, now)
        return reason

    def _speaks(self, header: Header) -> None:
        """Note which version a sender was proved to use; only those that use 2 can be a hop of a route."""
        peer = self._peers.get(header.sender_id)
        if peer is not None and header.version == 2:
            peer.speaks_v2 = True


def may_relay(message_type: int, reason: Reason | None) -> bool:
    """Say whether a packet that was refused here is passed on to nodes that may know better."""
    if reason is None:
        return True
    if message_type in _STOPS_UNVERIFIED:
        return False
    if message_type == _ANNOUNCE and reason is Reason.RATE:
        return False  # made-up people would have the air of everybody; a copy over another link is looked at again
    return reason in _PASSED_ON
