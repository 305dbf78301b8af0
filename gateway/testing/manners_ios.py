"""How the iOS app hears and speaks.

Notifications are a stream of bytes to it, writes are packets. It lives within two minutes of
now, but for marked answers to what it asked its link's peer within half a minute. It verifies
signatures over a payload it has compressed anew, so a sender that did not compress where it
should is refused. It greets twice as a central, once and reluctantly as a peripheral. Sources:
BitChat iOS BLEService.swift, BLESubscriptionAnnounceLimiter.swift, NotificationStreamAssembler.swift.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_HISTORY_FRAGMENTS, MAX_TTL
from gateway.mesh.effects import Priority, SendFrame
from gateway.mesh.engine import Mesh
from gateway.mesh.events import Handshake
from gateway.mesh.settings import MeshSettings
from gateway.testing.manners import Manners, PhoneLink, Role, Why, always_central
from gateway.testing.manners_limiter import GreetingLimiter
from gateway.wire import gcs
from gateway.wire.announce import Announce, decode_announce, peer_id_of
from gateway.wire.board import decode_board, verify_board
from gateway.wire.fragment import Assembler, decode_fragment
from gateway.wire.packet import Header, Packet, decode, encode, original_size, packet_id, payload_of, peek
from gateway.wire.padding import pad
from gateway.wire.signing import sign, signing_bytes
from gateway.wire.stream import StreamAssembler
from gateway.wire.sync import RequestSync, encode_request_sync, type_bit
from gateway.wire.types import PADDED_TYPES, Capability, MessageType
from transports.link import LinkId

# What the app itself goes by, whatever our own limits are.
SKEW_S = 120.0  # seconds a timestamp may be off
ANSWER_S = 30.0  # seconds after a question in which answers count, whatever their age
ANNOUNCE_AGE_S, HISTORY_AGE_S, PARCEL_AGE_S, VOICE_S = (
    900.0,
    6 * 3_600.0,
    900.0,
    30.0,
)  # seconds: announces, texts, files and fragments, voice
FRAGMENTS = 10_000
ASSEMBLY_S = 30.0
SESSION_S = 24 * 3_600.0

ASKED_S = 0.05  # after asking for notifications it announces itself
CONFIRMED_S = 0.2  # and again when that is confirmed, some connection intervals later
SUBSCRIBED_S = 0.4  # after somebody has subscribed
STALLED_S = 5.0  # without progress it asks for the missing fragments
ASK_AGAIN_S = 10.0
FILTER_BYTES = 256  # of such a request: it must fit a link without fragments
CAPABILITIES = (
    Capability.PREKEYS | Capability.GROUPS | Capability.VOUCH | Capability.PRIVATE_MEDIA | Capability.PRIVATE_MEDIA_RECEIPTS
)  # what it states while it bridges nothing
IPHONE = MeshSettings(relay_to_all=False, capabilities=CAPABILITIES)

_SIGNED = frozenset(
    {
        MessageType.MESSAGE,
        MessageType.LEAVE,
        MessageType.FILE,
        MessageType.VOICE,
        MessageType.BOARD,
        MessageType.PREKEYS,
        MessageType.GROUP,
        MessageType.REQUEST_SYNC,
    }
)
_OLDEST_S: dict[int, float] = {
    MessageType.ANNOUNCE: ANNOUNCE_AGE_S,
    MessageType.MESSAGE: HISTORY_AGE_S,
    MessageType.GROUP: HISTORY_AGE_S,
    MessageType.FRAGMENT: PARCEL_AGE_S,
    MessageType.FILE: PARCEL_AGE_S,
    MessageType.VOICE: VOICE_S,
}
_WANTED_FRAGMENTS = 1 << (type_bit(MessageType.FRAGMENT) or 0)


def verify_recompressed(frame: bytes, public_key: bytes, header: Header) -> bool:
    """Verify as iOS does: over the packet decoded, compressed anew and padded, not over what was received."""
    try:
        packet = decode(frame)
        signed = signing_bytes(encode(replace(packet, ttl=0, signature=None, is_rsr=False, wire_payload=None)))
        Ed25519PublicKey.from_public_bytes(public_key).verify(packet.signature or b"", signed)
    except (DecodeError, InvalidSignature, ValueError):
        return False
    return header.has_signature


def _is_raw(frame: bytes, header: Header) -> bool:
    """Say whether a payload is compressed the only way iOS reads, without a wrapper around the stream."""
    start = header.payload_start + 2 * header.version
    size = original_size(frame, header)
    try:
        return len(zlib.decompressobj(-15).decompress(frame[start : header.payload_end], size)) == size
    except zlib.error:
        return False


@dataclass(slots=True)
class _Stalled:
    """A broadcast in fragments that is not complete."""

    since: float
    at: float  # when the last piece came, or was asked for
    wait: float = STALLED_S


class Iphone(Manners):
    """The iOS app around an engine with `IPHONE` settings and `verify_recompressed`.

    Args:
        mesh: the engine.
        rng: decides what is left to chance.
        role_of: the phone's side of a link.
        central_of: what tells one central from another; a rotating address makes a new one.

    """

    handed_on = frozenset({Why.UNKNOWN_SENDER, Why.SIGNATURE})
    rekey_after = SESSION_S * 0.999  # the engine's own sessions end at this age; the app renews them before

    def __init__(
        self,
        mesh: Mesh,
        rng: Random,
        role_of: Callable[[LinkId], Role] = always_central,
        central_of: Callable[[LinkId], str] = str,
    ) -> None:
        super().__init__(mesh, rng, role_of)
        self._central_of = central_of
        self._streams: dict[LinkId, StreamAssembler] = {}
        self._writes: dict[LinkId, bytearray] = {}
        self._limiter = GreetingLimiter()
        self._assembler = Assembler()
        self._stalled: dict[bytes, _Stalled] = {}
        self._fragments: list[bytes] = []  # packet IDs of the broadcast fragments it has

    def unpack(self, link: PhoneLink, data: bytes, now: float) -> Iterator[bytes]:
        """Return the packets a notification completes, or the one a write makes with what was written before."""
        frames = self._notified(link, data, now) if link.role is Role.CENTRAL else self._written(link, data, now)
        for frame in frames:
            yield pad(frame) if frame[1] in PADDED_TYPES else frame  # as it would send it on

    def greetings(self, link: PhoneLink, now: float) -> tuple[float, ...]:
        """Announce twice as a central; as a peripheral once, unless that central has asked for too many."""
        self._streams.pop(link.id, None)
        self._writes.pop(link.id, None)
        if link.role is Role.CENTRAL:
            return ASKED_S, CONFIRMED_S
        return (SUBSCRIBED_S,) if self._limiter.allows(self._central_of(link.id), now) else ()

    def judge(self, link: PhoneLink, frame: bytes, now: float) -> Why | None:
        """Go through the app's checks in its order (BLEReceivePipeline)."""
        try:
            return self._judge(link, frame, now)
        except DecodeError:
            return Why.NOT_A_PACKET

    def speak(self, send: SendFrame, now: float) -> Iterator[SendFrame]:
        """Ask each neighbour by name for what was missed, everybody only while nobody is known."""
        if send.frame[1] != MessageType.REQUEST_SYNC or peek(send.frame).sender_id != self.own_id:
            yield send
            return
        known = [link for id_ in send.links if (link := self.links.get(id_)) is not None and link.peer_id is not None]
        for link in known:
            link.asked_at = now
            named = replace(decode(send.frame), recipient_id=link.peer_id, signature=None)
            yield from self.cut(link, sign(named, self.mesh.identity.signing_key), send.priority)
        if not known:
            yield send

    def taken(self, link: PhoneLink, frame: bytes, header: Header, now: float) -> None:
        """Nothing more: the engine passes packets on by the app's own table."""

    def announced(self, link: PhoneLink, announce: Announce, header: Header, now: float) -> None:
        """Start a Noise session at once with a neighbour that serves private media."""
        super().announced(link, announce, header, now)
        serves = (announce.capabilities or 0) & Capability.PRIVATE_MEDIA
        if serves and header.ttl == MAX_TTL and not self.has_session(header.sender_id):
            self.want(Handshake(header.sender_id))

    def _judge(self, link: PhoneLink, frame: bytes, now: float, *, whole: bool = True) -> Why | None:
        header = peek(frame)
        if header.sender_id == self.own_id:
            return None  # the engine drops it
        if header.is_compressed and not _is_raw(frame, header):
            return Why.NOT_RAW_DEFLATE
        age = (self.wall_ms(now) - header.timestamp_ms) / 1000
        why = self._judge_time(link, header, age, now) or self._judge_request(link, header)
        if why is not None:
            return why
        if header.type == MessageType.FRAGMENT:
            return self._judge_fragment(link, frame, header, now) if whole else Why.NESTED
        if self.is_repeated(frame, header, now):
            return None
        if header.type == MessageType.ANNOUNCE:
            return self._judge_announce(link, frame, header, now, whole=whole)
        if header.type == MessageType.NOSTR_CARRIER and header.is_broadcast:
            return None if header.recipient_id is None else Why.RECIPIENT
        if header.type not in _SIGNED:
            return None
        key = self.mesh.peers.signing_key(header.sender_id)
        if key is None:
            return Why.UNKNOWN_SENDER
        if not verify_recompressed(frame, key, header):
            return Why.SIGNATURE
        if header.type == MessageType.BOARD and not verify_board(decode_board(payload_of(frame, header))):
            return Why.SIGNATURE
        return None

    def _judge_time(self, link: PhoneLink, header: Header, age: float, now: float) -> Why | None:
        if header.is_rsr:
            if link.peer_id is None or now - link.asked_at > ANSWER_S:
                return Why.UNASKED
        elif abs(age) > SKEW_S:
            return Why.SKEW
        return Why.STALE if age > _OLDEST_S.get(header.type, age) else None

    def _judge_request(self, link: PhoneLink, header: Header) -> Why | None:
        if header.type != MessageType.REQUEST_SYNC:
            return None
        if header.ttl != 0:
            return Why.REQUEST_TTL
        return Why.REQUEST_SENDER if link.peer_id not in (None, header.sender_id) else None

    def _judge_announce(self, link: PhoneLink, frame: bytes, header: Header, now: float, *, whole: bool) -> Why | None:
        announce = decode_announce(payload_of(frame, header))
        pinned = self.mesh.peers.signing_key(header.sender_id)
        if peer_id_of(announce.noise_public_key) != header.sender_id or pinned not in (None, announce.signing_public_key):
            return Why.IDENTITY
        if not verify_recompressed(frame, announce.signing_public_key, header):
            return Why.SIGNATURE
        if whole:
            self.announced(link, announce, header, now)
        return None

    def _judge_fragment(self, link: PhoneLink, frame: bytes, header: Header, now: float) -> Why | None:
        try:
            fragment = decode_fragment(payload_of(frame, header))
            if fragment.total > FRAGMENTS:
                return Why.FRAGMENTS
            inner = self._assembler.add(header.sender_id, fragment, now)
        except DecodeError as error:
            return Why.NO_ROOM if error.reason is Reason.ASSEMBLY else Why.FRAGMENTS
        if header.is_broadcast:
            self._watch(fragment.fragment_id, packet_id(frame, header), complete=inner is not None, now=now)
        if inner is None:
            return None
        if peek(inner).type == MessageType.REQUEST_SYNC:
            return Why.NESTED
        return self._judge(link, inner, now, whole=False)

    def _notified(self, link: PhoneLink, data: bytes, now: float) -> list[bytes]:
        stream = self._streams.setdefault(link.id, StreamAssembler())
        lost = stream.dropped
        frames = stream.feed(data, now)
        if stream.dropped > lost:
            self.refuse(link, data, Why.NOT_A_PACKET, now)
        return frames

    def _written(self, link: PhoneLink, data: bytes, now: float) -> list[bytes]:
        """Put a write at the front of what could not be read before, as the app does with every write at offset 0."""
        buffer = self._writes.setdefault(link.id, bytearray())
        buffer[: len(data)] = data
        try:
            header = peek(bytes(buffer))
        except DecodeError:
            self.refuse(link, data, Why.NOT_A_PACKET, now)
            return []
        frame = bytes(buffer[: header.end])
        buffer.clear()
        return [frame]

    def _watch(self, fragment_id: bytes, identifier: bytes, *, complete: bool, now: float) -> None:
        """Keep track of broadcasts in fragments, so that the rest can be asked for."""
        self._fragments = [*self._fragments[1 - MAX_HISTORY_FRAGMENTS :], identifier]
        if complete:
            self._stalled.pop(fragment_id, None)
            return
        stalled = self._stalled.setdefault(fragment_id, _Stalled(now, now))
        stalled.at = now
        self.later(now + stalled.wait, lambda later: self._ask_for(fragment_id, later))

    def _ask_for(self, fragment_id: bytes, now: float) -> None:
        """Ask every neighbour for the fragments of what has come to a standstill."""
        stalled = self._stalled.get(fragment_id)
        if stalled is None or now - stalled.at < stalled.wait:
            return
        if now - stalled.since >= ASSEMBLY_S:
            del self._stalled[fragment_id]
            return
        stalled.at, stalled.wait = now, ASK_AGAIN_S
        self.later(now + ASK_AGAIN_S, lambda later: self._ask_for(fragment_id, later))
        have, _ = gcs.build(self._fragments[::-1], FILTER_BYTES)
        request = encode_request_sync(RequestSync(have, _WANTED_FRAGMENTS, fragment_ids=(fragment_id,)))
        for link in self.links.values():
            if link.peer_id is not None:
                link.asked_at = now
                packet = Packet(MessageType.REQUEST_SYNC, 0, self.wall_ms(now), self.own_id, request, recipient_id=link.peer_id)
                for piece in self.cut(link, sign(packet, self.mesh.identity.signing_key), Priority.SYNC):
                    self.put(piece)
