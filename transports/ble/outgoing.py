"""What waits to be written on one dialled link.

A write command is acknowledged by bluetoothd alone, whose own queue has no bound. So the first frame and
every `BLE_WRITE_FENCE`-th after it are fences, written with response: the answer proves that all frames
before have arrived (ATT keeps the order), and while it is missing nothing more is written.
"""

from collections import deque

from transports.limits import BLE_QUEUE_FRAMES, BLE_WRITE_FENCE


class Outgoing:
    """A short queue with back-pressure; `depth` and `fence` count frames."""

    def __init__(self, depth: int = BLE_QUEUE_FRAMES, fence: int = BLE_WRITE_FENCE) -> None:
        if depth < 1 or fence < 1:
            raise ValueError("A queue holds at least one frame, and a fence follows after at least one.")
        self._depth = depth
        self._fence = fence
        self._waiting: deque[bytes] = deque()
        self._taken = 0
        self._owes_writable = False

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether the next frame would be refused."""
        return len(self._waiting) >= self._depth

    def offer(self, frame: bytes) -> bool:
        """Add a frame; False when full, and then `room` will say when there is room again."""
        if self.is_full:
            self._owes_writable = True
            return False
        self._waiting.append(frame)
        return True

    def take(self) -> tuple[bytes, bool] | None:
        """The next frame and whether it is a fence, or None if nothing waits."""
        if not self._waiting:
            return None
        fence = self._taken % self._fence == 0
        self._taken += 1
        return self._waiting.popleft(), fence

    def room(self) -> bool:
        """Whether somebody was refused and half of the queue is free by now; True once per refusal."""
        if self._owes_writable and len(self._waiting) * 2 <= self._depth:
            self._owes_writable = False
            return True
        return False
