"""Sliding windows: so many in any minute, as BitChat counts (a token bucket would allow twice that at its edge)."""

from collections import OrderedDict, deque
from math import inf
from typing import Final

MINUTE_S: Final = 60.0


class Window:
    """At most `limit` in any `seconds`; time is the caller's monotonic clock.

    Args:
        limit: how many.
        seconds: in what time.

    """

    __slots__ = ("_limit", "_seconds", "_times")

    def __init__(self, limit: int, seconds: float = MINUTE_S) -> None:
        self._limit = limit
        self._seconds = seconds
        self._times: deque[float] = deque()

    def has_room(self, now: float) -> bool:
        """Say whether one more is allowed at `now`."""
        while self._times and now >= self._times[0] + self._seconds:
            self._times.popleft()
        return len(self._times) < self._limit

    def take(self, now: float) -> bool:
        """Count one, or return False and count nothing when there is no room."""
        if not self.has_room(now):
            return False
        self._times.append(now)
        return True

    def free_at(self) -> float:
        """Return from when on there is room, minus infinity if there is now."""
        return self._times[0] + self._seconds if len(self._times) >= self._limit else -inf


class KeyedWindows:
    """One window for each key; the key used longest ago is forgotten above `cap` keys.

    A forgotten key starts anew, so keys a stranger can invent need a window over all of them as well.
    """

    __slots__ = ("_cap", "_limit", "_seconds", "_windows")

    def __init__(self, limit: int, cap: int, seconds: float = MINUTE_S) -> None:
        self._limit = limit
        self._cap = cap
        self._seconds = seconds
        self._windows: OrderedDict[bytes, Window] = OrderedDict()

    def __len__(self) -> int:
        return len(self._windows)

    def has_room(self, key: bytes, now: float) -> bool:
        """Say whether one more of `key` is allowed at `now`."""
        window = self._windows.get(key)
        return window is None or window.has_room(now)

    def take(self, key: bytes, now: float) -> bool:
        """Count one of `key`, or return False and count nothing when there is no room."""
        window = self._windows.pop(key, None) or Window(self._limit, self._seconds)
        self._windows[key] = window
        if len(self._windows) > self._cap:
            self._windows.popitem(last=False)
        return window.take(now)
