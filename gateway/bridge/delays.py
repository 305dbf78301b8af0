"""How long things took, counted into classes: what a histogram is made of."""

from bisect import bisect_left
from collections.abc import Sequence

DELIVERY_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds, seconds: from a good line to the longest that is kept for a site."""


class Delays:
    """Plain counts of durations.

    Args:
        bounds: the upper bound of each class, seconds, ascending; what is longer than the last has a class of its own.

    """

    __slots__ = ("bounds", "counts", "total_s")

    def __init__(self, bounds: Sequence[float] = DELIVERY_S) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total_s = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total_s += max(0.0, seconds)
