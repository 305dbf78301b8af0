"""Exchanges joined by trunks whose links break, in virtual time; and networks on loopback transports."""

from collections import deque
from random import Random

from gateway.bridge.trunks import Trunks
from gateway.mesh.effects import CloseLink, SendFrame
from gateway.mesh.events import MeshEvent, Tick
from gateway.mesh.records import Decided, Verb
from gateway.network import exchange
from gateway.network.exchange import Exchange
from gateway.wire.program import Fate
from transports.link import Capability, FrameReceived, LinkDown, LinkId, LinkUp

WIDE = Capability.WIDE_AREA | Capability.DIRECTED
MTU = 1_310_720
DELAY_S = 0.05


class Ears:
    """A program that takes every message at once, unless it is told not to."""

    def __init__(self) -> None:
        self.news: list[tuple[str, str]] = []
        self.messages: list[bytes] = []  # bodies
        self.waiting: list[tuple[str, bytes]] = []
        self.sends: list[bytes] = []
        self.fates: dict[bytes, str] = {}
        self.answer: Fate | None = None
        self.takes = True

    def peer_up(self, peer_id: str) -> None:
        self.news.append(("up", peer_id))

    def peer_down(self, peer_id: str, reason: str) -> None:
        assert reason
        self.news.append(("down", peer_id))

    def no_program(self, peer_id: str) -> None:
        self.news.append(("gateway", peer_id))

    def said(self, peer_id: str, message_id: bytes, body: bytes) -> Fate | None:
        if self.answer is None:
            self.messages.append(body)
            self.waiting.append((peer_id, message_id))
        return self.answer

    def sent(self, message_id: bytes) -> None:
        self.sends.append(message_id)

    def settled(self, message_id: bytes, reason: str) -> None:
        assert message_id not in self.fates, "a fate is told once"
        self.fates[message_id] = reason


class Side:
    """One program."""

    def __init__(self, name: str, other: str, rng: Random) -> None:
        self.name, self.other = name, other
        self.ears = Ears()
        self.exchange = Exchange(name, rng.randbytes(16), self.ears, lambda: 1_786_000_000_000)
        self.exchange.allow(other)
        self.trunks = Trunks(self.exchange, ("libp2p", "websocket"), rng.randbytes)


class Pair:
    """Ann and Bob, joined by as many links as have names."""

    def __init__(self, *names: str, seed: int = 3) -> None:
        print(f"seed {seed}")
        self.now = 0.0
        self.rng = Random(seed)
        self.sides = {"ann": Side("ann", "bob", self.rng), "bob": Side("bob", "ann", self.rng)}
        self.links: dict[str, dict[str, deque[tuple[float, bytes]]]] = {}
        self.silent: set[str] = set()
        self.closed: list[str] = []
        for name in names:
            self.raise_link(name)

    @property
    def ann(self) -> Side:
        return self.sides["ann"]

    @property
    def bob(self) -> Side:
        return self.sides["bob"]

    def raise_link(self, name: str) -> None:
        self.links[name] = {"ann": deque(), "bob": deque()}
        for side in self.sides.values():
            self.give(side, LinkUp(LinkId(f"{name}:{side.other}"), MTU, WIDE, peer=side.other))

    def cut(self, name: str) -> None:
        if self.links.pop(name, None) is not None:
            for side in self.sides.values():
                self.give(side, LinkDown(LinkId(f"{name}:{side.other}"), "cut"))

    def restart(self, name: str) -> None:
        """A program ends and is started anew; its links break with it."""
        names = list(self.links)
        old = self.sides[name]
        for link in names:
            self.cut(link)
        self.sides[name] = Side(old.name, old.other, self.rng)
        for link in names:
            self.raise_link(link)

    def submit(self, message_id: bytes, body: bytes = b"\xc0", *, within: float = 30.0, waits: bool = True, side: str = "ann") -> str:
        sender = self.sides[side]
        refused = sender.exchange.submit(sender.other, message_id, body, self.now + within, waits=waits)
        self.give(sender, Tick())
        return refused

    def give(self, side: Side, event: MeshEvent) -> None:
        for effect in side.trunks.handle(event, self.now):
            match effect:
                case SendFrame(links=links, frame=frame):
                    for link in links:
                        name = link.partition(":")[0]
                        if name in self.links:
                            self.links[name][side.name].append((self.now + DELAY_S, frame))
                case CloseLink(link=link):
                    self.closed.append(link)
                case Decided(subject=bytes() as subject, verb=Verb.LOST):
                    side.exchange.not_sent(subject, exchange.LOST)
        if side.ears.takes and side.ears.waiting:
            taken, side.ears.waiting = side.ears.waiting, []
            for peer_id, message_id in taken:
                side.exchange.taken(peer_id, message_id)
            self.give(side, Tick())

    def run_for(self, seconds: float) -> None:
        end = self.now + seconds
        while (at := self._next()) <= end:
            self.now = max(self.now, at)
            for name in list(self.links):
                for sender, receiver in (("ann", "bob"), ("bob", "ann")):
                    while name in self.links and name not in self.silent and self._due(name, sender):
                        _, frame = self.links[name][sender].popleft()
                        link = LinkId(f"{name}:{sender}")
                        self.give(self.sides[receiver], FrameReceived(link, frame))
            for side in self.sides.values():
                due = side.trunks.next_wakeup()
                if due is not None and due <= self.now:
                    self.give(side, Tick())
        self.now = end

    def _due(self, name: str, sender: str) -> bool:
        way = self.links[name][sender]
        return bool(way) and way[0][0] <= self.now

    def _next(self) -> float:
        due = [way[0][0] for name, ways in self.links.items() if name not in self.silent for way in ways.values() if way]
        due += [at for side in self.sides.values() if (at := side.trunks.next_wakeup()) is not None]
        return min(due, default=float("inf"))
