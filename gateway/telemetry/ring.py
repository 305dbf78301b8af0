"""Keeps the last entries of the log in memory, for those who read them over the API; always redacted."""

import json
import os
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from gateway.admin.limits import MAX_LOG_RING
from gateway.admin.logbook import LogEntry, LogLevel
from gateway.telemetry.events import Entry, Tell
from gateway.telemetry.limits import MAX_LOG_SENTENCE
from gateway.telemetry.redaction import Redactor


class Ring:
    """The ring.

    Args:
        wall: Unix seconds, for the stamps.
        redactor: takes out what names people.

    """

    def __init__(self, wall: Callable[[], float], redactor: Redactor | None = None) -> None:
        self._wall = wall
        self._redactor = redactor or Redactor(os.urandom(16))
        self._entries: deque[LogEntry] = deque(maxlen=MAX_LOG_RING)
        self._written = 0

    def tell(self, entry: Entry) -> None:
        """Keep an entry."""
        self._written += 1
        told = LogEntry(
            id=self._written,
            time=datetime.fromtimestamp(round(self._wall(), 3), UTC),
            level=LogLevel(entry.level.word),
            event=entry.event.value,
            sentence=self._redactor.text(entry.sentence[:MAX_LOG_SENTENCE]),
            fields=json.loads(json.dumps(self._redactor.fields(entry.fields), default=str)),
        )
        self._entries.append(told)

    def beside(self, tell: Tell) -> Tell:
        """Return what tells somebody else and this ring."""

        def both(entry: Entry) -> None:
            tell(entry)
            self.tell(entry)

        return both

    def entries(self) -> tuple[LogEntry, ...]:
        """Return what is kept, the oldest first."""
        return tuple(self._entries)

    @property
    def lost(self) -> int:
        """Entries that are not kept any more."""
        return self._written - len(self._entries)
