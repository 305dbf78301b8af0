"""Whose turn it is among those who wait: fair queueing by start times (after Goyal, Vin and Cheng, 1996).

Everybody has a place in line. Who is served moves back by what that cost; who joins starts where the line
is now, or where their last service put them. So nobody saves up turns while away, and nobody gains by
leaving after every service and joining again. The line moves on with every service by an equal part of its
cost, because names cost nothing: at a line that stood still, ever new ones would always be before the old.
"""

from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

K = TypeVar("K")

SPARE = 32  # entries that may be out of date before the line is tidied


class Turns(Generic[K]):
    """A line of keys; `cost` is in whatever unit the caller shares out."""

    __slots__ = ("_ends", "_heap", "_number", "_place", "_waiting")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, int, K]] = []  # place, rank, number; some are out of date
        self._waiting: dict[K, tuple[float, int]] = {}  # place and number of the entry that counts
        self._ends: dict[K, float] = {}  # where those who do not wait may join again
        self._place = 0.0  # where the line is now
        self._number = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, key: K, rank: int = 0) -> None:
        """Let somebody wait who does not yet; of two at the same place the lower rank goes first, then who came first."""
        if key not in self._waiting:
            self._enter(key, rank, max(self._place, self._ends.pop(key, 0.0)))

    def first(self) -> K | None:
        """Return whose turn it is, None if nobody waits."""
        heap = self._heap
        while heap:
            _, _, number, key = heap[0]
            if self._waiting.get(key, (0.0, -1))[1] == number:
                return key
            heappop(heap)
        return None

    def served(self, key: K, cost: float, *, again: bool) -> None:
        """Move back who is first, by `cost`, or out of the line if there is nothing more to serve.

        Raises:
            LookupError: it is somebody else's turn.

        """
        if self.first() != key:
            raise LookupError(f"{key!r} is not first")
        place, rank, _, _ = heappop(self._heap)
        self._place = max(place, self._place + cost / len(self._waiting))
        del self._waiting[key]
        if again:
            self._enter(key, rank, place + cost)
        else:
            self._end(key, place + cost)

    def leave(self, key: K) -> None:
        """Let somebody go who has not been served."""
        place, _ = self._waiting.pop(key)
        self._end(key, place)

    def _enter(self, key: K, rank: int, place: float) -> None:
        self._number += 1
        self._waiting[key] = (place, self._number)
        heappush(self._heap, (place, rank, self._number, key))
        if len(self._heap) > 2 * len(self._waiting) + SPARE:
            self._heap = [entry for entry in self._heap if self._waiting.get(entry[3], (0.0, -1))[1] == entry[2]]
            heapify(self._heap)

    def _end(self, key: K, place: float) -> None:
        if not self._waiting:  # nobody is left to whom a place could matter
            self._heap.clear()
            self._ends.clear()
            self._place = 0.0
            return
        self._ends[key] = place
        if len(self._ends) > 2 * len(self._waiting) + SPARE:
            self._ends = {other: end for other, end in self._ends.items() if end > self._place}
