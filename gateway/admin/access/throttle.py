"""Whoever guesses waits, twice as long each time, and a restart of the gateway does not shorten that.

Only counts are kept, and only under hashes. After a restart the whole wait begins anew: many a board does not know what
time it was when it went down.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from gateway.admin.limits import FAILURES_S, MAX_FAILURES


@dataclass(slots=True)
class _Failures:
    count: int
    last: float
    until: float


class Throttle:
    """Counts failures for some kind of key, and says how long to wait.

    Args:
        free: failures without a wait.
        first_s: seconds of the first wait.
        most_s: seconds of the longest.
        salt: makes of a key the name under which it is counted.
        counts: what was counted before the restart, by such names.
        now: monotonic seconds.

    Attributes:
        changes: grows with everything that is worth keeping.

    """

    def __init__(self, free: int, first_s: float, most_s: float, salt: bytes, counts: Mapping[str, int], now: float) -> None:
        self._free = free
        self._first_s = first_s
        self._most_s = most_s
        self._salt = salt
        self._known = {key: _Failures(count, now, now + self._delay(count)) for key, count in counts.items()}
        self.changes = 0

    def wait(self, key: str, now: float) -> float:
        """Return the seconds until it may try again, 0 if it may now."""
        found = self._found(key, now)
        return max(0.0, found.until - now) if found is not None else 0.0

    def fail(self, key: str, now: float) -> None:
        """Count a failure; whoever tries something counts it before it is known to be one, so that many at once gain nothing."""
        found = self._found(key, now)
        count = found.count + 1 if found is not None else 1
        self._known[self._name(key)] = _Failures(count, now, now + self._delay(count))
        self.changes += 1
        while len(self._known) > MAX_FAILURES:
            del self._known[min(self._known, key=lambda name: (self._known[name].count, self._known[name].last))]

    def forgive(self, key: str) -> None:
        """It was right: begin anew."""
        if self._known.pop(self._name(key), None) is not None:
            self.changes += 1

    def undo(self, key: str) -> None:
        """It was no failure after all; those before it still count, so that a right guess of one thing buys none of another."""
        found = self._known.get(self._name(key))
        if found is not None:
            found.count -= 1
            found.until = 0.0
            self.changes += 1
            if found.count <= 0:
                self.forgive(key)

    def counts(self) -> dict[str, int]:
        """Return what is worth keeping."""
        return {name: found.count for name, found in self._known.items()}

    def _found(self, key: str, now: float) -> _Failures | None:
        found = self._known.get(self._name(key))
        if found is not None and now - found.last > FAILURES_S:
            self.forgive(key)
            return None
        return found

    def _name(self, key: str) -> str:
        return hmac.new(self._salt, key.encode(errors="replace"), sha256).hexdigest()[:32]

    def _delay(self, count: int) -> float:
        if count < self._free:
            return 0.0
        return min(self._most_s, self._first_s * 2.0 ** min(count - self._free, 32))
