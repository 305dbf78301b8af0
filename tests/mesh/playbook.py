"""Scripts for one mesh engine: what happens to it, and what it must do about it.

A `Play` has the engine on stage and a virtual clock; everybody else is a `Node` that the
script speaks for, with real keys and real signatures. It refuses, in every test, effects that
no engine may ever ask for: a frame on a link that is down, or one its link does not take.
"""

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import NamedTuple

from gateway.mesh.effects import CloseLink, Effect, Priority, SendFrame
from gateway.mesh.engine import Mesh
from gateway.mesh.events import ClockSet, MeshEvent, Tick
from gateway.mesh.peers import Verify
from gateway.mesh.records import RECORDS
from gateway.mesh.settings import MeshSettings
from gateway.wire.packet import Header, packet_id, peek
from gateway.wire.signing import verify as verify_signature
from gateway.wire.types import MessageType
from tests.mesh.nodes import EPOCH, Clock, Node, noise
from transports.link import Capability, FrameReceived, LinkDown, LinkId, LinkUp

NO_SYNC = MeshSettings(nickname="gateway", sync=False)
QUIET = MeshSettings(nickname="gateway", sync=False, jitter=False)
LOCAL = Capability.LOCAL | Capability.BROADCAST


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
        """Somebody hops away whose announce came over the link, which comes up if it was not."""
        if LinkId(link) not in self.mtus:
            self.up(link)
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

    @property
    def done(self) -> list[tuple[float, Effect]]:
        """The record without what is only noted for the store."""
        return [entry for entry in self.record if type(entry[1]) not in RECORDS]

    def sent(self, link: str | None = None, kind: int | None = None) -> list[Sent]:
        """Frames sent since the record began, over one link or of one type only."""
        return [sent for sent in self._sent() if (link is None or sent.link == link) and (kind is None or sent.frame[1] == kind)]

    def copies(self, frame: bytes) -> list[Sent]:
        """Where and when a frame went out again: the same bytes but for the TTL."""
        return [sent for sent in self._sent() if sent.frame[:2] + sent.frame[3:] == frame[:2] + frame[3:]]

    def links_of(self, frame: bytes) -> list[str]:
        """The links a frame went out on again, in alphabetical order."""
        return sorted(sent.link for sent in self.copies(frame))

    def seen(self, kind: type) -> list[Effect]:
        """Effects of one class since the record began."""
        return [effect for _, effect in self.record if isinstance(effect, kind)]

    def answers(self, link: str, request: bytes) -> list[bytes]:
        """What comes back over a link for a REQUEST_SYNC, with the pauses between fragments left out."""
        before = len(self.record)
        self.hear(link, request)
        self.wait(10)
        return [sent.frame for sent in self._sent(before) if sent.link == link and sent.header.is_rsr]

    def directs(self) -> set[str]:
        """The nicknames of the peers at the other end of a link."""
        return {peer.nickname for peer in self.mesh.status(self.now).peers if peer.direct}

    def drops(self) -> dict[str, int]:
        return dict(self.mesh.status(self.now).drops)

    def _sent(self, start: int = 0) -> Iterator[Sent]:
        for at, effect in self.record[start:]:
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


def fill(play: Play, count: int, *, size: int = 0) -> list[bytes]:
    """Have so many messages of Ada's kept; returns them, newest first."""
    ada = play.node("ada")
    frames = [ada.packet(MessageType.MESSAGE, number.to_bytes(4) + noise(size), age=1 + number / 1000) for number in range(count)]
    for frame in frames:
        play.inject(frame)
    return frames


def check_send(send: SendFrame, mtus: Mapping[LinkId, int]) -> None:
    """Refuse what no engine may ask for."""
    assert send.links
    assert len(set(send.links)) == len(send.links)
    for link in send.links:
        assert link in mtus, f"{link} is down"
        assert len(send.frame) <= mtus[link], f"{len(send.frame)} bytes on {link}"
