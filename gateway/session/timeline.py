"""Entries that all live equally long, so that the first in is the first to end."""

from typing import Generic, Protocol, TypeVar


class Ending(Protocol):
    """Anything with an end."""

    ends_at: float  # seconds of the monotonic clock


E = TypeVar("E", bound=Ending)


class Timeline(Generic[E]):
    """One entry for each peer ID, in the order they were put in; asking for the next end costs nothing."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[bytes, E] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, peer_id: bytes) -> bool:
        return peer_id in self._entries

    def get(self, peer_id: bytes) -> E | None:
        """Return a peer's entry, None without one."""
        return self._entries.get(peer_id)

    def put(self, peer_id: bytes, entry: E) -> None:
        """Add an entry as the youngest, in place of the peer's last one."""
        self._entries.pop(peer_id, None)
        self._entries[peer_id] = entry

    def pop(self, peer_id: bytes) -> E | None:
        """Remove and return a peer's entry, None without one."""
        return self._entries.pop(peer_id, None)

    def items(self) -> list[tuple[bytes, E]]:
        """Return every peer ID with its entry, oldest first."""
        return list(self._entries.items())

    def pop_oldest(self) -> E:
        """Remove and return the oldest entry; KeyError when empty."""
        return self._entries.pop(next(iter(self._entries)))

    def pop_ended(self, now: float) -> list[E]:
        """Remove and return what has ended by `now`."""
        ended: list[E] = []
        while self._entries and next(iter(self._entries.values())).ends_at <= now:
            ended.append(self.pop_oldest())
        return ended

    def next_end(self) -> float | None:
        """Return when the first entry ends, None when empty."""
        for entry in self._entries.values():
            return entry.ends_at
        return None
