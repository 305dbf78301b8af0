"""What this node keeps of the public mesh, so that it can offer it to those who missed it.

Public messages stay for six hours, the rest for less (spec section 10), counted from the
time they bear, however late they came. Only packets whose signature was verified get in,
fragments excepted: they carry none.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import NamedTuple

from gateway.errors import DecodeError
from gateway.limits import (
    BOARD_HISTORY_S,
    FRAGMENT_HISTORY_S,
    HISTORY_LAST_S,
    HISTORY_LIFETIME_S,
    MAX_HISTORY_BOARD,
    MAX_HISTORY_BYTES,
    MAX_HISTORY_FILES,
    MAX_HISTORY_FRAGMENTS,
    MAX_HISTORY_GROUP,
    MAX_HISTORY_MESSAGES,
    MAX_HISTORY_PREKEYS,
    PREKEY_HISTORY_S,
)
from gateway.mesh.records import HistoryKept
from gateway.wire.packet import Header, peek
from gateway.wire.types import MessageType


class Shelf(NamedTuple):
    """How many packets of a type are kept, and for how many seconds."""

    capacity: int
    lifetime: float


SHELVES: dict[int, Shelf] = {
    MessageType.MESSAGE: Shelf(MAX_HISTORY_MESSAGES, HISTORY_LIFETIME_S),
    MessageType.GROUP: Shelf(MAX_HISTORY_GROUP, HISTORY_LIFETIME_S),
    MessageType.FRAGMENT: Shelf(MAX_HISTORY_FRAGMENTS, FRAGMENT_HISTORY_S),
    MessageType.FILE: Shelf(MAX_HISTORY_FILES, FRAGMENT_HISTORY_S),
    MessageType.PREKEYS: Shelf(MAX_HISTORY_PREKEYS, PREKEY_HISTORY_S),
    MessageType.BOARD: Shelf(MAX_HISTORY_BOARD, BOARD_HISTORY_S),
}


class Kept(NamedTuple):
    """One packet on its shelf."""

    packet_id: bytes
    frame: bytes
    timestamp_ms: int
    ends_at: float


class History:
    """Shelves of packets by type, oldest thrown out first; `version` grows with every change."""

    def __init__(self) -> None:
        self._shelves: dict[int, OrderedDict[bytes, Kept]] = {kind: OrderedDict() for kind in SHELVES}
        self._bytes = dict.fromkeys(SHELVES, 0)
        self.size = 0  # bytes of every packet that is kept
        self.version = 0

    def __len__(self) -> int:
        return sum(map(len, self._shelves.values()))

    def knows(self, kind: int, packet_id: bytes) -> bool:
        """Say whether a packet is kept."""
        return packet_id in self._shelves.get(kind, ())

    def add(
        self, frame: bytes, header: Header, packet_id: bytes, now: float, wall_ms: int, *, expires_ms: int | None = None
    ) -> Kept | None:
        """Keep a packet for what is left of its life.

        Args:
            frame: the whole packet.
            header: its header.
            packet_id: its ID.
            now: seconds.
            wall_ms: the same moment in milliseconds since the epoch.
            expires_ms: when its author wants it forgotten, if that is said.

        Returns:
            What is kept; None if its type never is, it is there already, or its time is over.

        """
        shelf = self._shelves.get(header.type)
        if shelf is None or packet_id in shelf:
            return None
        left = SHELVES[header.type].lifetime - max(0, wall_ms - header.timestamp_ms) / 1000
        if expires_ms is not None:
            left = min(left, (expires_ms - wall_ms) / 1000)
        if left <= 0:
            return None
        kept = Kept(packet_id, frame, header.timestamp_ms, now + left)
        self._put(header.type, kept)
        return kept

    def withdraw(self, kind: int, packet_id: bytes) -> bool:
        """Keep a packet no more; False if it was not there."""
        known = self.knows(kind, packet_id)
        if known:
            self._drop(kind, packet_id)
        return known

    def restore(self, older: Iterable[HistoryKept], now: float, wall_ms: int) -> None:
        """Put packets that were kept before a restart beneath what has come since; the oldest first, as they came.

        Args:
            older: the packets; what cannot be one, or is here already, is left out.
            now: seconds.
            wall_ms: the same moment in milliseconds since the epoch.

        """
        newer = [(kind, kept) for kind, shelf in self._shelves.items() for kept in shelf.values()]
        for kind, kept in newer:
            self._drop(kind, kept.packet_id)
        for one in older:
            try:
                self.add(one.frame, peek(one.frame), one.packet_id, now, wall_ms, expires_ms=one.until_ms)
            except DecodeError:
                continue  # written by another version, or on a card that forgets
        for kind, kept in newer:
            if not self.knows(kind, kept.packet_id):
                self._put(kind, kept)

    def newest_first(self, kinds: Sequence[int], alive_at: float = -inf) -> Iterator[Kept]:
        """Walk the shelves of these types, each from the packet that came last, over what will not have ended by then."""
        for kind in kinds:
            yield from (kept for kept in reversed(self._shelves.get(kind, {}).values()) if kept.ends_at > alive_at)

    def offered(self, kinds: Sequence[int], now: float) -> Iterator[Kept]:
        """Walk the shelves likewise over what others may be given: not what ends soon, which they may have had and forgotten."""
        return self.newest_first(kinds, now + HISTORY_LAST_S)

    def expire(self, now: float) -> None:
        """Throw out what has reached the end of its life."""
        for kind, shelf in self._shelves.items():
            for packet_id in [kept.packet_id for kept in shelf.values() if kept.ends_at <= now]:
                self._drop(kind, packet_id)

    def _put(self, kind: int, kept: Kept) -> None:
        shelf = self._shelves[kind]
        shelf[kept.packet_id] = kept
        self._bytes[kind] += len(kept.frame)
        self.size += len(kept.frame)
        self.version += 1
        if len(shelf) > SHELVES[kind].capacity:
            self._drop(kind, next(iter(shelf)))
        while self.size > MAX_HISTORY_BYTES:
            heaviest = max(self._bytes, key=self._bytes.__getitem__)
            self._drop(heaviest, next(iter(self._shelves[heaviest])))

    def _drop(self, kind: int, packet_id: bytes) -> None:
        size = len(self._shelves[kind].pop(packet_id).frame)
        self._bytes[kind] -= size
        self.size -= size
        self.version += 1
