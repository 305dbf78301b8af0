"""What a node does by the clock: each chore has one deadline, and setting it again moves it."""

from collections.abc import Iterator
from enum import Enum, auto
from math import inf


class Chore(Enum):
    """The kinds of recurring work."""

    ANNOUNCE = auto()
    SYNC = auto()
    HOUSEKEEPING = auto()


Name = tuple[Chore, str]
"""A chore and what it is about (a link, or nothing)."""


class Chores:
    """Deadlines by name; a handful at a time, so a plain dict is quickest. `first` is the earliest, infinity without one."""

    __slots__ = ("_at", "first")

    def __init__(self) -> None:
        self._at: dict[Name, float] = {}
        self.first = inf

    def set(self, at: float, chore: Chore, about: str = "") -> None:
        """Do this chore at `at`, instead of when it was due before."""
        self._at[chore, about] = at
        self._look()

    def cancel(self, chore: Chore, about: str) -> None:
        """Do not do this after all."""
        self._at.pop((chore, about), None)
        self._look()

    def due(self, now: float) -> Iterator[Name]:
        """Take out what is due."""
        if now < self.first:
            return
        ready = [name for name, at in self._at.items() if at <= now]
        for name in ready:
            del self._at[name]
        self._look()
        yield from ready

    def _look(self) -> None:
        self.first = min(self._at.values(), default=inf)
