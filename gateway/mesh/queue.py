"""What waits for a link that is busy, and what is shed when too much waits.

Bounded in bytes, which is air time: packets are not alike. A local link serves the most
urgent class first and sheds the oldest of the least urgent. A link to another site keeps
the order of everything, because an announce must travel ahead of what its author says.
"""

from collections import deque

from gateway.mesh.effects import Priority


class LinkQueue:
    """Frames waiting for one link.

    Args:
        capacity: bytes.
        in_order: first in, first out, whatever the priority; a full queue refuses the newest.

    """

    def __init__(self, capacity: int, *, in_order: bool = False) -> None:
        self._capacity = capacity
        self._in_order = in_order
        self._classes: tuple[deque[bytes], ...] = tuple(deque() for _ in (Priority if not in_order else (Priority.DIRECTED,)))
        self.bytes = 0
        self.shed = 0

    def __len__(self) -> int:
        return sum(map(len, self._classes))

    def push(self, frame: bytes, priority: Priority) -> bool:
        """Add a frame; returns False if it, or something less urgent, had to go."""
        kept = len(frame) <= self._capacity
        if not kept:
            self.shed += 1
            return False
        while self.bytes + len(frame) > self._capacity:
            kept = False
            self.shed += 1
            if not self._shed_below(priority):
                return False
        self._classes[0 if self._in_order else priority].append(frame)
        self.bytes += len(frame)
        return kept

    def peek(self) -> bytes | None:
        """Return the frame to send next, leaving it in place."""
        for waiting in self._classes:
            if waiting:
                return waiting[0]
        return None

    def pop(self) -> None:
        """Take out what `peek` returned, once the link has accepted it."""
        for waiting in self._classes:
            if waiting:
                self.bytes -= len(waiting.popleft())
                return

    def take_all(self) -> tuple[tuple[bytes, Priority], ...]:
        """Empty the queue; returns what was in it, in the order it would have left."""
        frames = tuple((frame, priority) for priority, waiting in zip(Priority, self._classes, strict=False) for frame in waiting)
        for waiting in self._classes:
            waiting.clear()
        self.bytes = 0
        return frames

    def _shed_below(self, priority: Priority) -> bool:
        """Make room at the cost of something no more urgent than the newcomer."""
        if self._in_order:
            return False
        for waiting in reversed(self._classes[priority:]):
            if waiting:
                self.bytes -= len(waiting.popleft())
                return True
        return False
