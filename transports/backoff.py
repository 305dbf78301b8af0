"""How long to wait before trying again: exponential back-off with full jitter."""

from random import Random

from transports.limits import BACKOFF_CAP_S, BACKOFF_FIRST_S


class Backoff:
    """Says how long to wait after each failure in a row.

    The n-th wait is drawn evenly from 0 to ``min(cap, first * 2**n)`` seconds ("full jitter"), so that
    gateways that lost each other at the same moment do not come back at the same moment.
    """

    def __init__(self, rng: Random, *, first: float = BACKOFF_FIRST_S, cap: float = BACKOFF_CAP_S) -> None:
        if not 0 < first <= cap:
            raise ValueError("The first wait must be positive and not above the cap.")
        self._rng = rng
        self._first = first
        self._cap = cap
        self._ceiling = first

    @property
    def ceiling(self) -> float:
        """The longest the next wait can be, in seconds."""
        return self._ceiling

    def next(self) -> float:
        """The next wait in seconds."""
        wait = self._rng.uniform(0.0, self._ceiling)
        self._ceiling = min(self._cap, self._ceiling * 2)
        return wait

    def reset(self) -> None:
        """It worked: the next failure is a first one again."""
        self._ceiling = self._first
