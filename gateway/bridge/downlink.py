"""Events waiting for the radio: held back in case another gateway is quicker, and never more than the air can bear."""

from dataclasses import dataclass
from math import inf

from gateway.bridge.events import Carried
from gateway.bridge.window import Window
from gateway.limits import MAX_DOWN_PENDING


@dataclass(frozen=True, slots=True)
class _Waiting:
    at: float
    carried: Carried


class Downlink:
    """What one service has to put down, in the order of its turns.

    Args:
        per_minute: events put down in any minute.

    """

    def __init__(self, per_minute: int) -> None:
        self._sent = Window(per_minute)
        self._waiting: dict[bytes, _Waiting] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def get(self, identifier: bytes) -> Carried | None:
        """Return the event with this ID, if it waits."""
        waiting = self._waiting.get(identifier)
        return waiting.carried if waiting is not None else None

    def add(self, carried: Carried, at: float) -> Carried | None:
        """Let an event wait until `at`; returns the one that waited longest, given up, where there are too many."""
        self._waiting[carried.identifier] = _Waiting(at, carried)
        if len(self._waiting) <= MAX_DOWN_PENDING:
            return None
        return self._waiting.pop(next(iter(self._waiting))).carried

    def call_off(self, identifier: bytes) -> bool:
        """Do not put this one down; returns whether it waited."""
        return self._waiting.pop(identifier, None) is not None

    def next(self, now: float) -> Carried | None:
        """Take out the event whose turn it is, if the air has room; `sent` must follow if it really goes out."""
        if not self._sent.has_room(now):
            return None
        ready = min(self._waiting.values(), key=lambda waiting: waiting.at, default=None)
        if ready is None or ready.at > now:
            return None
        del self._waiting[ready.carried.identifier]
        return ready.carried

    def sent(self, now: float) -> None:
        """Count one that went out."""
        self._sent.take(now)

    def next_at(self) -> float:
        """Return when `next` has something, infinity if nothing waits."""
        if not self._waiting:
            return inf
        return max(min(waiting.at for waiting in self._waiting.values()), self._sent.free_at())
