"""What passes between the parts of MQTT: messages, what happened on the line to a broker, and what is to be done."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Protocol

from gateway.config.mqtt import Broker, Verb


class Version(IntEnum):
    """A version of MQTT, by the number it has on the wire."""

    V311 = 4
    V5 = 5


class Trouble(StrEnum):
    """Why a line to a broker ended or never came up."""

    UNREACHABLE = "unreachable"
    TLS = "tls"
    REFUSED = "refused"  # the user name, the password or the certificate is not taken
    VERSION = "version"  # it does not speak this version of MQTT
    TAKEN = "taken"  # somebody else uses our client ID
    WRONG_ID = "wrong_id"  # the broker answers with another client ID
    SILENT = "silent"  # it does not answer, or does not acknowledge
    GARBAGE = "garbage"  # what it says is not MQTT, or longer than allowed
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Message:
    """Something to be published, at least once."""

    topic: str
    payload: bytes
    retain: bool = False
    expiry_s: int | None = None  # the broker forgets it after so long (MQTT 5 only)


@dataclass(frozen=True, slots=True)
class LineUp:
    """The broker has answered, and has taken or refused the subscriptions."""

    refused: tuple[str, ...] = ()  # topic filters


@dataclass(frozen=True, slots=True)
class LineDown:
    """The line is over; nothing comes from it any more."""

    trouble: Trouble
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The broker has a message, or has said that it does not want it."""

    token: int
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Arrived:
    """The broker brings a message."""

    topic: str
    payload: bytes
    retained: bool


LineEvent = LineUp | LineDown | Acknowledged | Arrived


@dataclass(frozen=True, slots=True)
class Dial:
    """Open a line to a broker."""

    broker: Broker
    version: Version


@dataclass(frozen=True, slots=True)
class Send:
    """Give a message to the line."""

    token: int
    message: Message


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the line: with a goodbye, or because of what the broker does."""

    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A command that was taken; carry it out and answer it."""

    verb: Verb
    value: str = ""
    transaction: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Tell the operator."""

    sentence: str


Action = Dial | Send | HangUp | Order | Report


class Line(Protocol):
    """A line to one broker; it reports to whoever opened it and never waits."""

    def send(self, token: int, message: Message) -> None:
        """Publish a message; `Acknowledged` follows."""

    def end(self, *, politely: bool) -> None:
        """End it, if `politely` after everything given before; `LineDown` follows."""


OpenLine = Callable[[Dial, Callable[[LineEvent], None]], Line]
"""Opens a line; returns at once, and `LineUp` or `LineDown` follows. What it reports comes in the event loop."""
