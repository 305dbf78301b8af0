"""Gives what the parts of a gateway say a level, a name and fields, so that they need know nothing of logs."""

from collections.abc import Callable
from typing import Final

from gateway.runtime.writer import RECOVERED
from gateway.telemetry.events import Entry, Event, Level, Tell, level_of
from transports.link import Transport, TransportState

_WRONG: Final = frozenset({TransportState.DOWN, TransportState.DEGRADED})


class Reporter:
    """Makes entries of sentences.

    Args:
        tell: takes the entries.

    """

    def __init__(self, tell: Tell) -> None:
        self.tell = tell

    def __call__(self, level: Level, event: Event, sentence: str, **fields: object) -> None:
        """Tell one entry."""
        self.tell(Entry(level, event, sentence, fields))

    def store(self, sentence: str) -> None:
        """Take what the store reports: that it is in trouble, is well again, or has moved a database aside."""
        self(Level.INFO if sentence == RECOVERED else Level.WARNING, Event.STORE, sentence)

    def room(self, event: Event, is_troubled: Callable[[], bool]) -> Callable[[str], None]:
        """Return what takes the reports of a room of the gateway: whether one is of trouble is asked when it comes."""
        return lambda sentence: self(Level.WARNING if is_troubled() else Level.INFO, event, sentence)

    def failure(self, transport: str) -> Callable[[str], None]:
        """Return what takes the reports of a transport that ended and is started again."""
        return lambda sentence: self(Level.WARNING, Event.TRANSPORT_FAILED, sentence, transport=transport)

    def radio(self, radio: Callable[[], Transport | None]) -> Callable[[str], None]:
        """Return what takes the reports of the Bluetooth radio: how grave they are its state tells."""

        def report(sentence: str) -> None:
            transport = radio()
            wrong = transport is not None and transport.status().state in _WRONG
            self(Level.WARNING if wrong else Level.INFO, Event.RADIO, sentence, transport="ble")

        return report

    def library(self, event: Event) -> Callable[[str, str], None]:
        """Return what takes a level and a sentence, as transports give them.

        What a library says to its own developers never ends, and names peers: at level debug it has no place among ours.
        """

        def report(word: str, sentence: str) -> None:
            level = level_of(word)
            if level > Level.DEBUG:
                self(level, event, f"{event.value} {word}: {sentence}", transport=event.value)

        return report
