"""Manners: how a phone app receives, judges and sends, around the project's own engine.

A virtual phone is our engine (docs/adr/0007), so it forgives what our engine forgives. Manners
are the strict ears and mouth of one of the two apps, put before it: what a real phone would
refuse they refuse, with a reason one can assert on; what a real phone would write differently
they write differently. `gateway.testing.manners_ios` and `gateway.testing.manners_android` know
the rules; what both have in common is here. Sources: BitChat iOS and Android as of 2026-08,
digested in docs/protocol/bitchat.md, sections 2, 8, 9 and 14.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum
from random import Random

from gateway.limits import MAX_TTL, REBIND_INTERVAL_S
from gateway.mesh.dedup import Seen
from gateway.mesh.effects import Effect, Priority, SendFrame
from gateway.mesh.engine import Mesh
from gateway.mesh.events import ClockSet, Handshake, MeshEvent, Rename
from gateway.mesh.timers import Timers
from gateway.wire.announce import Announce
from gateway.wire.fragment import split
from gateway.wire.packet import Header, packet_id, peek
from gateway.wire.types import MessageType
from transports.link import FrameReceived, LinkDown, LinkId, LinkUp

MAX_REFUSED = 1_000  # refusals a phone remembers, newest
MAX_ATTRIBUTE = 512  # bytes of a write or notification
NEVER = float("-inf")


class Role(Enum):
    """The phone's own side of a link."""

    CENTRAL = "central"  # it dialled: it writes and is notified
    PERIPHERAL = "peripheral"  # it was dialled: it notifies and is written to


class Why(StrEnum):
    """Why a phone refuses something."""

    NOT_A_PACKET = "not a packet"
    TOO_LONG = "more bytes than an attribute holds"
    MORE_THAN_ONE = "bytes after the packet that are no padding"
    NOT_RAW_DEFLATE = "compressed with a wrapper"
    SKEW = "timestamp too far from now"
    UNASKED = "an answer nobody asked for"
    STALE = "too old for its type"
    REQUEST_TTL = "a sync request with hops left"
    REQUEST_SENDER = "a sync request of somebody else than is at the end of the link"
    IDENTITY = "sender ID, keys and pins do not belong together"
    UNKNOWN_SENDER = "no verified announce of its sender"
    SIGNATURE = "signature missing or wrong"
    RECIPIENT = "a recipient where there must be none"
    FRAGMENTS = "too many fragments"
    NO_ROOM = "no room for another assembly"
    NESTED = "a fragment, or a sync request, in fragments"


@dataclass(frozen=True, slots=True)
class Refused:
    """Something a phone would not take."""

    at: float
    link: LinkId
    why: Why
    kind: int  # message type, or -1 where there is none
    frame: bytes


@dataclass(slots=True)
class PhoneLink:
    """What a phone knows of one link."""

    id: LinkId
    role: Role
    mtu: int
    peer_id: bytes | None = None
    bound_at: float = NEVER
    asked_at: float = NEVER  # when it last sent a sync request over it


@dataclass(slots=True)
class _Session:
    since: float
    sent: int = 0


def always_central(_link: LinkId) -> Role:
    """Take every link for one the phone dialled."""
    return Role.CENTRAL


class Manners(ABC):
    """A phone app's ways around a mesh engine; takes the engine's place in a `World`, an `Island` or a `Pump`.

    Args:
        mesh: the engine, with the settings of that app.
        rng: decides what is left to chance.
        role_of: the phone's side of a link.

    Attributes:
        refused: what it would not take, oldest first.

    """

    handed_on: frozenset[Why] = frozenset()
    """Refusals that concern this phone alone: the engine gets the packet all the same, and passes it on."""
    rekey_after = float("inf")  # seconds, then it starts a new Noise session in place of the old
    rekey_messages = float("inf")  # the same for messages sent

    def __init__(self, mesh: Mesh, rng: Random, role_of: Callable[[LinkId], Role] = always_central) -> None:
        self.mesh = mesh
        self.rng = rng
        self.refused: deque[Refused] = deque(maxlen=MAX_REFUSED)
        self.links: dict[LinkId, PhoneLink] = {}
        self.offset: float | None = None
        self.nickname = mesh.settings.nickname
        self.judged = Seen(capacity=10_000, lifetime=300.0)
        self._role_of = role_of
        self._later: Timers[Callable[[float], None]] = Timers()
        self._wanted: deque[MeshEvent] = deque()
        self._put: list[SendFrame] = []
        self._sessions: dict[bytes, _Session] = {}

    @property
    def own_id(self) -> bytes:
        """The phone's peer ID."""
        return self.mesh.identity.peer_id

    def wall_ms(self, now: float) -> int:
        """Return the phone's time of day; a phone always believes it has one."""
        return int((now + (self.offset or 0.0)) * 1000)

    def handle(self, event: MeshEvent, now: float) -> list[Effect]:
        """Take one event, as the engine would; a frame is one whole write or notification."""
        effects: list[Effect] = []
        match event:
            case FrameReceived(link=link_id, frame=data):
                link = self.links.get(link_id)
                if link is not None and len(data) > MAX_ATTRIBUTE:
                    self.refuse(link, data, Why.TOO_LONG, now)
                elif link is not None:
                    for frame in self.unpack(link, data, now):
                        self._hear(link, frame, effects, now)
            case LinkUp(link=link_id, mtu=mtu):
                link = self.links[link_id] = PhoneLink(link_id, self._role_of(link_id), mtu)
                quiet = [effect for effect in self.mesh.handle(event, now) if not self._is_own_announce(effect)]
                effects += self._spoken(quiet, now)
                for delay in self.greetings(link, now):
                    self.later(now + delay, self.greet)
            case _:
                if isinstance(event, LinkDown):
                    self.links.pop(event.link, None)
                elif isinstance(event, ClockSet):
                    self.offset = event.offset
                elif isinstance(event, Rename):
                    self.nickname = event.nickname
                effects += self._spoken(self.mesh.handle(event, now), now)
        for due in self._later.due(now):
            due(now)
        while self._wanted:
            effects += self._spoken(self.mesh.handle(self._wanted.popleft(), now), now)
        effects += self._put
        self._put = []
        return effects

    def next_wakeup(self) -> float | None:
        """Return when to send a `Tick`."""
        at = self.mesh.next_wakeup()
        later = self._later.first
        if at is None or later < at:
            return later if later < float("inf") else None
        return at

    @abstractmethod
    def unpack(self, link: PhoneLink, data: bytes, now: float) -> Iterable[bytes]:
        """Return the packets that what came in makes."""

    @abstractmethod
    def judge(self, link: PhoneLink, frame: bytes, now: float) -> Why | None:
        """Say why the app would not take a packet, None if it would."""

    @abstractmethod
    def greetings(self, link: PhoneLink, now: float) -> Iterable[float]:
        """Return in how many seconds each the phone announces itself because of a new link."""

    @abstractmethod
    def speak(self, send: SendFrame, now: float) -> Iterable[SendFrame]:
        """Return how the app would send what the engine wants sent."""

    @abstractmethod
    def taken(self, link: PhoneLink, frame: bytes, header: Header, now: float) -> None:
        """Do what the app does with a packet beside its engine."""

    def is_for_engine(self, _header: Header) -> bool:
        """Say whether the app knows what a packet means."""
        return True

    def announced(self, link: PhoneLink, _announce: Announce, header: Header, now: float) -> None:
        """Note a verified announce."""
        if header.ttl != MAX_TTL or link.peer_id == header.sender_id:
            return
        if link.peer_id is None or now - link.bound_at >= REBIND_INTERVAL_S:
            link.peer_id, link.bound_at = header.sender_id, now

    def greet(self, _now: float) -> None:
        """Announce itself over every link before this call is over."""
        self.want(Rename(self.nickname))

    def want(self, event: MeshEvent) -> None:
        """Have the engine do something before this call is over."""
        self._wanted.append(event)

    def later(self, at: float, what: Callable[[float], None]) -> None:
        """Do something at a time."""
        self._later.set(at, what)

    def cut(self, link: PhoneLink, frame: bytes, priority: Priority) -> list[SendFrame]:
        """Return what puts a packet on one link, in fragments where it does not fit."""
        fits = len(frame) <= link.mtu
        frames = [frame] if fits else split(frame, fragment_id=self.rng.randbytes(8), limit=link.mtu)
        return [SendFrame((link.id,), piece, priority) for piece in frames]

    def put(self, send: SendFrame) -> None:
        """Send something before this call is over, beside what the engine sends."""
        self._put.append(send)

    def refuse(self, link: PhoneLink, frame: bytes, why: Why, now: float) -> None:
        """Write a refusal down."""
        self.refused.append(Refused(now, link.id, why, frame[1] if len(frame) > 1 else -1, frame))

    def link_to(self, peer_id: bytes) -> PhoneLink | None:
        """Return a link to a peer, if it is a neighbour."""
        return next((link for link in self.links.values() if link.peer_id == peer_id), None)

    def is_repeated(self, frame: bytes, header: Header, now: float) -> bool:
        """Say whether a packet was judged before; from now on it was."""
        identifier = packet_id(frame, header)
        repeated = self.judged.knows(identifier, now)
        self.judged.add(identifier, now)
        return repeated

    def has_session(self, peer_id: bytes) -> bool:
        """Say whether the phone has sent something under a Noise session with a peer."""
        return peer_id in self._sessions

    def _hear(self, link: PhoneLink, frame: bytes, effects: list[Effect], now: float) -> None:
        why = self.judge(link, frame, now)
        if why is not None:
            self.refuse(link, frame, why, now)
            if why not in self.handed_on:
                return
        header = peek(frame)
        if self.is_for_engine(header):
            effects += self._spoken(self.mesh.handle(FrameReceived(link.id, frame), now), now)
        self.taken(link, frame, header, now)

    def _is_own_announce(self, effect: Effect) -> bool:
        return isinstance(effect, SendFrame) and effect.frame[1] == MessageType.ANNOUNCE and peek(effect.frame).sender_id == self.own_id

    def _spoken(self, effects: Iterable[Effect], now: float) -> list[Effect]:
        spoken: list[Effect] = []
        for effect in effects:
            if isinstance(effect, SendFrame):
                self._count(effect, now)
                spoken += self.speak(effect, now)
            else:
                spoken.append(effect)
        return spoken

    def _count(self, send: SendFrame, now: float) -> None:
        """Count what goes out under a Noise session, and renew the session when the app would."""
        if send.frame[1] != MessageType.NOISE_ENCRYPTED:
            return
        header = peek(send.frame)
        if header.sender_id != self.own_id or header.recipient_id is None:
            return
        peer_id = header.recipient_id
        session = self._sessions.get(peer_id)
        if session is None:
            session = self._sessions[peer_id] = _Session(now)
            if self.rekey_after < float("inf"):
                self.later(now + self.rekey_after, lambda _now: self._renew(peer_id, session))
        session.sent += 1
        if session.sent >= self.rekey_messages:
            self._renew(peer_id, session)

    def _renew(self, peer_id: bytes, session: _Session) -> None:
        if self._sessions.get(peer_id) is session:
            del self._sessions[peer_id]
            self.want(Handshake(peer_id))
