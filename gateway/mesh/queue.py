"""What waits for a link that is busy, and what is shed when too much does.

Bounded in air time: in bytes, by what the link has proved to carry. Docs: design/service-classes.md.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from math import inf
from typing import Protocol

from gateway.errors import DecodeError
from gateway.limits import (
    ASSEMBLY_LIFETIME_S,
    BULK_ORIGIN_SHARE,
    EMERGENCY_RESERVE,
    MAX_FRAGMENT_SETS,
    QUEUE_AIR_S,
    QUEUE_BYTES,
    QUEUE_LEAST_BYTES,
    RSR_WINDOW_S,
    VOICE_WAIT_S,
)
from gateway.mesh.effects import Priority
from gateway.mesh.lane import NO_LINK, FragmentSet, Lane, Waiting, Whose
from gateway.mesh.throughput import Throughput
from gateway.mesh.turns import Turns
from gateway.wire.packet import peek
from gateway.wire.types import MessageType
from transports.link import LinkId

SHARES: dict[Priority, int] = {
    Priority.EMERGENCY: 32,
    Priority.DIRECTED: 32,
    Priority.PUBLIC: 32,
    Priority.SYNC: 4,
    Priority.VOICE: 4,
    Priority.BULK: 1,
}
"""How the air is divided among classes that want more than there is. A class that wants less than its share is served first."""

_LASTS_S: dict[Priority, float] = {
    Priority.SYNC: RSR_WINDOW_S,  # who asked takes no answer after that
    Priority.VOICE: VOICE_WAIT_S,
    Priority.BULK: ASSEMBLY_LIFETIME_S,  # nobody waits longer for the rest of a set
}
_FRAGMENT_ID = 8  # bytes at the start of the payload of a fragment, and two of its number

Frame = bytes
Shed = dict[Priority, int]
"""Frames given up, by class."""


class Queue(Protocol):
    """What a driver needs of a queue. Every method takes `now`, seconds of the engine's clock.

    `bytes` is what waits; `rate` what the link was seen to carry, bytes a second.
    """

    bytes: int

    @property
    def rate(self) -> float | None:
        """None while it is not known."""

    def __len__(self) -> int: ...

    def push(self, frame: Frame, priority: Priority, now: float, source: LinkId | None = None) -> bool:
        """Add a frame the link has refused, or that must not overtake one; returns False if it, or something else, had to go.

        `source` is the link it came by, where it is passed on.
        """

    def drain(self, send: Callable[[Frame], bool], now: float) -> None:
        """Send what waits until the link refuses a frame."""

    def take_all(self) -> tuple[tuple[Frame, Priority], ...]:
        """Empty the queue; returns what was in it, in the order it would have left."""


class InOrderQueue:
    """Frames waiting for a link to another site, where an announce must travel ahead of what its author says.

    Args:
        capacity: bytes; what does not fit is refused, whatever its class.
        shed: where refused frames are counted.

    """

    rate = None

    def __init__(self, capacity: int, shed: Shed) -> None:
        self._capacity = capacity
        self._shed = shed
        self._frames: deque[tuple[bytes, Priority]] = deque()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._frames)

    def push(self, frame: bytes, priority: Priority, now: float, source: LinkId | None = None) -> bool:  # noqa: ARG002 -- as of a `LinkQueue`
        """Add a frame; returns False if it had to go."""
        if self.bytes + len(frame) > self._capacity:
            self._shed[priority] += 1
            return False
        self._frames.append((frame, priority))
        self.bytes += len(frame)
        return True

    def drain(self, send: Callable[[bytes], bool], now: float) -> None:  # noqa: ARG002
        """Send what waits until the link refuses a frame."""
        while self._frames and send(self._frames[0][0]):
            self.bytes -= len(self._frames.popleft()[0])

    def take_all(self) -> tuple[tuple[bytes, Priority], ...]:
        """Empty the queue; returns what was in it, in order."""
        frames = tuple(self._frames)
        self._frames.clear()
        self.bytes = 0
        return frames


class LinkQueue:
    """Frames waiting for one local link.

    Classes share the link by `SHARES`, the origins within a class alike; nothing of one origin overtakes anything of
    the same origin and class. In the class of what is said to all, where names can be invented, the links it came by
    are alike first. When too much waits, the least urgent class gives up something: of the link and the origin that
    have most there, what is oldest, and a fragment never without its set.

    Args:
        shed: where frames given up are counted.

    """

    def __init__(self, shed: Shed) -> None:
        self._shed = shed
        self._lanes = {priority: Lane() for priority in Priority}
        self._turns: Turns[Priority] = Turns()
        self._sets: OrderedDict[bytes, FragmentSet] = OrderedDict()
        self._throughput = Throughput()
        self.bytes = 0

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    @property
    def rate(self) -> float | None:
        """Bytes a second the link was seen to carry, None while that is not known."""
        return self._throughput.rate

    @property
    def capacity(self) -> int:
        """Bytes that may wait."""
        rate = self._throughput.rate
        return QUEUE_BYTES if rate is None else min(QUEUE_BYTES, max(QUEUE_LEAST_BYTES, int(rate * QUEUE_AIR_S)))

    def push(self, frame: bytes, priority: Priority, now: float, source: LinkId | None = None) -> bool:
        """Add a frame, at the cost of others where too much waits."""
        if not self.bytes:
            self._throughput.refused(now)
        origin, part_of = self._describe(frame, priority, now)
        whose = (NO_LINK if source is None or priority is not Priority.PUBLIC else source, origin)
        before = sum(self._shed.values())
        if (part_of is not None and part_of.is_doomed) or not self._make_room(len(frame), priority, whose, part_of):
            self._shed[priority] += 1
            return False
        self._lanes[priority].add(whose, Waiting(frame, now, part_of))
        self._turns.join(priority, priority)
        self.bytes += len(frame)
        return sum(self._shed.values()) == before

    def drain(self, send: Callable[[bytes], bool], now: float) -> None:
        """Send what waits until the link refuses a frame, and learn what the link carries."""
        while (priority := self._next(now)) is not None:
            if not send(self._lanes[priority].first()[1].frame):
                self._throughput.refused(now)
                return
            self._throughput.moved(self._take(priority))
        self._throughput.emptied()

    def take_all(self) -> tuple[tuple[bytes, Priority], ...]:
        """Empty the queue; returns what was in it, in the order it would have left."""
        frames = []
        while (priority := self._turns.first()) is not None:
            frames.append((self._lanes[priority].first()[1].frame, priority))
            self._take(priority)
        self._throughput.emptied()
        return tuple(frames)

    def _next(self, now: float) -> Priority | None:
        """Return the class whose turn it is, once what has waited in vain is given up."""
        while (priority := self._turns.first()) is not None:
            lane = self._lanes[priority]
            whose, waiting = lane.first()
            if now - waiting.since <= _LASTS_S.get(priority, inf):
                break
            self._give_up(priority, whose, waiting)
        return priority

    def _take(self, priority: Priority) -> int:
        lane = self._lanes[priority]
        size = lane.take_first()
        self._turns.served(priority, size / SHARES[priority], again=lane.bytes > 0)
        self.bytes -= size
        return size

    def _make_room(self, size: int, priority: Priority, whose: Whose, part_of: FragmentSet | None) -> bool:
        """Give up what has to go for a newcomer; False if that is the newcomer."""
        capacity, emergencies = self.capacity, self._lanes[Priority.EMERGENCY]
        kept_free = 0 if priority is Priority.EMERGENCY else max(0, int(capacity * EMERGENCY_RESERVE) - emergencies.bytes)
        if size > capacity - kept_free:
            return False
        lane = self._lanes[priority]
        if priority is Priority.BULK:
            while (held := lane.held_by(whose)) and held + size > capacity * BULK_ORIGIN_SHARE:
                self._give_up(priority, whose)
                if part_of is not None and part_of.is_doomed:
                    return False
        while self.bytes + size > capacity - kept_free:
            victim = self._victim(size, priority)
            if victim is None:
                if part_of is not None:
                    part_of.is_doomed = True
                return False
            self._give_up(victim, self._lanes[victim].heaviest(whose if victim is priority else None, size))
            if part_of is not None and part_of.is_doomed:
                return False
        return True

    def _victim(self, size: int, priority: Priority) -> Priority | None:
        """Return the class that has to make room for a newcomer, None if that is the newcomer alone.

        The room is shared as the air is: who holds most for its share gives up, which as a rule is the least urgent.
        Nothing makes room for what is less urgent, but that what is said to one and what is said to all are equals here.
        """
        first = Priority.DIRECTED if priority is Priority.PUBLIC else priority
        held = {one: self._lanes[one].bytes + (size if one is priority else 0) for one in reversed(Priority) if one >= first}
        victim = max(held, key=lambda one: held[one] / SHARES[one])
        return victim if self._lanes[victim].bytes else None

    def _give_up(self, priority: Priority, whose: Whose, victim: Waiting | None = None) -> None:
        lane = self._lanes[priority]
        before = lane.bytes
        self._shed[priority] += lane.give_up(whose, victim)
        self.bytes -= before - lane.bytes
        if not lane.bytes:
            self._turns.leave(priority)

    def _describe(self, frame: bytes, priority: Priority, now: float) -> tuple[bytes, FragmentSet | None]:
        """Return whom a frame is from, and what it is a fragment of; those in sync answers fill holes one by one."""
        try:
            header = peek(frame)
        except DecodeError:
            return b"", None
        origin, start = header.sender_id, header.payload_start
        if header.type != MessageType.FRAGMENT or priority is Priority.SYNC or header.payload_end < start + _FRAGMENT_ID + 2:
            return origin, None
        key = origin + frame[start : start + _FRAGMENT_ID]
        known = self._sets.get(key)
        if known is not None and (known.waiting or now - known.began <= ASSEMBLY_LIFETIME_S):
            return origin, known
        begins = not any(frame[start + _FRAGMENT_ID : start + _FRAGMENT_ID + 2])
        made = self._sets[key] = FragmentSet(now, has_left=not begins)  # what came before went out while the link was not busy
        self._sets.move_to_end(key)
        if len(self._sets) > MAX_FRAGMENT_SETS:
            self._forget_set()
        return origin, made

    def _forget_set(self) -> None:
        """Forget the oldest set of which nothing waits; one of which something does is kept, as what waits is bounded."""
        for key, one in self._sets.items():
            if not one.waiting:
                del self._sets[key]
                return
