"""Where entries go: to the journal with fields of its own, to a program as JSON, to a person as sentences.

structlog carries each entry through the same steps, whoever made it: what is below the level is left out, what is
too much is counted, what names people is redacted, and the last step writes it down in the form the reader wants.
"""

import contextlib
import logging
import sys
import traceback
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, TextIO

import structlog

from gateway.session.rate import TokenBucket
from gateway.telemetry.events import Entry, Event, Level, Tell, level_of, message_id
from gateway.telemetry.limits import LOG_BURST, LOG_RATE, MAX_LOG_SENTENCE
from gateway.telemetry.redaction import Redactor
from hw.journal import Journal, is_connected

Fields = MutableMapping[str, Any]

JOURNAL_FIELDS: Final = {"message": "MESHGATE_MSG", "peer": "MESHGATE_PEER", "transport": "MESHGATE_TRANSPORT"}
"""Fields that have a shorter name in the journal; every other one is ``MESHGATE_`` and its name."""


class Form(StrEnum):
    """How entries are written."""

    AUTO = "auto"  # by where standard error goes
    TEXT = "text"  # sentences
    JSON = "json"  # one document a line
    JOURNAL = "journal"  # systemd's journal, with fields


def form_for(stream: TextIO, wanted: Form = Form.AUTO) -> Form:
    """Return the form for a stream: the journal if it leads there, sentences for a terminal, else JSON."""
    if wanted is not Form.AUTO:
        return wanted
    if is_connected(stream):
        return Form.JOURNAL
    return Form.TEXT if stream.isatty() else Form.JSON


class Logs:
    """Writes entries down.

    Args:
        form: see `Form`; `Form.AUTO` is settled by the stream.
        level: entries below it are left out.
        redactor: takes out what names people; None shows everything.
        stream: where text and JSON go.
        journal: where the other form goes; opened if needed.
        now: monotonic seconds, for the budget.
        wall: Unix seconds, for the stamps.

    Attributes:
        level: may be set while it runs.
        counts: entries written, by level.
        left_out: entries beyond the budget.
        beside: told every entry that matters enough as well, None if nobody is.

    """

    def __init__(
        self,
        form: Form,
        level: Level = Level.INFO,
        redactor: Redactor | None = None,
        *,
        stream: TextIO | None = None,
        journal: Journal | None = None,
        now: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self.form = form_for(self._stream, form)
        self.level = level
        self.redactor = redactor
        self.counts: dict[Level, int] = dict.fromkeys(Level, 0)
        self.left_out = 0
        self.beside: Tell | None = None
        self._now = now
        self._wall = wall
        self._budget = TokenBucket(LOG_RATE, LOG_BURST)
        self._untold = 0
        self._journal = journal if journal is not None or self.form is not Form.JOURNAL else Journal()
        write = {Form.TEXT: self._as_text, Form.JSON: self._as_json, Form.JOURNAL: self._to_journal}[self.form]
        self._log = structlog.wrap_logger(
            structlog.PrintLogger(self._stream),
            processors=[self._measure, self._redact, self._stamp, write],
            wrapper_class=structlog.BoundLogger,
            context_class=dict,
        )

    def tell(self, entry: Entry) -> None:
        """Write an entry down, if it matters enough."""
        if entry.level < self.level:
            return
        if self.beside is not None:
            self.beside(entry)
        if self._untold and self._budget.level(self._now()) > 1:
            untold, self._untold = self._untold, 0
            self.tell(Entry(Level.WARNING, Event.LEFT_OUT, f"{untold} entries of the log were left out, because they were too many."))
        with contextlib.suppress(OSError, ValueError):  # nobody reads any more: no reason to stop carrying messages
            self._log.msg(entry.event.value, level=entry.level, sentence=entry.sentence, **_free(entry.fields))

    def follow(self, level: str) -> None:
        """Leave out what is below another level from now on."""
        self.level = level_of(level)

    def intake(self) -> "StandardLogs":
        """Return what takes the records of the standard library's loggers."""
        return StandardLogs(self)

    def close(self) -> None:
        """Let go of the journal."""
        if self._journal is not None:
            self._journal.close()

    def _measure(self, _logger: object, _method: str, fields: Fields) -> Fields:
        level: Level = fields["level"]
        if level < Level.ERROR and not self._budget.take(self._now()):
            self.left_out += 1
            self._untold += 1
            raise structlog.DropEvent
        self.counts[level] += 1
        fields["sentence"] = str(fields["sentence"])[:MAX_LOG_SENTENCE]
        return fields

    def _redact(self, _logger: object, _method: str, fields: Fields) -> Fields:
        if self.redactor is None:
            return fields
        kept = {name: fields.pop(name) for name in ("event", "level")}
        return {**kept, **self.redactor.fields(fields)}

    def _stamp(self, _logger: object, _method: str, fields: Fields) -> Fields:
        fields["time"] = self._wall()
        return fields

    def _as_text(self, _logger: object, _method: str, fields: Fields) -> str:
        level, sentence = fields["level"], " ".join(str(fields["sentence"]).split())
        at = datetime.fromtimestamp(fields["time"], UTC).astimezone().strftime("%H:%M:%S")
        more = ""
        if level is Level.DEBUG:
            shown = {name: value for name, value in fields.items() if name not in {"level", "sentence", "time", "event"} and value != ""}
            more = "".join(f" {name}={value}" for name, value in shown.items())
        return f"{at} {'' if level is Level.INFO else f'{level.word}: '}{sentence}{more}"

    def _as_json(self, logger: object, method: str, fields: Fields) -> str:
        at = datetime.fromtimestamp(fields.pop("time"), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        level: Level = fields.pop("level")
        ordered = {"time": at, "level": level.word, "event": fields.pop("event"), "sentence": fields.pop("sentence"), **fields}
        rendered: str = structlog.processors.JSONRenderer(ensure_ascii=False)(logger, method, ordered)  # type: ignore[assignment]
        return rendered

    def _to_journal(self, _logger: object, _method: str, fields: Fields) -> str:
        level, event = fields.pop("level"), Event(fields.pop("event"))
        fields.pop("time")  # the journal has its own
        record = {
            "MESSAGE": str(fields.pop("sentence")),
            "PRIORITY": str(level.priority),
            "MESSAGE_ID": message_id(event),
            "SYSLOG_IDENTIFIER": "meshgate",
            "MESHGATE_EVENT": event.value,
        }
        for name, value in fields.items():
            if value not in ("", None):
                record[JOURNAL_FIELDS.get(name, f"MESHGATE_{name.upper()}")] = str(value)
        if self._journal is not None:
            self._journal.send(record)
        raise structlog.DropEvent


class StandardLogs(logging.Handler):
    """Takes what libraries tell the standard library's loggers, from warnings up, the same way as everything else."""

    def __init__(self, logs: Logs) -> None:
        super().__init__(logging.WARNING)
        self._logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record down."""
        fields: dict[str, object] = {"logger": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            fields["trace"] = "".join(traceback.format_exception(record.exc_info[1]))[-MAX_LOG_SENTENCE:]
        self._logs.tell(Entry(level_of(record.levelname.lower()), Event.LIBRARY, record.getMessage(), fields))


def _free(fields: dict[str, object]) -> dict[str, object]:
    """Keep fields from taking the names that every entry has."""
    return {f"{name}_" if name in {"level", "sentence", "event", "time"} else name: value for name, value in fields.items()}
