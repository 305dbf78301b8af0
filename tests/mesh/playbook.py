"""Scripts for mesh engines: what happens to them, and what they must do about it.

A `Play` has one engine on stage and a virtual clock; everybody else is a `Node` that the
script speaks for, with real keys and real signatures. A `Cast` has many engines and wires
between them. Both refuse, in every test, effects that no engine may ever ask for: a frame
on a link that is down, or one its link does not take.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from random import Random
from typing import NamedTuple

from gateway.limits import MAX_TTL
from gateway.mesh.effects import CloseLink, Effect, Priority, SendFrame
from gateway.mesh.engine import Mesh
from gateway.mesh.events import ClockSet, MeshEvent, Tick
from gateway.mesh.identity import Identity
from gateway.mesh.peers import Verify
from gateway.mesh.settings import MeshSettings
from gateway.wire.announce import Announce, encode_announce
from gateway.wire.fragment import split
from gateway.wire.packet import Header, Packet, encode, packet_id, peek
from gateway.wire.signing import sign
from gateway.wire.signing import verify as verify_signature
from gateway.wire.sync import RequestSync, encode_request_sync
from gateway.wire.types import PADDED_TYPES, MessageType
from transports.link import Capability, FrameReceived, LinkDown, LinkId, LinkUp

EPOCH = 1_800_000_000.0  # unix seconds at time 0 of every script
NO_SYNC = MeshSettings(nickname="gateway", sync=False)
QUIET = MeshSettings(nickname="gateway", sync=False, jitter=False)
LOCAL = Capability.LOCAL | Capability.BROADCAST


def wall_ms(now: float) -> int:
    return int((now + EPOCH) * 1000)


class Clock:
    """Seconds, moved by a script."""

    def __init__(self) -> None:
        self.now = 0.0


class Node:
    """Somebody with keys of their own who makes real packets, stamped with the script's time.

    Every frame maker takes `ttl`, `age` (seconds the timestamp lies back) and `to` (the
    recipient's peer ID, nobody for a broadcast) where that makes sense.
    """

    def __init__(self, name: str, clock: Clock | None = None) -> None:
        self.name = name
        self.identity = Identity.generate(Random(f"node/{name}").randbytes)
        self.peer_id = self.identity.peer_id
        self._clock = clock or Clock()

    def packet(
        self,
        kind: int,
        payload: bytes = b"",
        *,
        ttl: int = MAX_TTL,
        to: bytes | None = None,
        age: float = 0.0,
        route: Sequence["Node"] = (),
        version: int = 1,
        signed: bool = True,
        rsr: bool = False,
    ) -> bytes:
        packet = Packet(
            type=kind,
            ttl=ttl,
            timestamp_ms=wall_ms(self._clock.now - age),
            sender_id=self.peer_id,
            payload=payload,
            recipient_id=to,
            route=tuple(hop.peer_id for hop in route) or None,
            version=2 if route else version,
            is_rsr=rsr,
        )
        return sign(packet, self.identity.signing_key) if signed else encode(packet, padded=kind in PADDED_TYPES)

    def announce(
        self,
        *,
        ttl: int = MAX_TTL,
        age: float = 0.0,
        nickname: str | None = None,
        neighbors: Iterable[bytes] = (),
        version: int = 1,
        rsr: bool = False,
        signing: Identity | None = None,
    ) -> bytes:
        """A direct announce; `signing` puts another signing key in, with a signature to match."""
        signer = signing or self.identity
        said = Announce(nickname or self.name, self.identity.noise_public, signer.signing_public, tuple(neighbors))
        stamp = wall_ms(self._clock.now - age)
        packet = Packet(MessageType.ANNOUNCE, ttl, stamp, self.peer_id, encode_announce(said), version=version, is_rsr=rsr)
        return sign(packet, signer.signing_key)

    def say(self, text: str, *, ttl: int = MAX_TTL, age: float = 0.0, rsr: bool = False) -> bytes:
        return self.packet(MessageType.MESSAGE, text.encode(), ttl=ttl, age=age, rsr=rsr)

    def seal(self, text: str, to: bytes, *, ttl: int = MAX_TTL, route: Sequence["Node"] = ()) -> bytes:
        """What a Noise packet looks like to those who cannot open it."""
        return self.packet(MessageType.NOISE_ENCRYPTED, text.encode(), ttl=ttl, to=to, route=route, signed=bool(route))

    def ask(self, request: RequestSync, *, ttl: int = 0, to: bytes | None = None, age: float = 0.0) -> bytes:
        return self.packet(MessageType.REQUEST_SYNC, encode_request_sync(request), ttl=ttl, to=to, age=age)

    def cut(self, frame: bytes, limit: int = 200, *, fragment_id: bytes = b"fragment") -> list[bytes]:
        return split(frame, fragment_id=fragment_id, limit=limit)


def forged(frame: bytes) -> bytes:
    """The same packet with a signature that does not hold."""
    end = peek(frame).end
    return frame[: end - 1] + bytes((frame[end - 1] ^ 1,)) + frame[end:]


def id_of(frame: bytes) -> bytes:
    return packet_id(frame, peek(frame))


class Sent(NamedTuple):
    """One frame on one link."""

    at: float
    link: str
    frame: bytes
    priority: Priority

    @property
    def header(self) -> Header:
        return peek(self.frame)

    @property
    def ttl(self) -> int:
        return self.frame[2]


class Play:
    """One engine, its links, and a record of everything it wanted done.

    Args:
        settings: of the engine; without jitter and sync unless a script is about them.
        links: names of links that are up from the start.
        clock_set: whether the engine knows the time of day.

    """

    def __init__(
        self,
        settings: MeshSettings = QUIET,
        *,
        links: Sequence[str] = (),
        clock_set: bool = True,
        verify: Verify = verify_signature,
        pins: dict[bytes, bytes] | None = None,
        seed: int | str = 1,
    ) -> None:
        self.clock = Clock()
        self.me = Node("gateway", self.clock)
        self.mesh = Mesh(self.me.identity, Random(seed), settings, verify=verify, pins=pins)
        self.record: list[tuple[float, Effect]] = []
        self.mtus: dict[LinkId, int] = {}
        if clock_set:
            self.set_clock()
        self.up(*links)

    @property
    def now(self) -> float:
        return self.clock.now

    def node(self, name: str) -> Node:
        return Node(name, self.clock)

    def set_clock(self, offset: float = EPOCH) -> list[Effect]:
        return self.do(ClockSet(offset))

    def up(self, *links: str, mtu: int = 512) -> list[Effect]:
        effects: list[Effect] = []
        for link in links:
            self.mtus[LinkId(link)] = mtu
            effects += self.do(LinkUp(LinkId(link), mtu, LOCAL))
        return effects

    def down(self, *links: str) -> list[Effect]:
        effects: list[Effect] = []
        for link in links:
            del self.mtus[LinkId(link)]
            effects += self.do(LinkDown(LinkId(link), "gone"))
        return effects

    def neighbor(self, link: str, name: str | None = None) -> Node:
        """Somebody whose direct announce has bound the link, which comes up if it was not."""
        if LinkId(link) not in self.mtus:
            self.up(link)
        node = self.node(name or link)
        self.hear(link, node.announce())
        return node

    def stranger(self, link: str, name: str) -> Node:
        """Somebody hops away whose announce came over the link."""
        node = self.node(name)
        self.hear(link, node.announce(ttl=5))
        return node

    def hear(self, link: str, *frames: bytes) -> list[Effect]:
        """Frames come in over a link; returns what they led to at once."""
        return [effect for frame in frames for effect in self.do(FrameReceived(LinkId(link), frame))]

    def do(self, event: MeshEvent) -> list[Effect]:
        return self._carry_out(self.mesh.handle(event, self.now))

    def inject(self, frame: bytes) -> object:
        """A packet of another island arrives; returns why it was refused, None if it was not."""
        effects: list[Effect] = []
        header = peek(frame)
        reason = self.mesh.inject(frame, header, packet_id(frame, header), effects, self.now)
        self._carry_out(effects)
        return reason

    def wait(self, seconds: float) -> list[Effect]:
        """Let time pass, with a `Tick` whenever the engine wants one; returns what happened."""
        start, until = len(self.record), self.now + seconds
        for _ in range(100_000):
            at = self.mesh.next_wakeup()
            if at is None or at > until:
                break
            self.clock.now = max(self.now, at)
            self.do(Tick())
        else:
            raise AssertionError("the engine wakes up again and again for nothing")
        self.clock.now = until
        return [effect for _, effect in self.record[start:]]

    def forget(self) -> "Play":
        """Start the record afresh."""
        self.record.clear()
        return self

    def sent(self, link: str | None = None, kind: int | None = None) -> list[Sent]:
        """Frames sent since the record began, over one link or of one type only."""
        return [
            sent for sent in self._sent() if (link is None or sent.link == link) and (kind is None or sent.frame[1] == kind)
        ]

    def copies(self, frame: bytes) -> list[Sent]:
        """Where and when a frame went out again: the same bytes but for the TTL."""
        return [sent for sent in self._sent() if sent.frame[:2] + sent.frame[3:] == frame[:2] + frame[3:]]

    def links_of(self, frame: bytes) -> list[str]:
        """The links a frame went out on again, in alphabetical order."""
        return sorted(sent.link for sent in self.copies(frame))

    def seen(self, kind: type) -> list[Effect]:
        """Effects of one class since the record began."""
        return [effect for _, effect in self.record if isinstance(effect, kind)]

    def drops(self) -> dict[str, int]:
        return dict(self.mesh.status(self.now).drops)

    def _sent(self) -> Iterator[Sent]:
        for at, effect in self.record:
            if isinstance(effect, SendFrame):
                for link in effect.links:
                    yield Sent(at, link, effect.frame, effect.priority)

    def _carry_out(self, effects: list[Effect]) -> list[Effect]:
        for effect in effects:
            if isinstance(effect, SendFrame):
                check_send(effect, self.mtus)
            elif isinstance(effect, CloseLink):
                self.mtus.pop(effect.link, None)
            self.record.append((self.now, effect))
        return effects


def check_send(send: SendFrame, mtus: dict[LinkId, int]) -> None:
    """Refuse what no engine may ask for."""
    assert send.links
    assert len(set(send.links)) == len(send.links)
    for link in send.links:
        assert link in mtus, f"{link} is down"
        assert len(send.frame) <= mtus[link], f"{len(send.frame)} bytes on {link}"


class Cast:
    """Many engines with wires between them, which take `delay` seconds.

    `lose` may be set to a function that says whether a frame from one to another is lost.
    """

    def __init__(self, *names: str, settings: MeshSettings | None = None, delay: float = 0.005) -> None:
        self.clock = Clock()
        self.delay = delay
        self.engines: dict[str, Mesh] = {}
        self.effects: dict[str, list[Effect]] = {name: [] for name in names}
        self.carried: list[tuple[float, str, str, bytes]] = []
        self.lose = lambda _source, _target, _frame: False
        self._mtus: dict[str, dict[LinkId, int]] = {name: {} for name in names}
        self._flying: list[tuple[float, int, str, str, bytes]] = []
        self._order = count()
        for name in names:
            own = MeshSettings(nickname=name) if settings is None else settings
            self.engines[name] = Mesh(Node(name).identity, Random(name), own)
            self.do(name, ClockSet(EPOCH))

    def __getitem__(self, name: str) -> Mesh:
        return self.engines[name]

    def id(self, name: str) -> bytes:
        return self.engines[name].identity.peer_id

    def join(self, a: str, b: str, *, mtu: int = 512) -> None:
        for one, other in ((a, b), (b, a)):
            self._mtus[one][LinkId(other)] = mtu
        for one, other in ((a, b), (b, a)):
            self.do(one, LinkUp(LinkId(other), mtu, LOCAL))

    def part(self, a: str, b: str) -> None:
        for one, other in ((a, b), (b, a)):
            del self._mtus[one][LinkId(other)]
            self.do(one, LinkDown(LinkId(other), "gone"))

    def line(self, *names: str, mtu: int = 512) -> None:
        for a, b in zip(names, names[1:], strict=False):
            self.join(a, b, mtu=mtu)

    def do(self, name: str, event: MeshEvent) -> list[Effect]:
        effects = self.engines[name].handle(event, self.clock.now)
        for effect in effects:
            if isinstance(effect, SendFrame):
                check_send(effect, self._mtus[name])
                for link in effect.links:
                    if not self.lose(name, link, effect.frame):
                        heapq.heappush(self._flying, (self.clock.now + self.delay, next(self._order), name, link, effect.frame))
            else:
                self.effects[name].append(effect)
        return effects

    def wait(self, seconds: float) -> None:
        until = self.clock.now + seconds
        while True:
            wakeups = [(at, name) for name, engine in self.engines.items() if (at := engine.next_wakeup()) is not None]
            at, name = min(wakeups, default=(until + 1, ""))
            if self._flying and self._flying[0][0] <= min(at, until):
                self.clock.now, _, source, target, frame = heapq.heappop(self._flying)
                if LinkId(source) in self._mtus[target]:
                    self.carried.append((self.clock.now, source, target, frame))
                    self.do(target, FrameReceived(LinkId(source), frame))
            elif at <= until:
                self.clock.now = max(self.clock.now, at)
                self.do(name, Tick())
            else:
                break
        self.clock.now = until

    def seen(self, name: str, kind: type) -> list[Effect]:
        return [effect for effect in self.effects[name] if isinstance(effect, kind)]

    def frames(self, source: str, target: str, kind: int) -> list[bytes]:
        """Frames of one type that arrived over one wire."""
        return [frame for _, a, b, frame in self.carried if (a, b) == (source, target) and frame[1] == kind]
