"""What a link carries, learned while it has more to carry than it can."""

WINDOW_S = 1.0  # seconds a measurement takes at least: shorter ones see single connection events
WEIGHT = 0.3  # of a new measurement; the rest is what was known


class Throughput:
    """Bytes a second of one link, None while it has never been busy for long enough.

    Measured from one refusal to another: at both the transport's own buffer is full, so what it
    took in between is what has gone over the air.
    """

    __slots__ = ("_moved", "_since", "rate")

    def __init__(self) -> None:
        self.rate: float | None = None
        self._since: float | None = None
        self._moved = 0

    def moved(self, size: int) -> None:
        """Count bytes the link took."""
        self._moved += size

    def refused(self, now: float) -> None:
        """Note that the link is full."""
        if self._since is None:
            self._since, self._moved = now, 0
            return
        elapsed = now - self._since
        if elapsed >= WINDOW_S:
            measured = self._moved / elapsed
            self.rate = measured if self.rate is None else self.rate + WEIGHT * (measured - self.rate)
            self._since, self._moved = now, 0

    def emptied(self) -> None:
        """Note that nothing waits: how long it was full is not known, so the measurement is void."""
        self._since = None
