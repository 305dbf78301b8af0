"""What waits for a link of one class of service: fair between those it comes from, each in their own order.

Origins cost nothing to invent, links do: so the links that brought it take turns, and for each of them the origins do.
"""

from collections import deque
from dataclasses import dataclass, field

from gateway.mesh.turns import Turns
from transports.link import LinkId

Whose = tuple[LinkId, bytes]
"""The link a frame came by, `NO_LINK` where that makes no difference, and its origin."""

NO_LINK = LinkId("")


@dataclass(slots=True)
class FragmentSet:
    """The fragments of one frame on their way over one link: with one missing, the others are of no use there."""

    began: float
    has_left: bool = False  # one of them has gone out already
    is_doomed: bool = False  # one of them never will
    waiting: int = 0


@dataclass(slots=True)
class Waiting:
    """One frame, and since when it waits."""

    frame: bytes
    at: float
    part_of: FragmentSet | None = None

    @property
    def since(self) -> float:
        """When it, or the first of its fragments, came."""
        return self.at if self.part_of is None else self.part_of.began


@dataclass(slots=True)
class _Flow:
    frames: deque[Waiting] = field(default_factory=deque)
    bytes: int = 0


class Lane:
    """Frames by the link they came by and by origin; the links in turn, and the origins of each."""

    __slots__ = ("_flows", "_held", "_origins", "_sources", "bytes")

    def __init__(self) -> None:
        self._flows: dict[Whose, _Flow] = {}
        self._held: dict[LinkId, int] = {}  # bytes that wait, by link
        self._sources: Turns[LinkId] = Turns()
        self._origins: dict[LinkId, Turns[bytes]] = {}
        self.bytes = 0

    def __len__(self) -> int:
        return sum(len(flow.frames) for flow in self._flows.values())

    def add(self, whose: Whose, waiting: Waiting) -> None:
        """Add a frame behind all others of its origin."""
        source, origin = whose
        flow = self._flows.get(whose)
        if flow is None:
            flow = self._flows[whose] = _Flow()
        size = len(waiting.frame)
        flow.frames.append(waiting)
        flow.bytes += size
        self._held[source] = self._held.get(source, 0) + size
        self.bytes += size
        if waiting.part_of is not None:
            waiting.part_of.waiting += 1
        origins = self._origins.get(source)
        if origins is None:
            origins = self._origins[source] = Turns()
        origins.join(origin)
        self._sources.join(source)

    def first(self) -> tuple[Whose, Waiting]:
        """Return whose turn it is and the frame; the lane must not be empty."""
        source = self._sources.first()
        if source is None:
            raise LookupError("nothing waits here")
        origin = self._origins[source].first()
        if origin is None:
            raise LookupError("nothing waits here")
        return (source, origin), self._flows[source, origin].frames[0]

    def take_first(self) -> int:
        """Take out what `first` returned because it has left; returns its size."""
        whose, waiting = self.first()
        source, origin = whose
        size = len(waiting.frame)
        self._origins[source].served(origin, size, again=len(self._flows[whose].frames) > 1)
        self._sources.served(source, size, again=self._held[source] > size)
        self._remove(whose, 0)
        if waiting.part_of is not None:
            waiting.part_of.has_left = True
        return size

    def held_by(self, whose: Whose) -> int:
        """Return the bytes that wait of one origin."""
        flow = self._flows.get(whose)
        return 0 if flow is None else flow.bytes

    def heaviest(self, newcomer: Whose | None, size: int) -> Whose:
        """Return the origin with most bytes of the link with most, a newcomer of `size` counted in; of equals, who came first."""
        to = None if newcomer is None else newcomer[0]
        source = max(self._held, key=lambda one: self._held[one] + (size if one == to else 0))
        flows = [whose for whose in self._flows if whose[0] == source]
        return max(flows, key=lambda whose: self._flows[whose].bytes + (size if whose == newcomer else 0))

    def give_up(self, whose: Whose, victim: Waiting | None = None) -> int:
        """Give up one frame of an origin, the oldest unless told otherwise, a fragment with all of its set; returns how many that were.

        A set of which fragments have left already goes last: else, where more comes than the link
        carries, each set would be given up half-way and none would ever arrive.
        """
        source, origin = whose
        flow = self._flows[whose]
        if victim is None:
            fresh = (one for one in flow.frames if one.part_of is None or not one.part_of.has_left)
            victim = next(fresh, flow.frames[0])
        doomed = victim.part_of
        if doomed is not None:
            doomed.is_doomed = True
        gone = [index for index, one in enumerate(flow.frames) if one is victim or (doomed is not None and one.part_of is doomed)]
        if len(gone) == len(flow.frames):
            self._origins[source].leave(origin)
            if self._held[source] == flow.bytes:
                self._sources.leave(source)
        for index in reversed(gone):
            self._remove(whose, index)
        return len(gone)

    def _remove(self, whose: Whose, index: int) -> None:
        source = whose[0]
        flow = self._flows[whose]
        one = flow.frames[index]
        size = len(one.frame)
        del flow.frames[index]
        flow.bytes -= size
        self._held[source] -= size
        self.bytes -= size
        if one.part_of is not None:
            one.part_of.waiting -= 1
        if not flow.frames:
            del self._flows[whose]
        if not self._held[source]:
            del self._held[source], self._origins[source]
