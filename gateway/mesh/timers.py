"""One heap of things to do later, for an engine that owns no clock."""

import heapq
from collections.abc import Iterator
from itertools import count
from math import inf
from typing import Generic, TypeVar

T = TypeVar("T")


class Timers(Generic[T]):
    """A priority queue by time; equal times come out in the order they were set.

    `first` is when the first item is due, infinity without one: an attribute, for it is asked for after every packet.
    """

    __slots__ = ("_heap", "_order", "first")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, T]] = []
        self._order = count()
        self.first = inf

    def __len__(self) -> int:
        return len(self._heap)

    def set(self, at: float, item: T) -> None:
        """Make `item` due at time `at` (seconds, the engine's clock)."""
        heapq.heappush(self._heap, (at, next(self._order), item))
        self.first = self._heap[0][0]

    def __iter__(self) -> Iterator[T]:
        """Walk everything that waits, in the order it will be due."""
        return (item for _, _, item in sorted(self._heap))

    def due(self, now: float) -> Iterator[T]:
        """Take out everything due, also what becomes due meanwhile."""
        while self.first <= now:
            item = heapq.heappop(self._heap)[2]
            self.first = self._heap[0][0] if self._heap else inf
            yield item
