"""Two gateways joined by several links that may slow down, fall silent, break and come back. No sockets, virtual time."""

from collections import deque
from dataclasses import dataclass, field
from random import Random

from gateway.bridge.trunks import Trunks
from gateway.mesh.effects import CloseLink, Effect, Priority, SendFrame
from gateway.mesh.events import MeshEvent, Say, Tick, Unsent
from transports.link import Capability, FrameReceived, LinkDown, LinkId, LinkUp

MTU = 1_310_720
WIDE = Capability.WIDE_AREA | Capability.DIRECTED
ORDER = ("libp2p", "websocket")


class Scripted:
    """Stands for the engine behind: sends what it is told to, and keeps what comes."""

    def __init__(self) -> None:
        self.arrived: list[bytes] = []
        self.events: list[MeshEvent] = []
        self.sites: list[LinkId] = []
        self.answer: list[Effect] = []
        self.wakeup: float | None = None

    def handle(self, event: MeshEvent, _now: float) -> list[Effect]:
        self.events.append(event)
        match event:
            case FrameReceived(frame=frame):
                self.arrived.append(frame)
            case LinkUp(link=link):
                self.sites.append(link)
            case LinkDown(link=link):
                self.sites.remove(link)
            case Say(text=text):
                return [SendFrame(tuple(self.sites), text.encode(), Priority.PUBLIC)]
        answer, self.answer = self.answer, []
        return answer

    def next_wakeup(self) -> float | None:
        return self.wakeup

    def leave(self, _now: float) -> list[Effect]:
        return [SendFrame((LinkId("radio:x"), *self.sites), b"bye", Priority.PUBLIC)]


@dataclass
class Link:
    """One link: what is on its way in each direction, and when it may arrive."""

    name: str
    delay: float = 0.05
    up: bool = True
    silent: bool = False  # takes everything, brings nothing
    ways: tuple[deque, deque] = field(default_factory=lambda: (deque(), deque()))


class Pair:
    """Side 0 and side 1."""

    def __init__(self, *names: str, seed: int = 7) -> None:
        self.now = 0.0
        self.rng = Random(seed)
        self.engines = [Scripted(), Scripted()]
        self.trunks = [Trunks(engine, ORDER, self.rng.randbytes) for engine in self.engines]
        self.links = {name: Link(name) for name in names}
        self.sent: tuple[list[bytes], list[bytes]] = ([], [])
        self.closed: list[CloseLink] = []
        self.others: list[Effect] = []
        self.crossings: list[tuple[float, int, str, bytes]] = []
        for name in names:
            self.links[name].up = False
            self.raise_link(name)

    def link_id(self, name: str, side: int) -> LinkId:
        return LinkId(f"{name}:{'BA'[side]}")

    def raise_link(self, name: str) -> None:
        link = self.links[name]
        if not link.up:
            link.up, link.silent = True, False
            for side in (0, 1):
                self.give(side, LinkUp(self.link_id(name, side), MTU, WIDE, peer="BA"[side]))

    def cut(self, name: str) -> None:
        """What is on its way is lost."""
        link = self.links[name]
        if link.up:
            link.up = False
            for side in (0, 1):
                lost = tuple((frame, Priority.DIRECTED) for _, frame in link.ways[side])
                link.ways[side].clear()
                self.give(side, Unsent(self.link_id(name, side), lost))
                self.give(side, LinkDown(self.link_id(name, side), "cut"))

    def restart(self, side: int) -> None:
        """A gateway process is started anew; its links break with the old one."""
        names = [name for name, link in self.links.items() if link.up]
        for name in names:
            self.cut(name)
        self.engines[side] = Scripted()
        self.trunks[side] = Trunks(self.engines[side], ORDER, self.rng.randbytes)
        for name in names:
            self.raise_link(name)

    def say(self, side: int, text: str) -> None:
        if self.engines[side].sites:
            self.sent[side].append(text.encode())
            self.give(side, Say(text))

    def give(self, side: int, event: MeshEvent) -> None:
        for effect in self.trunks[side].handle(event, self.now):
            self._carry_out(side, effect)

    def run_for(self, seconds: float) -> None:
        """Let everything happen that is due."""
        end = self.now + seconds
        while (at := self._next_at()) <= end:
            self.now = max(self.now, at)
            for name, link in self.links.items():
                for side in (0, 1):
                    while link.up and not link.silent and link.ways[side] and link.ways[side][0][0] <= self.now:
                        _, frame = link.ways[side].popleft()
                        self.give(1 - side, FrameReceived(self.link_id(name, 1 - side), frame))
            for side in (0, 1):
                due = self.trunks[side].next_wakeup()
                if due is not None and due <= self.now:
                    self.give(side, Tick())
        self.now = end

    def using(self, side: int) -> str | None:
        routes = self.trunks[side].routes()
        return routes[0].using.partition(":")[0] if routes and routes[0].using else None

    def _next_at(self) -> float:
        due = [way[0][0] for link in self.links.values() if link.up and not link.silent for way in link.ways if way]
        due += [at for trunks in self.trunks if (at := trunks.next_wakeup()) is not None]
        return min(due, default=float("inf"))

    def _carry_out(self, side: int, effect: Effect) -> None:
        match effect:
            case SendFrame(links=links, frame=frame):
                for link_id in links:
                    name = link_id.partition(":")[0]
                    link = self.links.get(name)
                    if link is None:
                        self.others.append(effect)
                    elif link.up:
                        self.crossings.append((self.now, side, name, frame))
                        link.ways[side].append((self.now + link.delay, frame))
            case CloseLink(link=link_id):
                self.closed.append(effect)
                self.cut(link_id.partition(":")[0])
            case _:
                self.others.append(effect)
