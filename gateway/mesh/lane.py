"""What waits for a link of one class of service: fair between those it comes from, each in their own order."""

from collections import deque
from dataclasses import dataclass, field

from gateway.mesh.turns import Turns


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
    """Frames by origin, the origins in turn."""

    __slots__ = ("_flows", "_turns", "bytes")

    def __init__(self) -> None:
        self._flows: dict[bytes, _Flow] = {}
        self._turns: Turns[bytes] = Turns()
        self.bytes = 0

    def __len__(self) -> int:
        return sum(len(flow.frames) for flow in self._flows.values())

    def add(self, origin: bytes, waiting: Waiting) -> None:
        """Add a frame behind all others of its origin."""
        flow = self._flows.get(origin)
        if flow is None:
            flow = self._flows[origin] = _Flow()
        flow.frames.append(waiting)
        flow.bytes += len(waiting.frame)
        self.bytes += len(waiting.frame)
        if waiting.part_of is not None:
            waiting.part_of.waiting += 1
        self._turns.join(origin)

    def first(self) -> tuple[bytes, Waiting]:
        """Return the origin and the frame whose turn it is; the lane must not be empty."""
        origin = self._turns.first()
        if origin is None:
            raise LookupError("nothing waits here")
        return origin, self._flows[origin].frames[0]

    def take_first(self) -> int:
        """Take out what `first` returned because it has left; returns its size."""
        origin, waiting = self.first()
        flow = self._flows[origin]
        self._turns.served(origin, len(waiting.frame), again=len(flow.frames) > 1)
        self._remove(origin, flow, 0)
        if waiting.part_of is not None:
            waiting.part_of.has_left = True
        return len(waiting.frame)

    def held_by(self, origin: bytes) -> int:
        """Return the bytes that wait of one origin."""
        flow = self._flows.get(origin)
        return 0 if flow is None else flow.bytes

    def heaviest(self, newcomer: bytes | None, size: int) -> bytes:
        """Return the origin with most bytes, those of a frame that is about to be added counted in; of equals, who came first."""
        return max(self._flows, key=lambda origin: self._flows[origin].bytes + (size if origin == newcomer else 0))

    def give_up(self, origin: bytes, victim: Waiting | None = None) -> int:
        """Give up one frame of an origin, the oldest unless told otherwise, a fragment with all of its set; returns how many that were.

        A set of which fragments have left already goes last: else, where more comes than the link
        carries, each set would be given up half-way and none would ever arrive.
        """
        flow = self._flows[origin]
        if victim is None:
            fresh = (one for one in flow.frames if one.part_of is None or not one.part_of.has_left)
            victim = next(fresh, flow.frames[0])
        doomed = victim.part_of
        if doomed is not None:
            doomed.is_doomed = True
        gone = [index for index, one in enumerate(flow.frames) if one is victim or (doomed is not None and one.part_of is doomed)]
        if len(gone) == len(flow.frames):
            self._turns.leave(origin)
        for index in reversed(gone):
            self._remove(origin, flow, index)
        return len(gone)

    def _remove(self, origin: bytes, flow: _Flow, index: int) -> None:
        one = flow.frames[index]
        del flow.frames[index]
        flow.bytes -= len(one.frame)
        self.bytes -= len(one.frame)
        if one.part_of is not None:
            one.part_of.waiting -= 1
        if not flow.frames:
            del self._flows[origin]
