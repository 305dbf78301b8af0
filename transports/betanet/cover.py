"""What a channel sends although nobody needs it, so that its silence says less.

    ping       after 10 to 60 seconds, and that a tenth more or less: drawn anew each time, never in step
    padding    0 to 3 KiB, once in every silence, 200 to 1,200 milliseconds after the last byte of a stream

All draws are even. Padding does not follow padding: one silence would cost 180 MB a day.

Source: BetaNet 1.1, section 5.5. The text leaves open whether padding ends a silence; it does not, here.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

PING_S: Final = (10.0, 60.0)
PING_JITTER: Final = (0.9, 1.1)
SILENCE_S: Final = (0.2, 1.2)
MOST_PADDING: Final = 3 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Ping:
    """A ping is due."""


@dataclass(frozen=True, slots=True)
class Padding:
    """Padding of so many bytes is due."""

    size: int


class Cover:
    """When one side of a channel sends what.

    Args:
        rng: whose draws nobody can foresee.
        now: monotonic seconds, here and everywhere.
    """

    __slots__ = ("_pad_at", "_ping_at", "_rng")

    def __init__(self, rng: Random, now: float) -> None:
        self._rng = rng
        self._pad_at: float | None = None
        self._ping_at = now + self._interval()

    @property
    def next_wakeup(self) -> float:
        """Monotonic seconds at which something is due."""
        return self._ping_at if self._pad_at is None else min(self._ping_at, self._pad_at)

    def sent(self, now: float) -> None:
        """Say that bytes of a stream went out: a silence begins."""
        self._pad_at = now + self._rng.uniform(*SILENCE_S)

    def due(self, now: float) -> list[Ping | Padding]:
        """Return what has to be sent now; it is not returned again."""
        found: list[Ping | Padding] = []
        if self._pad_at is not None and now >= self._pad_at:
            self._pad_at = None
            found.append(Padding(self._rng.randint(0, MOST_PADDING)))
        if now >= self._ping_at:
            self._ping_at = now + self._interval()
            found.append(Ping())
        return found

    def _interval(self) -> float:
        return self._rng.uniform(*PING_S) * self._rng.uniform(*PING_JITTER)
