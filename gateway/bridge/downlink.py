"""Events waiting for the radio: held back in case another gateway is quicker, and never more than the air can bear."""

from dataclasses import dataclass
from math import inf

from gateway.bridge.events import Carried
from gateway.bridge.window import Window
from gateway.limits import MAX_DOWN_PENDING, RELAY_DOWN_SHARE


@dataclass(frozen=True, slots=True)
class _Waiting:
    at: float
    carried: Carried
    yields: bool


class Downlink:
    """What one service has to put down, in the order of its turns.

    Args:
        per_minute: events put down in any minute.

    """

    def __init__(self, per_minute: int) -> None:
        self._sent = Window(per_minute)
        self._yielded = Window(int(per_minute * RELAY_DOWN_SHARE))
        self._waiting: dict[bytes, _Waiting] = {}
        self._last_yields = False

    def __len__(self) -> int:
        return len(self._waiting)

    def get(self, identifier: bytes) -> Carried | None:
        """Return the event with this ID, if it waits."""
        waiting = self._waiting.get(identifier)
        return waiting.carried if waiting is not None else None

    def add(self, carried: Carried, at: float, *, yields: bool = False) -> Carried | None:
        """Let an event wait until `at`; returns the one that waited longest, given up, where there are too many.

        One that `yields` is put down after all that do not, leaves part of the minute to them, and is given up before them.
        """
        self._waiting[carried.identifier] = _Waiting(at, carried, yields)
        if len(self._waiting) <= MAX_DOWN_PENDING:
            return None
        given_up = next((name for name, waiting in self._waiting.items() if waiting.yields), next(iter(self._waiting)))
        return self._waiting.pop(given_up).carried

    def call_off(self, identifier: bytes) -> bool:
        """Do not put this one down; returns whether it waited."""
        return self._waiting.pop(identifier, None) is not None

    def next(self, now: float) -> Carried | None:
        """Take out the event whose turn it is, if the air has room; `sent` must follow if it really goes out."""
        if not self._sent.has_room(now):
            return None
        may_yield = self._yielded.has_room(now)
        due = (waiting for waiting in self._waiting.values() if waiting.at <= now and (may_yield or not waiting.yields))
        ready = min(due, key=lambda waiting: (waiting.yields, waiting.at), default=None)
        if ready is None:
            return None
        del self._waiting[ready.carried.identifier]
        self._last_yields = ready.yields
        return ready.carried

    def sent(self, now: float) -> None:
        """Count one that went out: the one `next` returned last."""
        self._sent.take(now)
        if self._last_yields:
            self._yielded.take(now)

    def next_at(self) -> float:
        """Return when `next` has something, infinity if nothing waits."""
        if not self._waiting:
            return inf
        yields_at = self._yielded.free_at()
        first = min(max(waiting.at, yields_at) if waiting.yields else waiting.at for waiting in self._waiting.values())
        return max(first, self._sent.free_at())
