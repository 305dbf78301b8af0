"""Events kept at hand: for sites that were out of reach, and while there is no site at all.

What a site missed is found by asking: each offers the names of what it keeps when a link
comes up and every minute after, and the other asks for what it lacks. So an event reaches
every site that is linked at some time while the event is fresh, whatever a link lost.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from gateway.bridge.events import Carried
from gateway.bridge.gate import Subject
from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_EVENTS_KEPT, MAX_QUEUED_DEPOSITS, MAX_QUEUED_PER_DEPOSITOR
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
        self._kept: OrderedDict[bytes, Shelved] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, one: Shelved) -> None:
        """Keep one until it expires."""
        self._kept[one.envelope.packet_id] = one
        if len(self._kept) > MAX_EVENTS_KEPT:
            self._kept.popitem(last=False)

    def get(self, identifier: bytes) -> Shelved | None:
        """Return one by its name."""
        return self._kept.get(identifier)

    def expire(self, wall_ms: int) -> None:
        """Drop what phones would not take any more."""
        for identifier in [name for name, one in self._kept.items() if one.envelope.expires_ms < wall_ms]:
            del self._kept[identifier]

    def names(self, fits: Callable[[Shelved], bool]) -> bytes:
        """Return the names of all that is kept and fits, one after the other."""
        return b"".join(name for name, one in self._kept.items() if fits(one))


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
