"""A world: any number of engines on virtual ethers, moved by a virtual clock.

Nothing here sleeps: `run_until` jumps from one due thing to the next. Everything random
comes from `World.seed`, so a failure can be played again; the seed is printed when a world
is made (pytest shows it with a failing test).
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from random import Random
from typing import TypeVar

from gateway.limits import MAX_ENVELOPE, SITE_QUEUE_BYTES
from gateway.mesh.effects import CloseLink, SendFrame
from gateway.mesh.events import ClockSet, MeshEvent, Tick, Unsent
from gateway.mesh.queue import InOrderQueue, LinkQueue, Queue, Shed
from gateway.mesh.records import RECORDS
from gateway.testing.ether import RADIO, WIDE, Cut, Ether
from gateway.testing.node import Engine, Node, Notice
from gateway.testing.topology import Pair, Position
from gateway.testing.traffic import Traffic
from gateway.testing.way import LinkProfile
from transports.link import Capability, FrameReceived, LinkDown, LinkEvent, LinkId, LinkUp, Writable

UNIX_EPOCH_OFFSET = 1_767_225_600.0
"""Default wall clock of a world: time 0 is 2026-01-01 00:00 UTC."""

SITE_LINK = LinkProfile(delay=(0.0, 0.0), mtu=MAX_ENVELOPE, buffer=SITE_QUEUE_BYTES)
"""A path between two gateways that loses nothing and costs no time."""

N = TypeVar("N")


class World:
    """Engines, the air between them, and the time they live in.

    Notices go to every one of `listeners` and stay in `notices`, the newest `max_notices`
    of them; `ignore` names effect types that are no notices (a long run makes many); what is for a store never is one.
    `local_queue` makes what stands before a full link, in place of what the runtime has there.
    """

    def __init__(
        self,
        seed: int | str,
        *,
        profile: LinkProfile | None = None,
        radius: float | None = None,
        max_links: int | None = None,
        start: float = 0.0,
        offset: float = UNIX_EPOCH_OFFSET,
        tick: float = 0.001,
        ignore: Iterable[type] = (),
        max_notices: int | None = None,
        local_queue: Callable[[Shed], Queue] = LinkQueue,
        report: Callable[[str], object] = print,
    ) -> None:
        self.seed = seed
        self.now = start
        self.offset = offset
        self.notices: deque[Notice] = deque(maxlen=max_notices)
        self.listeners: list[Callable[[Notice], object]] = []
        self.traffic = Traffic()
        self.nodes: dict[str, Node] = {}
        self._per_second = round(1 / tick)
        self._tick = tick
        self._ignore = frozenset(ignore) | RECORDS
        self._local_queue = local_queue
        self._timers: list[tuple[float, int, Node]] = []
        self._agenda: list[tuple[float, int, Callable[[], object]]] = []
        self._number = 0  # orders what is due at the same time
        self.ethers: list[Ether] = []
        self.radio = self.add_ether("radio", profile=profile, radius=radius, max_links=max_links)
        self.sites = self.add_ether("site", capabilities=WIDE, profile=SITE_LINK, named_peers=True)
        report(repr(self))

    def __repr__(self) -> str:
        return f"World(seed={self.seed!r}) of {len(self.nodes)} nodes at {self.now:.3f} s"

    def rng(self, purpose: str) -> Random:
        """A generator of its own for each purpose: a new user does not change what the others draw."""
        return Random(f"{self.seed}/{purpose}")

    def add_ether(
        self,
        name: str,
        *,
        capabilities: Capability = RADIO,
        profile: LinkProfile | None = None,
        radius: float | None = None,
        max_links: int | None = None,
        named_peers: bool = False,
    ) -> Ether:
        """Another ether: a second island's air, or another kind of link."""
        ether = Ether(
            self.rng(f"ether/{name}"),
            name=name,
            capabilities=capabilities,
            profile=profile,
            radius=radius,
            max_links=max_links,
            tick=self._tick,
            named_peers=named_peers,
        )
        self.ethers.append(ether)
        return ether

    def add(
        self,
        name: str,
        engine: Engine | None,
        *,
        address: bytes | None = None,
        position: Position | None = None,
        ether: Ether | None = None,
        clock_set: bool = True,
    ) -> Node:
        """Put a node on the air (of `radio` unless told otherwise); its clock is set unless told otherwise."""
        if name in self.nodes:
            raise ValueError(f"there is a node {name!r} already")
        node = self.nodes[name] = Node(name, engine, address)
        (ether or self.radio).attach(name, position, self.now)
        if engine is not None:
            if clock_set:
                self.inject(name, ClockSet(self.offset))
            else:
                self._rearm(node)
        return node

    def remove(self, name: str) -> None:
        """Switch a node off: its links go down and its engine is not called again."""
        node = self.nodes[name]
        node.engine = None
        node.wake = None
        for ether in self.ethers:
            if name in ether.ports:
                ether.detach(name, self.now)

    def connect(self, pairs: Iterable[Pair], profile: LinkProfile | None = None) -> None:
        """Give these pairs radio links."""
        for a, b in pairs:
            self.radio.connect(a, b, self.now, profile)

    def connect_sites(self, pairs: Iterable[Pair], profile: LinkProfile = SITE_LINK) -> None:
        """Give these pairs of gateways wide-area links; `LinkUp.peer` is the other's name."""
        for a, b in pairs:
            for name in (a, b):
                if name not in self.sites.ports:
                    self.sites.attach(name, now=self.now)
            self.sites.connect(a, b, self.now, profile)

    def partition(self, blocked: Cut, ether: Ether | None = None) -> Callable[[], None]:
        """Cut the radio between the pairs that `blocked` names; the result heals it."""
        air = ether or self.radio
        number = air.cut(blocked, self.now)
        return lambda: air.heal(number, self.now)

    def at(self, when: float, what: Callable[[], object]) -> None:
        """Call `what` at that time (seconds of this world)."""
        if when < self.now:
            raise ValueError(f"{when} has passed")
        heappush(self._agenda, (when, self._next_number(), what))

    def inject(self, name: str, event: MeshEvent) -> None:
        """Hand an event to a node's engine now."""
        node = self.nodes[name]
        if node.engine is None:
            raise ValueError(f"{name!r} has no engine")
        self._carry_out(node, node.engine.handle(event, self.now), self.now)
        self._rearm(node)

    def send(self, name: str, link: LinkId, frame: bytes) -> bool:
        """Send a frame from a port without an engine, or by hand from one with; False as from `Ether.send`."""
        node = self.nodes[name]
        ether = node.links.get(link)
        node.sent += 1
        return ether is not None and ether.send(name, link, frame, self.now)

    def next_wakeup(self) -> float | None:
        """When `run_until` has something to do next."""
        due = [ether.next_wakeup() for ether in self.ethers]
        if self._timers:
            due.append(self._timers[0][0])
        if self._agenda:
            due.append(self._agenda[0][0])
        return min((when for when in due if when is not None), default=None)

    def run_until(self, end: float) -> None:
        """Let everything happen that is due up to `end`, then stand there."""
        while (due := self.next_wakeup()) is not None and due <= end:
            self._step(max(due, self.now))
        self.now = max(self.now, end)

    def run_for(self, seconds: float) -> None:
        """`run_until` so many seconds from now."""
        self.run_until(self.now + seconds)

    def seen(self, kind: type[N], node: str | None = None) -> list[N]:
        """Every notice of one kind, of one node or of all, in order of time."""
        return [n.effect for n in self.notices if isinstance(n.effect, kind) and (node is None or n.node == node)]

    def figures(self) -> dict[str, int]:
        """What a run cost, in counts."""
        return {
            "nodes": len(self.nodes),
            "packets": self.traffic.packets,
            "frames_sent": sum(node.sent for node in self.nodes.values()),
            "frames_received": sum(node.received for node in self.nodes.values()),
            "frames_lost": sum(ether.lost for ether in self.ethers),
            "frames_dropped": sum(node.dropped for node in self.nodes.values()),
            "relayed_twice": len(self.traffic.repeated),
            "notices": len(self.notices),
        } | Counter(f"notice_{type(notice.effect).__name__}" for notice in self.notices)

    def _step(self, now: float) -> None:
        self.now = now
        while self._agenda and self._agenda[0][0] <= now:
            heappop(self._agenda)[2]()
        touched: dict[Node, None] = {}
        nodes = self.nodes
        for ether in self.ethers:
            due = ether.next_wakeup()
            if due is None or due > now:
                continue
            for port, event in ether.advance(now):
                node = nodes[port]
                if type(event) is FrameReceived:
                    node.received += 1
                else:
                    self._note_link(node, ether, event, now)
                if node.engine is None:
                    node.events.append(event)
                else:
                    effects = node.engine.handle(event, now)
                    touched[node] = None
                    if effects:
                        self._carry_out(node, effects, now)
        while self._timers and self._timers[0][0] <= now:
            at, _, node = heappop(self._timers)
            if node.wake == at and node.engine is not None:
                node.wake = None
                node.wakeups += 1
                self._carry_out(node, node.engine.handle(Tick(), now), now)
                touched[node] = None
        for node in touched:
            self._rearm(node)

    def _note_link(self, node: Node, ether: Ether, event: LinkEvent, now: float) -> None:
        if isinstance(event, LinkUp):
            node.links[event.link] = ether
        elif isinstance(event, LinkDown):
            node.links.pop(event.link, None)
            queue = node.queues.pop(event.link, None)
            if queue:
                self._hand_back(node, event.link, queue, now)
        elif isinstance(event, Writable):
            queue = node.queues.get(event.link)
            if queue:
                queue.drain(lambda frame: ether.send(node.name, event.link, frame, now), now)

    def _hand_back(self, node: Node, link: LinkId, queue: Queue, now: float) -> None:
        """Tell an engine what was still waiting for a link that is down."""
        frames = queue.take_all()
        effects = node.engine.handle(Unsent(link, frames), now) if node.engine is not None else ()
        node.lost += 0 if effects else len(frames)
        self._carry_out(node, effects, now)

    def _carry_out(self, node: Node, effects: Sequence[object], now: float) -> None:
        for effect in effects:
            if type(effect) is SendFrame:
                frame = effect.frame
                links = effect.links
                node.sent += len(links)
                on_air = False
                for link in links:
                    ether = node.links.get(link)
                    if ether is None:
                        continue
                    on_air = on_air or ether.is_local
                    queue = node.queues.get(link)
                    if queue or not ether.send(node.name, link, frame, now):
                        if queue is None:
                            queue = self._local_queue(node.shed) if ether.is_local else InOrderQueue(SITE_QUEUE_BYTES, node.shed)
                            node.queues[link] = queue
                        queue.push(frame, effect.priority, now, effect.source)
                if on_air:
                    self.traffic.note(node.name, node.address, frame, len(links))
            elif type(effect) is CloseLink:
                ether = node.links.get(effect.link)
                if ether is not None:
                    ether.close(node.name, effect.link, now, effect.why)
            elif type(effect) not in self._ignore:
                notice = Notice(now, node.name, effect)
                self.notices.append(notice)
                for listener in self.listeners:
                    listener(notice)

    def _rearm(self, node: Node) -> None:
        wanted = None if node.engine is None else node.engine.next_wakeup()
        if wanted == node.wanted and (node.wake is None) == (wanted is None):
            return
        node.wanted = wanted
        wake = None
        if wanted is not None:
            wake = (int(max(wanted, self.now) * self._per_second + 1e-6) + 1) / self._per_second
        if wake != node.wake:
            node.wake = wake
            if wake is not None:
                heappush(self._timers, (wake, self._next_number(), node))

    def _next_number(self) -> int:
        self._number += 1
        return self._number
