"""Events kept at hand: for sites that were out of reach, and while there is no site at all.

What a site missed is found by asking: each offers the names of what it keeps when a link
comes up and every minute after, and the other asks for what it lacks. So an event reaches
every site that is linked at some time while the event is fresh, whatever a link lost.
What leaves the shelf while a site was out of reach, that site may lack for good, and this is told.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection
from math import inf
from typing import NamedTuple

from gateway.bridge.events import Carried
from gateway.bridge.gate import Subject
from gateway.bridge.remembered import Remembered
from gateway.errors import DecodeError, Reason
from gateway.limits import EVENT_MEMORY_S, MAX_EVENTS_KEPT, MAX_QUEUED_DEPOSITS, MAX_QUEUED_PER_DEPOSITOR, MAX_SITES
from gateway.wire.envelope import Envelope
from gateway.wire.envelope_schema import PACKET_ID


class Shelved(NamedTuple):
    """An event that is kept."""

    envelope: Envelope
    what: Subject
    origin: bytes  # the site that brought it, empty for our own island
    is_told: bool  # whether its way is recorded: somebody says something in it


class Shelf:
    """Fresh events, the oldest given up above `MAX_EVENTS_KEPT`."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, tuple[Shelved, float]] = OrderedDict()  # and since when
        self._met = Remembered(MAX_SITES, EVENT_MEMORY_S)  # sites that were linked lately
        self._gap_at = -inf  # when one of them was last seen to be out of reach

    def __len__(self) -> int:
        return len(self._kept)

    def look(self, linked: Collection[bytes], now: float) -> None:
        """Note which sites are linked."""
        for site_id in linked:
            self._met.add(site_id, now)
        if self._met.count(now) > len(linked):
            self._gap_at = now

    def add(self, one: Shelved, now: float) -> list[bytes]:
        """Keep one until it expires; returns the name of what had to go for it, if a site may lack that for good."""
        self._kept[one.envelope.packet_id] = one, now
        return self._drop([next(iter(self._kept))]) if len(self._kept) > MAX_EVENTS_KEPT else []

    def get(self, identifier: bytes) -> Shelved | None:
        """Return one by its name."""
        kept = self._kept.get(identifier)
        return kept[0] if kept is not None else None

    def expire(self, wall_ms: int) -> list[bytes]:
        """Drop what phones would not take any more; returns the names of what a site may lack for good."""
        return self._drop([name for name, (one, _) in self._kept.items() if one.envelope.expires_ms < wall_ms])

    def names(self, fits: Callable[[Shelved], bool]) -> bytes:
        """Return the names of all that is kept and fits, one after the other."""
        return b"".join(name for name, (one, _) in self._kept.items() if fits(one))

    def _drop(self, names: list[bytes]) -> list[bytes]:
        gone = {name: self._kept.pop(name) for name in names}
        return [name for name, (one, since) in gone.items() if one.is_told and since <= self._gap_at]


def split_names(body: bytes) -> list[bytes]:
    """Return the names in the body of an offer or a wish; raises `DecodeError` (ENVELOPE or OVERSIZED)."""
    if len(body) % PACKET_ID:
        raise DecodeError(Reason.ENVELOPE, "names have 16 bytes each")
    if len(body) > PACKET_ID * MAX_EVENTS_KEPT:
        raise DecodeError(Reason.OVERSIZED, "too many names")
    return [body[at : at + PACKET_ID] for at in range(0, len(body), PACKET_ID)]


class Unsent:
    """Deposits for which no site was linked yet (upstream: while the relays cannot be reached)."""

    def __init__(self) -> None:
        self._waiting: list[tuple[bytes, Carried]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, depositor: bytes, carried: Carried) -> Carried | None:
        """Keep a deposit.

        Returns:
            None if there was room; else the one that is given up: this one where its depositor has
            too many waiting, the oldest where all have.

        """
        if sum(one == depositor for one, _ in self._waiting) >= MAX_QUEUED_PER_DEPOSITOR:
            return carried
        self._waiting.append((depositor, carried))
        return self._waiting.pop(0)[1] if len(self._waiting) > MAX_QUEUED_DEPOSITS else None

    def take_all(self) -> list[Carried]:
        """Take out every deposit, oldest first."""
        taken, self._waiting = self._waiting, []
        return [carried for _, carried in taken]
