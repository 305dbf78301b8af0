"""What the engines have to say for the store. Nobody acts on these effects; they are what outlives a restart."""

from dataclasses import dataclass
from enum import IntEnum


@dataclass(slots=True)
class HistoryKept:
    """A packet was taken into the public history, to be offered to those who missed it until a moment in Unix milliseconds.

    Every packet here was verified, but for fragments, which carry no signature.
    """

    kind: int  # `gateway.wire.types.MessageType`
    packet_id: bytes
    frame: bytes
    until_ms: int


class EventMemory(IntEnum):
    """What is remembered of an event of the consent bridge."""

    KNOWN = 1  # it came from a site, and there is nothing left to do with it here
    OURS = 2  # it was deposited here
    ON_AIR = 3  # another gateway put it down here
    PUT_DOWN = 4  # we did


@dataclass(frozen=True, slots=True)
class EventNoted:
    """Something is to be remembered of an event until a moment in Unix milliseconds, or forgotten if that is 0."""

    memory: EventMemory
    identifier: bytes
    until_ms: int


Record = HistoryKept | EventNoted

RECORDS = frozenset({HistoryKept, EventNoted})
"""The types of these effects, for whoever has no store."""
