"""What is logged: one line per change of state, each with a level, a name out of a closed set, a sentence and fields."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Final
from uuid import UUID, uuid5


class Level(IntEnum):
    """How much an entry matters, in the numbers of the standard library."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40

    @property
    def word(self) -> str:
        """Its name in records and settings."""
        return self.name.lower()

    @property
    def priority(self) -> int:
        """Its number in syslog and the journal."""
        return {Level.DEBUG: 7, Level.INFO: 6, Level.WARNING: 4, Level.ERROR: 3}[self]


def level_of(word: str) -> Level:
    """Return the level of a word such as "warning"; one that is unknown is worth reading."""
    return next((level for level in Level if level.word == word), Level.WARNING)


class Event(StrEnum):
    """Every kind of entry."""

    GATEWAY_STARTING = "gateway_starting"  # who it is, and where to look
    GATEWAY_READY = "gateway_ready"  # commands are answered
    GATEWAY_STOPPING = "gateway_stopping"  # it was told to end
    GATEWAY_STOPPED = "gateway_stopped"  # and has ended
    CONDITION_RAISED = "condition_raised"  # something is wrong, or worth knowing
    CONDITION_CLEARED = "condition_cleared"  # and it is over
    CLOCK = "clock"  # the time of day is believed, or not
    STORE = "store"  # the database cannot be used, or can again, or was moved aside
    TRANSPORT_FAILED = "transport_failed"  # it is started again
    RADIO = "radio"  # what the Bluetooth radio says of itself
    LIBP2P = "libp2p"  # what the libp2p process says
    WEBSOCKET = "websocket"  # what the WebSocket transport says
    NOSTR = "nostr"  # what the transport to relays says
    FEDERATION = "federation"  # who joined, was shut out or not let in, and whether that can be kept
    POLICY = "policy"  # the operator's rules changed, or could not be used
    MQTT = "mqtt"  # what the line to the broker says
    PAGE = "page"  # where the page is, how it is set up, and what is wrong with it
    STEERING = "steering"  # what was done because somebody asked for it from outside, such as over MQTT
    MESSAGE = "message"  # what was done with one message: one entry for each decision, at level debug
    RELOADED = "reloaded"  # settings were read anew
    RELOAD_REFUSED = "reload_refused"  # they could not be used, and the old ones are in force
    LIBRARY = "library"  # what a library had to say
    LEFT_OUT = "left_out"  # so many entries were too many


_IDS: Final = UUID("6a0d2a44-9a55-5d0e-9d55-3b5f5f0d9d10")


def message_id(event: Event) -> str:
    """Return the journal's MESSAGE_ID of a kind of entry, the same in every version."""
    return uuid5(_IDS, event.value).hex


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to be logged."""

    level: Level
    event: Event
    sentence: str
    fields: dict[str, object] = field(default_factory=dict)


_OF_THE_START_AND_END: Final = frozenset({Event.GATEWAY_STARTING, Event.GATEWAY_READY, Event.GATEWAY_STOPPING, Event.GATEWAY_STOPPED})

Tell = Callable[[Entry], None]
"""Takes an entry; returns at once and never raises."""


def in_sentences(report: Callable[[str], None]) -> Tell:
    """Return a `Tell` for somebody who started the gateway and wants to read what happens to it, as a demonstration does."""

    def tell(entry: Entry) -> None:
        if entry.level >= Level.INFO and entry.event not in _OF_THE_START_AND_END:
            report(entry.sentence)

    return tell
