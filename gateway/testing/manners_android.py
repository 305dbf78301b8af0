"""How the Android app hears and speaks.

One write or notification is one packet, and nothing is ever put together. It has no clock rule
and no flag for answers, verifies what it received, takes at most 256 fragments, and neither
shows nor passes on what somebody says whose announce it has not verified. What it does not know
it only passes on. It passes on at once, and by chance in a crowd. Sources: behaviour of BitChat
Android BluetoothGatt*Manager, SecurityManager, PacketProcessor, PacketRelayManager, FragmentManager.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random

from gateway.errors import DecodeError
from gateway.limits import MAX_TTL
from gateway.mesh.dedup import Seen
from gateway.mesh.dialect import Dialect
from gateway.mesh.effects import Priority, SendFrame
from gateway.mesh.engine import Mesh
from gateway.mesh.outbound import PRIORITIES
from gateway.mesh.settings import MeshSettings
from gateway.testing.manners import NEVER, Manners, PhoneLink, Role, Why, always_central
from gateway.wire.announce import decode_announce, peer_id_of
from gateway.wire.fragment import decode_fragment
from gateway.wire.packet import FLAGS_OFFSET, IS_RSR, Header, decode, packet_id, payload_of, peek
from gateway.wire.padding import pad
from gateway.wire.signing import sign, verify
from gateway.wire.sync import DEFAULT_TYPES, RequestSync, decode_request_sync, encode_request_sync
from gateway.wire.types import BROADCAST, Capability, MessageType
from transports.link import LinkId

ASKED_S = 0.2  # after writing the CCCD it announces itself
SUBSCRIBED_S = 0.1  # after somebody has subscribed
ANNOUNCE_S = 30.0
LEAVE_SKEW_S = 300.0  # the one timestamp it looks at
MAX_FRAGMENTS = 256
MAX_ASSEMBLIES = 64  # further ones are refused
ASSEMBLY_BYTES, ASSEMBLY_BYTES_TOTAL = 1 << 20, 4 << 20
ASSEMBLY_S = 30.0
SMALL_NETWORK = 3  # peers; up to here it passes everything on
HIGH_TTL = 4  # from here on, too
CHANCES = ((10, 1.0), (30, 0.85), (50, 0.7), (100, 0.55))  # peers, and how often it passes on
CROWD_CHANCE = 0.4
REKEY_S, REKEY_MESSAGES = 3_600.0, 1_000

DIALECT = Dialect(everybody=BROADCAST, announce_order="android", marks_answers=False, max_skew=float("inf"), relays=False)
ANDROID = MeshSettings(relay_to_all=True, capabilities=Capability.PRIVATE_MEDIA, sync_period=30.0, jitter=False, dialect=DIALECT)

_KNOWN = frozenset(
    {
        MessageType.ANNOUNCE,
        MessageType.MESSAGE,
        MessageType.LEAVE,
        MessageType.NOISE_HANDSHAKE,
        MessageType.NOISE_ENCRYPTED,
        MessageType.FRAGMENT,
        MessageType.REQUEST_SYNC,
        MessageType.FILE,
        MessageType.VOICE,
    }
)
_SIGNED = frozenset({MessageType.MESSAGE, MessageType.FILE, MessageType.VOICE, MessageType.LEAVE})


@dataclass(slots=True)
class _Assembly:
    """Pieces by index, known by their fragment ID alone."""

    since: float
    pieces: dict[int, bytes] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(map(len, self.pieces.values()))


class AndroidPhone(Manners):
    """The Android app around an engine with `ANDROID` settings; it does its own relaying.

    Args:
        mesh: the engine.
        rng: decides what is left to chance.
        role_of: the phone's side of a link.

    """

    rekey_after = REKEY_S
    rekey_messages = REKEY_MESSAGES

    def __init__(self, mesh: Mesh, rng: Random, role_of: Callable[[LinkId], Role] = always_central) -> None:
        super().__init__(mesh, rng, role_of)
        self._assemblies: dict[bytes, _Assembly] = {}
        self._passed = Seen(capacity=10_000, lifetime=300.0)
        self._announced_at = NEVER

    def unpack(self, _link: PhoneLink, data: bytes, _now: float) -> tuple[bytes, ...]:
        """Take what came in for one packet, whatever it is."""
        return (data,)

    def greetings(self, link: PhoneLink, _now: float) -> tuple[float, ...]:
        """Announce once, sooner when it was dialled."""
        return (ASKED_S if link.role is Role.CENTRAL else SUBSCRIBED_S,)

    def is_for_engine(self, header: Header) -> bool:
        """Leave out what came with later versions of iOS: it is passed on and not understood."""
        return header.type in _KNOWN

    def judge(self, link: PhoneLink, frame: bytes, now: float) -> Why | None:
        """Go through the app's checks in its order (SecurityManager, then by type)."""
        try:
            header = peek(frame)
            rest = frame[header.end :]
            if rest and frame != pad(frame[: header.end]):
                return Why.MORE_THAN_ONE
            return self._judge(link, frame, header, now)
        except DecodeError:
            return Why.NOT_A_PACKET

    def speak(self, send: SendFrame, now: float) -> Iterator[SendFrame]:
        """Announce half a minute apart, ask for announces and messages only."""
        header = peek(send.frame)
        if header.sender_id != self.own_id:
            yield send
        elif header.type == MessageType.ANNOUNCE:
            if now - self._announced_at >= ANNOUNCE_S:
                self._announced_at = now
                yield send
        elif header.type == MessageType.REQUEST_SYNC:
            request = decode_request_sync(payload_of(send.frame, header))
            if (request.types or DEFAULT_TYPES) & DEFAULT_TYPES:
                plain = encode_request_sync(RequestSync(request.filter))
                packet = replace(decode(send.frame), payload=plain, wire_payload=None, signature=None)
                yield SendFrame(send.links, sign(packet, self.mesh.identity.signing_key), send.priority)
        else:
            yield send

    def taken(self, link: PhoneLink, frame: bytes, header: Header, now: float) -> None:
        """Pass a packet on that is not for this phone, decoded and encoded anew: the RSR flag does not survive that."""
        if header.recipient_id == self.own_id or header.ttl == 0 or header.sender_id == self.own_id:
            return
        if header.type == MessageType.REQUEST_SYNC or not self._first(frame, header, now) or not self._dares(header.ttl - 1):
            return
        flags = bytes((frame[FLAGS_OFFSET] & ~IS_RSR & 0xFF,))
        onward = frame[:2] + bytes((header.ttl - 1,)) + frame[3:FLAGS_OFFSET] + flags + frame[FLAGS_OFFSET + 1 :]
        recipient = None if header.is_broadcast else header.recipient_id
        direct = self.link_to(recipient) if recipient is not None else None
        others = [direct] if direct is not None else self.links.values()
        links = tuple(other.id for other in others if other.id != link.id and len(onward) <= other.mtu)
        if links:
            self.put(SendFrame(links, onward, PRIORITIES.get(header.type, Priority.PUBLIC)))

    def greet(self, now: float) -> None:
        """Announce itself, however short ago the last time was."""
        self._announced_at = NEVER
        super().greet(now)

    def _judge(self, link: PhoneLink, frame: bytes, header: Header, now: float, *, whole: bool = True) -> Why | None:
        if header.sender_id == self.own_id or header.type not in _KNOWN:
            return None
        payload = payload_of(frame, header)
        if header.type == MessageType.FRAGMENT:
            return self._judge_fragment(link, payload, now) if whole else Why.NESTED
        if self.is_repeated(frame, header, now):
            return None
        if header.type == MessageType.ANNOUNCE:
            return self._judge_announce(link, frame, header, now, whole=whole)
        if header.type == MessageType.LEAVE and abs(self.wall_ms(now) - header.timestamp_ms) > LEAVE_SKEW_S * 1000:
            return Why.STALE
        if header.type not in _SIGNED:
            return None
        if self.mesh.peers.get(header.sender_id) is None:
            return Why.UNKNOWN_SENDER
        key = self.mesh.peers.signing_key(header.sender_id)
        return None if key is not None and verify(frame, key, header) else Why.SIGNATURE

    def _judge_announce(self, link: PhoneLink, frame: bytes, header: Header, now: float, *, whole: bool) -> Why | None:
        announce = decode_announce(payload_of(frame, header))
        pinned = self.mesh.peers.signing_key(header.sender_id)
        if peer_id_of(announce.noise_public_key) != header.sender_id or pinned not in (None, announce.signing_public_key):
            return Why.IDENTITY
        if not verify(frame, announce.signing_public_key, header):
            return Why.SIGNATURE
        if whole:
            self.announced(link, announce, header, now)
        return None

    def _judge_fragment(self, link: PhoneLink, payload: bytes, now: float) -> Why | None:
        fragment = decode_fragment(payload)
        if fragment.total > MAX_FRAGMENTS:
            return Why.FRAGMENTS
        for fragment_id in [known for known, one in self._assemblies.items() if now >= one.since + ASSEMBLY_S]:
            del self._assemblies[fragment_id]
        if fragment.fragment_id not in self._assemblies and len(self._assemblies) >= MAX_ASSEMBLIES:
            return Why.NO_ROOM
        assembly = self._assemblies.setdefault(fragment.fragment_id, _Assembly(now))
        assembly.pieces[fragment.index] = fragment.data
        if assembly.size > ASSEMBLY_BYTES or sum(one.size for one in self._assemblies.values()) > ASSEMBLY_BYTES_TOTAL:
            del self._assemblies[fragment.fragment_id]
            return Why.NO_ROOM
        if len(assembly.pieces) < fragment.total:
            return None
        del self._assemblies[fragment.fragment_id]
        inner = b"".join(assembly.pieces[index] for index in range(fragment.total))
        return self._judge(link, inner, peek(inner), now, whole=False)

    def _first(self, frame: bytes, header: Header, now: float) -> bool:
        """Say whether a packet comes for the first time; a direct announce always counts as new."""
        identifier = packet_id(frame, header)
        known = self._passed.knows(identifier, now)
        self._passed.add(identifier, now)
        return not known or (header.type == MessageType.ANNOUNCE and header.ttl == MAX_TTL)

    def _dares(self, ttl: int) -> bool:
        """Draw whether to pass on what would leave with this TTL."""
        peers = len(self.mesh.peers)
        if ttl >= HIGH_TTL or peers <= SMALL_NETWORK:
            return True
        return self.rng.random() < next((chance for size, chance in CHANCES if peers <= size), CROWD_CHANCE)
