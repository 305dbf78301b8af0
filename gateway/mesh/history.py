"""What this node keeps of the public mesh, so that it can offer it to those who missed it.

Public messages stay for six hours, the rest for less (spec section 10). Only packets whose
signature was verified get in, fragments excepted: they carry none.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gateway.limits import (
    FRAGMENT_HISTORY_S,
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
from gateway.wire.packet import Header
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
    MessageType.BOARD: Shelf(MAX_HISTORY_BOARD, PREKEY_HISTORY_S),
}


class Kept(NamedTuple):
    """One packet on its shelf."""

    packet_id: bytes
    frame: bytes
    timestamp_ms: int
    kept_at: float


class History:
    """Shelves of packets by type, oldest thrown out first; `version` grows with every change."""

    def __init__(self) -> None:
        self._shelves: dict[int, OrderedDict[bytes, Kept]] = {kind: OrderedDict() for kind in SHELVES}
        self.bytes = 0
        self.version = 0

    def __len__(self) -> int:
        return sum(map(len, self._shelves.values()))

    def add(self, frame: bytes, header: Header, packet_id: bytes, now: float) -> bool:
        """Keep a packet, unless its type is never kept or it is kept already."""
        shelf = self._shelves.get(header.type)
        if shelf is None or packet_id in shelf:
            return False
        shelf[packet_id] = Kept(packet_id, frame, header.timestamp_ms, now)
        self.bytes += len(frame)
        self.version += 1
        if len(shelf) > SHELVES[header.type].capacity:
            self._drop_oldest(shelf)
        while self.bytes > MAX_HISTORY_BYTES:
            self._drop_oldest(max(self._shelves.values(), key=_weight))
        return True

    def newest_first(self, kinds: Sequence[int]) -> Iterator[Kept]:
        """Walk the shelves of these types, each from its newest packet."""
        for kind in kinds:
            yield from reversed(self._shelves.get(kind, {}).values())

    def expire(self, now: float) -> None:
        """Throw out what is older than its shelf allows."""
        for kind, shelf in self._shelves.items():
            lifetime = SHELVES[kind].lifetime
            while shelf and now - next(iter(shelf.values())).kept_at > lifetime:
                self._drop_oldest(shelf)

    def _drop_oldest(self, shelf: OrderedDict[bytes, Kept]) -> None:
        _, kept = shelf.popitem(last=False)
        self.bytes -= len(kept.frame)
        self.version += 1


def _weight(shelf: OrderedDict[bytes, Kept]) -> int:
    return sum(len(kept.frame) for kept in shelf.values())
