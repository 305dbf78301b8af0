"""What the consent bridge remembers: a bounded set whose members expire."""

from collections import OrderedDict
from math import inf


class Remembered:
    """IDs, the oldest forgotten first above `capacity`, each after `lifetime` seconds.

    Args:
        capacity: IDs kept.
        lifetime: seconds after which one counts as new again.

    """

    __slots__ = ("_capacity", "_ids", "_lifetime")

    def __init__(self, capacity: int, lifetime: float = inf) -> None:
        self._ids: OrderedDict[bytes, float] = OrderedDict()
        self._capacity = capacity
        self._lifetime = lifetime

    def __len__(self) -> int:
        return len(self._ids)

    def knows(self, identifier: bytes, now: float) -> bool:
        """Say whether this ID was added within the lifetime."""
        added = self._ids.get(identifier)
        return added is not None and now - added < self._lifetime

    def add(self, identifier: bytes, now: float) -> None:
        """Remember an ID from now on."""
        self._ids[identifier] = now
        self._ids.move_to_end(identifier)
        if len(self._ids) > self._capacity:
            self._ids.popitem(last=False)

    def forget(self, identifier: bytes) -> None:
        """Treat an ID as new again."""
        self._ids.pop(identifier, None)

    def count(self, now: float) -> int:
        """Return how many were added within the lifetime."""
        while self._ids and now - next(iter(self._ids.values())) >= self._lifetime:
            self._ids.popitem(last=False)
        return len(self._ids)
