"""Where entries go and what they look like there."""

import io
import json
import logging
import socket
from pathlib import Path

import pytest

from gateway.telemetry.events import Entry, Event, Level, in_sentences, level_of, message_id
from gateway.telemetry.limits import LOG_BURST, MAX_LOG_SENTENCE
from gateway.telemetry.logs import Form, Logs, form_for
from gateway.telemetry.redaction import REDACTED, Redactor
from hw.journal import Journal

SITE = "12D3KooWBtfsk3rTBqgALqPDKN7pgxow3GvKiRdFyoK2L4mZ6LZQ"
WALL = 1_800_000_000.25


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def logs_to(stream: io.StringIO, form: Form = Form.AUTO, level: Level = Level.INFO, redactor: Redactor | None = None, **options) -> Logs:
    options.setdefault("now", Clock())
    return Logs(form, level, redactor, stream=stream, wall=lambda: WALL, **options)


def documents(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_program_reads_one_document_a_line() -> None:
    out = io.StringIO()
    logs_to(out).tell(Entry(Level.WARNING, Event.STORE, "The disk is full.", {"transport": "ble", "count": 3}))
    assert documents(out) == [
        {
            "time": "2027-01-15T08:00:00.250Z",
            "level": "warning",
            "event": "store",
            "sentence": "The disk is full.",
            "transport": "ble",
            "count": 3,
        }
    ]


def test_a_person_reads_a_sentence_with_the_time_and_what_is_not_just_news_says_so() -> None:
    out = Terminal()
    logs = logs_to(out, level=Level.DEBUG)
    logs.tell(Entry(Level.INFO, Event.GATEWAY_READY, "Ready."))
    logs.tell(Entry(Level.ERROR, Event.CONDITION_RAISED, "The disk\nis full.", {"condition": "store_unusable"}))
    logs.tell(Entry(Level.DEBUG, Event.MESSAGE, "Message 5f: sent.", {"message": "5f", "rule": ""}))
    first, second, third = out.getvalue().splitlines()
    assert first.endswith(" Ready.")
    assert first[2] == first[5] == ":"
    assert second.endswith(" error: The disk is full.")
    assert third.endswith(" debug: Message 5f: sent. message=5f")


def test_the_journal_gets_fields_of_its_own(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald:
        journald.bind(str(tmp_path / "journal"))
        logs = logs_to(io.StringIO(), Form.JOURNAL, journal=Journal(tmp_path / "journal"))
        logs.tell(Entry(Level.WARNING, Event.MESSAGE, "It was lost.", {"message": "5f", "transport": "libp2p", "verb": "lost", "rule": ""}))
        datagram = journald.recv(65_536)
        logs.close()
    fields = dict(line.split("=", 1) for line in datagram.decode().splitlines())
    assert fields == {
        "MESSAGE": "It was lost.",
        "PRIORITY": "4",
        "MESSAGE_ID": message_id(Event.MESSAGE),
        "SYSLOG_IDENTIFIER": "meshgate",
        "MESHGATE_EVENT": "message",
        "MESHGATE_MSG": "5f",
        "MESHGATE_TRANSPORT": "libp2p",
        "MESHGATE_VERB": "lost",
    }


def test_a_journal_that_does_not_listen_stops_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "nobody")
    logs = logs_to(io.StringIO(), Form.JOURNAL, journal=journal)
    logs.tell(Entry(Level.INFO, Event.GATEWAY_READY, "Ready."))
    assert journal.lost == 1
    logs.close()


def test_the_form_follows_from_where_the_stream_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert form_for(Terminal()) is Form.TEXT
    assert form_for(io.StringIO()) is Form.JSON
    assert form_for(Terminal(), Form.JSON) is Form.JSON
    with (tmp_path / "stream").open("w") as stream:
        where = (tmp_path / "stream").stat()
        monkeypatch.setenv("JOURNAL_STREAM", f"{where.st_dev}:{where.st_ino}")
        assert form_for(stream) is Form.JOURNAL
        monkeypatch.setenv("JOURNAL_STREAM", f"{where.st_dev}:{where.st_ino + 1}")  # inherited by something whose stderr goes elsewhere
        assert form_for(stream) is Form.JSON


def test_what_is_below_the_level_is_left_out_and_the_level_can_change() -> None:
    out = io.StringIO()
    logs = logs_to(out, level=Level.WARNING)
    logs.tell(Entry(Level.INFO, Event.CLOCK, "Before."))
    logs.follow("info")
    logs.tell(Entry(Level.INFO, Event.CLOCK, "After."))
    assert [one["sentence"] for one in documents(out)] == ["After."]
    assert logs.counts[Level.INFO] == 1


def test_entries_are_redacted_in_their_sentence_and_in_their_fields() -> None:
    out = io.StringIO()
    logs = logs_to(out, redactor=Redactor(b"salt"))
    logs.tell(
        Entry(Level.INFO, Event.LIBP2P, f"The connection with {SITE} ended.", {"nickname": "Ada", "site": SITE, "message": "5f" * 16})
    )
    (entry,) = documents(out)
    assert SITE not in out.getvalue()
    assert "Ada" not in out.getvalue()
    assert entry["nickname"] == REDACTED
    assert entry["site"] in entry["sentence"]
    assert entry["message"] == "5f" * 16


def test_who_wants_to_see_everything_does() -> None:
    out = io.StringIO()
    logs_to(out).tell(Entry(Level.INFO, Event.LIBP2P, f"Linked with {SITE}.", {"nickname": "Ada"}))
    assert SITE in out.getvalue()
    assert "Ada" in out.getvalue()


def test_a_flood_of_entries_is_cut_counted_and_told_of_and_errors_get_through() -> None:
    out, clock = io.StringIO(), Clock()
    logs = logs_to(out, now=clock)
    for number in range(int(LOG_BURST) + 50):
        logs.tell(Entry(Level.WARNING, Event.WEBSOCKET, f"Somebody knocked {number}."))
    assert logs.left_out == 50
    logs.tell(Entry(Level.ERROR, Event.STORE, "The disk is gone."))
    assert documents(out)[-1]["sentence"] == "The disk is gone."
    clock.now += 10.0
    logs.tell(Entry(Level.INFO, Event.CLOCK, "Later."))
    assert [one["event"] for one in documents(out)[-2:]] == ["left_out", "clock"]
    assert documents(out)[-2]["sentence"].startswith("50 entries")


def test_a_reader_who_has_gone_stops_nothing() -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    logs_to(Gone()).tell(Entry(Level.INFO, Event.GATEWAY_READY, "Ready."))


def test_a_sentence_without_end_is_cut() -> None:
    out = io.StringIO()
    logs_to(out).tell(Entry(Level.INFO, Event.LIBRARY, "x" * 100_000))
    assert len(documents(out)[0]["sentence"]) == MAX_LOG_SENTENCE


def test_a_field_cannot_take_the_place_of_the_entry_itself() -> None:
    out = io.StringIO()
    logs_to(out).tell(Entry(Level.INFO, Event.LIBRARY, "Said.", {"event": "forged", "level": "error", "sentence": "forged", "time": 0}))
    (entry,) = documents(out)
    assert (entry["event"], entry["level"], entry["sentence"]) == ("library", "info", "Said.")
    assert (entry["event_"], entry["level_"]) == ("forged", "error")


def test_what_libraries_log_goes_the_same_way() -> None:
    out = io.StringIO()
    logs = logs_to(out, redactor=Redactor(b"salt"))
    logger = logging.getLogger("meshgate.test")
    logger.propagate = False
    logger.addHandler(logs.intake())
    logger.info("Nothing of interest.")
    logger.warning("Executing %s took long", SITE)
    try:
        Path("/nowhere/password=hunter2").read_text()
    except OSError:
        logger.exception("It broke.")
    logger.handlers.clear()
    first, second = documents(out)
    assert (first["event"], first["level"], first["logger"]) == ("library", "warning", "meshgate.test")
    assert SITE not in first["sentence"]
    assert second["level"] == "error"
    assert "FileNotFoundError" in second["trace"]
    assert "hunter2" not in out.getvalue()


def test_who_reads_sentences_hears_what_happens_but_not_of_start_and_end() -> None:
    heard: list[str] = []
    tell = in_sentences(heard.append)
    tell(Entry(Level.INFO, Event.GATEWAY_READY, "Ready."))
    tell(Entry(Level.DEBUG, Event.MESSAGE, "Message 5f: sent."))
    tell(Entry(Level.WARNING, Event.STORE, "The disk is full."))
    assert heard == ["The disk is full."]


def test_every_event_has_an_id_of_its_own_and_every_level_a_priority() -> None:
    assert len({message_id(event) for event in Event}) == len(Event)
    assert message_id(Event.GATEWAY_READY) == "dbdd37786d1c5d129f59ae7889b8c2fa"  # people write it into filters
    assert [level.priority for level in Level] == [7, 6, 4, 3]
    assert [level_of(word) for word in ("debug", "info", "warning", "error", "nonsense")] == [*Level, Level.WARNING]
