"""The ticket, the clock, and how the program is started."""

import os
from pathlib import Path

import pytest

from hw.clock import EARLIEST
from hw.firstboot import __main__ as program
from hw.firstboot.commands import Done, run
from hw.firstboot.joining import join, understood
from hw.firstboot.limits import JOIN_TRIES, MAX_EVENTS, MAX_SENTENCE
from hw.firstboot.places import Places
from hw.firstboot.record import DONE, REFUSED, Record, noted, read_record, settled, write_record
from hw.firstboot.saved_clock import set_clock
from tests.hw.firstboot.rig import Card


@pytest.fixture
def card(tmp_path: Path) -> Card:
    made = Card(tmp_path)
    made.places.ticket.write_text("mgt1-ticket\n")
    return made


def test_a_ticket_is_used_once_the_gateway_answers_and_is_gone_then(card: Card) -> None:
    answers, waits = [Done(5), Done(75), Done(0)], []
    asked: list[str] = []
    assert join(card.box, lambda ticket: asked.append(ticket) or answers.pop(0), waits.append)
    assert asked == ["mgt1-ticket"] * 3
    assert len(waits) == 2
    assert not card.places.ticket.exists()
    assert "has joined" in read_record(card.places.record).events[-1].sentence
    assert join(card.box, lambda _ticket: pytest.fail("there is no ticket"))


def test_a_ticket_that_is_refused_is_gone_and_told_without_being_shown(card: Card) -> None:
    assert join(card.box, lambda _ticket: Done(4, error="The ticket is over."))
    assert not card.places.ticket.exists()
    assert read_record(card.places.record).refused == {"join": "The ticket from meshgate.toml was not taken: The ticket is over."}


def test_a_ticket_that_could_not_be_used_is_kept_for_the_next_start(card: Card) -> None:
    tries: list[str] = []
    assert not join(card.box, lambda ticket: tries.append(ticket) or Done(5, error="No gateway."), lambda _seconds: None)
    assert len(tries) == JOIN_TRIES
    assert card.places.ticket.exists()


@pytest.mark.parametrize(("word", "code"), [("clock", 75), ("not_yet_valid", 75), ("expired", 4), ("forged", 4)])
def test_a_clock_that_is_not_set_yet_does_not_cost_the_ticket(word: str, code: int) -> None:
    said = f'{{"error": {{"code": "{word}", "message": "Not now."}}}}'
    assert understood(Done(4, said)) == Done(code, error="Not now.")
    assert understood(Done(4, error=said)) == Done(code, error="Not now.")
    assert understood(Done(4, "{")) == Done(4, "{")
    assert understood(Done(0, "{}")) == Done(0, "{}")


def test_a_clock_that_stands_before_the_last_known_time_is_set_forward_and_never_back(tmp_path: Path) -> None:
    places, moments = Places(tmp_path), []
    places.state.mkdir(parents=True)
    assert not set_clock(places, lambda: 0.0, moments.append)  # nobody has believed any time yet
    (places.state / "clock").touch()
    os.utime(places.state / "clock", (EARLIEST + 5_000, EARLIEST + 5_000))
    assert set_clock(places, lambda: EARLIEST + 10, moments.append)
    assert not set_clock(places, lambda: EARLIEST + 6_000, moments.append)
    assert moments == [EARLIEST + 5_000]


def test_the_record_keeps_the_last_events_and_no_sentence_without_end(tmp_path: Path) -> None:
    record = Record()
    for number in range(3 * MAX_EVENTS):
        record = noted(record, "card", DONE, f"{number}" + "x" * 5_000, number)
    assert len(record.events) == MAX_EVENTS
    assert record.number == 3 * MAX_EVENTS
    assert len(record.events[0].sentence) == MAX_SENTENCE
    record = noted(record, "card", REFUSED, "no", 1)
    assert noted(record, "card", REFUSED, "no", 2) is record
    write_record(tmp_path / "r", record, None)
    assert read_record(tmp_path / "r") == record
    assert settled(record, "card").refused == {}
    assert noted(record, "card", DONE, "yes", 3).refused == {}


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"events": [{}], "refused": {}}', b'{"events": 5, "refused": {}}', b"[" * 50_000, b"\xff"]
)
def test_a_damaged_record_is_an_empty_one(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "r").write_bytes(data)
    assert read_record(tmp_path / "r") == Record()


def test_a_program_that_is_not_there_or_hangs_ends_with_a_reason() -> None:
    assert run(("no-such-program-here",)).code == 127
    assert "longer than" in run(("sleep", "5"), seconds=0.01).why
    assert run(("cat",), "given").out == "given"


def test_the_gateways_own_loader_says_what_is_wrong_with_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [*program._GATEWAY]
    words.remove("-I")  # here, the program is in the directory where the tests are started
    monkeypatch.setattr(program, "_GATEWAY", tuple(words))
    drop_in = Path("/etc/meshgate/conf.d/50-card.toml")
    assert program.accepts(drop_in, '[gateway]\nnickname = "Hut"\n') == ""
    why = program.accepts(drop_in, '[gateway]\nnickname = 5\n[brige]\nmode = "off"\n')
    assert "gateway.nickname: this cannot be the number 5." in why
    assert "brige: there is no such key." in why
    monkeypatch.setattr(program, "_GATEWAY", ("false",))
    assert "could not check" in program.accepts(drop_in, "x = 1")


def test_a_step_that_nobody_knows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program.main(["everything"])
    assert "invalid choice" in capsys.readouterr().err
