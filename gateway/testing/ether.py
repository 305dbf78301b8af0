"""The virtual radio: a pure discrete-event machine that carries frames between ports.

Rules:

* two ports have at most one link; each side has its own name for it, ``<ether>:<other>@<own>``,
  as phones do: an engine that chooses links by their names must not choose like its neighbours;
* frames of one direction arrive in the order they were accepted, whatever their delays;
* a direction holds a bounded number of bytes: `send` says False when they are used up, and
  `Writable` follows when half of them are free again; False for a link that is not up;
* a lost frame never arrives and nobody is told, as on the air;
* frames in flight on a link that goes down are lost;
* the same seed and the same calls give the same events at the same times.

Time is cut into ticks: a frame arrives at the first tick after its delay. All frames of
one tick lie in two plain lists, so that a delivery costs about a microsecond; a heap of
single deliveries costs several times that, and a tuple for each keeps the garbage
collector busy.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from random import Random

from gateway.testing.air import Air
from gateway.testing.topology import Position, pairs_in_range
from gateway.testing.way import LinkProfile, Way
from transports.link import Capability, FrameReceived, LinkDown, LinkEvent, LinkId, LinkUp, Writable

RADIO = Capability.LOCAL | Capability.BROADCAST | Capability.DIRECTED
WIDE = Capability.WIDE_AREA | Capability.DIRECTED

Cut = Callable[[str, str], bool]
"""Says whether the air between two ports is blocked; asked once per pair, in either order."""


_Batch = tuple[list[Way], list[bytes | LinkEvent]]
"""What arrives at one tick, item by item: where, and what (bytes: a frame)."""


class Ether:
    """The air between any number of ports; the caller owns the clock.

    `name` prefixes the link names. With `radius` (metres), ports that have a position get
    links to the ports in range, at most `max_links` each: those that still reach are kept,
    the rest is chance; links with a hub do not count. `tick` is the grain of time in seconds. With `named_peers` a
    `LinkUp` carries the other port's name as its authenticated peer.
    """

    def __init__(
        self,
        rng: Random,
        *,
        name: str = "radio",
        capabilities: Capability = RADIO,
        profile: LinkProfile | None = None,
        radius: float | None = None,
        max_links: int | None = None,
        tick: float = 0.001,
        named_peers: bool = False,
    ) -> None:
        self.name = name
        self.capabilities = capabilities
        self.is_local = Capability.LOCAL in capabilities
        self.profile = profile or LinkProfile()
        self.radius = radius
        self.max_links = max_links
        self.lost = 0  # frames lost to chance or to a link that went down
        self.delivered = 0  # frames
        self._rng = rng
        self._random = rng.random
        self._per_second = round(1 / tick)
        self._named_peers = named_peers
        self._ways: dict[str, dict[LinkId, Way]] = {}
        self._positions: dict[str, Position] = {}
        self._hubs: set[str] = set()
        self._airs: dict[str, Air] = {}
        self._wanted: dict[tuple[str, str], LinkProfile] = {}  # pairs that have a link unless cut
        self._reached: set[tuple[str, str]] = set()  # pairs wanted because they are in range
        self._cuts: dict[int, Cut] = {}
        self._cut_numbers = count()
        self._ticks: list[int] = []  # heap of the keys of _due
        self._due: dict[int, _Batch] = {}

    @property
    def ports(self) -> tuple[str, ...]:
        """Every attached port, in the order they came."""
        return tuple(self._ways)

    def links_of(self, port: str) -> tuple[LinkId, ...]:
        """The links `port` has now."""
        return tuple(self._ways[port])

    def link(self, own: str, other: str) -> LinkId:
        """What the port `own` calls its link to `other`, whether it is up or not."""
        return LinkId(f"{self.name}:{other}@{own}")

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The pairs of ports that have a link now."""
        return tuple(pair for pair in self._wanted if self._is_up(pair))

    def attach(self, port: str, position: Position | None = None, now: float = 0.0, *, hub: bool = False) -> None:
        """Put a port on the air; `ValueError` if the name is taken.

        Many ports are better put on the air without a position and then placed together: the
        first ones would use up their links among themselves.
        """
        if port in self._ways:
            raise ValueError(f"port {port!r} is attached already")
        self._ways[port] = {}
        if hub:
            self._hubs.add(port)
        if position is not None:
            self.place({port: position}, now)

    def detach(self, port: str, now: float) -> None:
        """Take a port off the air; its links go down."""
        for pair in [pair for pair in self._wanted if port in pair]:
            self.disconnect(*pair, now)
        self._positions.pop(port, None)
        self._hubs.discard(port)
        del self._ways[port]

    def place(self, positions: dict[str, Position], now: float) -> None:
        """Move ports (metres, metres) and let links come and go with the range."""
        if self.radius is None:
            raise ValueError("an ether without a radius has no positions")
        self._positions.update(positions)
        reached = pairs_in_range(self._positions, self.radius, max_links=self.max_links, keep=self._reached, rng=self._rng, hubs=self._hubs)
        for pair in sorted(self._reached - reached):
            self.disconnect(*pair, now)
        for pair in sorted(reached - self._reached):
            self.connect(*pair, now)
        self._reached = reached

    def share_air(self, port: str, air: Air) -> None:
        """Let all links of a port that come up from now on share one radio's air for what it sends, whatever their `rate`."""
        self._airs[port] = air

    def connect(self, a: str, b: str, now: float, profile: LinkProfile | None = None) -> None:
        """Give two ports a link; both get `LinkUp` at the next tick unless the air is cut."""
        if a == b:
            raise ValueError("a port has no link to itself")
        pair = _pair(a, b)
        if pair in self._wanted:
            raise ValueError(f"{a!r} and {b!r} have a link already")
        self._wanted[pair] = profile or self.profile
        if not self._is_cut(pair):
            self._bring_up(pair, now)

    def disconnect(self, a: str, b: str, now: float, reason: str = "out of range") -> None:
        """Take the link of two ports away; both get `LinkDown` at the next tick. No link: nothing happens."""
        pair = _pair(a, b)
        if self._wanted.pop(pair, None) is not None:
            self._reached.discard(pair)
            if self._is_up(pair):
                self._bring_down(pair, now, reason)

    def close(self, port: str, link: LinkId, now: float, why: str) -> None:
        """Give up the link that `port` calls `link`."""
        way = self._ways[port].get(link)
        if way is not None:
            self.disconnect(port, way.receiver, now, why)

    def cut(self, blocked: Cut, now: float) -> int:
        """Block the air between the pairs that `blocked` names, until `heal` gets the returned number."""
        number = next(self._cut_numbers)
        self._cuts[number] = blocked
        for pair in self._wanted:
            if self._is_up(pair) and self._is_cut(pair):
                self._bring_down(pair, now, "cut")
        return number

    def heal(self, number: int, now: float) -> None:
        """Undo one `cut`; links come back unless another cut still blocks them."""
        del self._cuts[number]
        for pair in self._wanted:
            if not self._is_up(pair) and not self._is_cut(pair):
                self._bring_up(pair, now)

    def send(self, port: str, link: LinkId, frame: bytes, now: float) -> bool:
        """Put a frame on the air.

        Returns:
            False if the link is full (a `Writable` follows) or not up (nothing follows; its
            `LinkDown` may still be on the way).

        Raises:
            ValueError: the frame is larger than the link's MTU.

        """
        way = self._ways[port].get(link)
        if way is None:
            return False
        size = len(frame)
        if size > way.mtu:
            raise ValueError(f"{size} bytes on a link with MTU {way.mtu}")
        if way.waiting and way.waiting + size > way.buffer:
            way.refused = True
            return False
        at = now
        if way.air is not None:
            at = way.air.book(size, now)
        elif way.rate is not None:
            way.free_at = at = max(now, way.free_at) + size / way.rate
        random = self._random
        if way.loss and random() < way.loss:
            self.lost += 1
            return True
        tick = int((at + way.delay + way.spread * random()) * self._per_second + 1e-6) + 1
        if tick < way.last_tick:
            tick = way.last_tick
        else:
            way.last_tick = tick
        ways, items = self._due.get(tick) or self._new_batch(tick)
        ways.append(way)
        items.append(frame)
        way.waiting += size
        if way.duplicate and random() < way.duplicate:
            ways.append(way)
            items.append(frame)
            way.waiting += size
        return True

    def next_wakeup(self) -> float | None:
        """When `advance` has something to give, or None."""
        return self._ticks[0] / self._per_second if self._ticks else None

    def advance(self, now: float) -> list[tuple[str, LinkEvent]]:
        """Everything that happens up to `now`: (port, event) in order of time."""
        out: list[tuple[str, LinkEvent]] = []
        ticks = self._ticks
        while ticks and ticks[0] / self._per_second <= now:
            for way, item in zip(*self._due.pop(heappop(ticks)), strict=True):
                if not isinstance(item, bytes):
                    out.append((way.receiver, item))
                elif way.up:
                    way.waiting -= len(item)
                    self.delivered += 1
                    out.append((way.receiver, FrameReceived(way.receiver_link, item)))
                    if way.refused and way.waiting * 2 <= way.buffer:
                        way.refused = False
                        out.append((way.sender, Writable(way.sender_link)))
                else:
                    self.lost += 1
        return out

    def _is_cut(self, pair: tuple[str, str]) -> bool:
        return any(blocked(*pair) for blocked in self._cuts.values())

    def _is_up(self, pair: tuple[str, str]) -> bool:
        return self.link(*pair) in self._ways[pair[0]]

    def _bring_up(self, pair: tuple[str, str], now: float) -> None:
        a, b = pair
        profile = self._wanted[pair]
        at_a, at_b = self.link(a, b), self.link(b, a)
        for way, link, peer in ((Way(b, at_b, a, at_a, profile), at_a, b), (Way(a, at_a, b, at_b, profile), at_b, a)):
            self._ways[way.sender][way.sender_link] = way
            event = LinkUp(link, profile.mtu, self.capabilities, peer if self._named_peers else None)
            way.air = self._airs.get(way.sender)
            way.last_tick = self._tell(way, event, now)

    def _bring_down(self, pair: tuple[str, str], now: float, reason: str) -> None:
        for here, there in (pair, pair[::-1]):
            way = self._ways[there].pop(self.link(there, here))
            way.up = False
            self._tell(way, LinkDown(way.receiver_link, reason), now)

    def _tell(self, way: Way, event: LinkEvent, now: float) -> int:
        tick = int(now * self._per_second + 1e-6) + 1
        ways, items = self._due.get(tick) or self._new_batch(tick)
        ways.append(way)
        items.append(event)
        return tick

    def _new_batch(self, tick: int) -> _Batch:
        heappush(self._ticks, tick)
        batch = self._due[tick] = ([], [])
        return batch


def _pair(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a < b else (b, a)
