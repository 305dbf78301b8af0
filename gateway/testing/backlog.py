"""Frames that wait for one link: most urgent first, bounded by bytes."""

from collections import deque

from gateway.mesh.effects import Priority


class Backlog:
    """What a link refused, in order of priority and, within one, of arrival.

    At most `max_bytes` wait; when more come the least urgent and newest go first.
    """

    __slots__ = ("_queues", "dropped", "max_bytes", "waiting")

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.waiting = 0  # bytes
        self.dropped = 0  # frames
        self._queues: tuple[deque[bytes], ...] = tuple(deque() for _ in Priority)

    def __len__(self) -> int:
        return sum(map(len, self._queues))

    def push(self, frame: bytes, priority: Priority) -> None:
        """Let a frame wait; sheds from the end when over the bound."""
        self._queues[priority].append(frame)
        self.waiting += len(frame)
        while self.waiting > self.max_bytes:
            last = next(queue for queue in reversed(self._queues) if queue)
            self.waiting -= len(last.pop())
            self.dropped += 1

    def head(self) -> bytes:
        """The frame to send next; `IndexError` when nothing waits."""
        for queue in self._queues:
            if queue:
                return queue[0]
        raise IndexError("nothing waits")

    def pop(self) -> bytes:
        """Take `head` out."""
        frame = self.head()
        next(queue for queue in self._queues if queue).popleft()
        self.waiting -= len(frame)
        return frame

    def clear(self) -> None:
        """Forget everything, as when the link went down; what is forgotten counts as dropped."""
        self.dropped += len(self)
        for queue in self._queues:
            queue.clear()
        self.waiting = 0
