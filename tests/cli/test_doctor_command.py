"""What ``meshgate doctor`` prints, and its exit code; the checks themselves have tests of their own."""

import io
import json
import re
from collections import Counter

import pytest

from gateway.cli.doctor import Examination, _print, summary
from gateway.cli.main import main
from gateway.doctor.finding import fail, ok, unknown, warn
from gateway.doctor.repair import Repair

WELL = ok("radio.power", "hci0 is switched on.", "hci0")
SLOW = warn("radio.packets", "hci0 is slow.", "Use another.", "hci0")
BROKEN = fail("clock", "The clock is not set.", "Set it.")
DARK = unknown("radio.wifi", "Wi-Fi cannot be seen.")


def test_every_finding_is_a_line_with_what_to_do_below(capsys) -> None:
    _print([WELL, BROKEN, DARK], Counter(ok=1, fail=1, unknown=1))
    assert capsys.readouterr().out.splitlines() == [
        "ok       hci0 is switched on.",
        "fail     The clock is not set.",
        "         Set it.",
        "unknown  Wi-Fi cannot be seen.",
        "",
        "1 not working; what to do stands below each.",
    ]


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (Counter(ok=9), "All is well."),
        (Counter(ok=9, unknown=1), "Nothing is wrong that can be seen from here."),
        (Counter(warn=3, unknown=1), "3 could be better; what to do stands below each."),
        (Counter(fail=1, warn=2), "1 not working and 2 could be better; what to do stands below each."),
    ],
)
def test_the_last_line_sums_up(counts: Counter[str], words: str) -> None:
    assert summary(counts) == words


@pytest.mark.parametrize(
    ("findings", "code", "worst"), [([WELL], 0, "ok"), ([WELL, SLOW, DARK], 0, "warn"), ([SLOW, BROKEN], 1, "fail"), ([DARK], 0, "unknown")]
)
def test_only_what_does_not_work_is_a_failure(monkeypatch, capsys, findings, code: int, worst: str) -> None:
    async def examine(_config):
        return Examination(findings)

    monkeypatch.setattr("gateway.cli.doctor._examine", examine)
    assert main(["doctor", "--json"]) == code
    document = json.loads(capsys.readouterr().out)
    assert document["verdict"] == worst
    assert document["findings"][0].keys() == {"check", "subject", "verdict", "sentence", "remedy"}
    assert sum(document["counts"].values()) == len(findings)


def test_it_really_looks_at_this_machine_and_shows_no_address(tmp_path, capsys) -> None:
    settings = ["--set", f"gateway.state_dir={tmp_path}", "--set", f"control.socket={tmp_path}/control.sock"]
    assert main(["doctor", "--json", *settings]) in {0, 1}
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {"radio.service", "clock", "recovery"} <= {one["check"] for one in findings}


def test_a_radio_that_is_not_wanted_is_well(capsys) -> None:
    assert main(["doctor", "--set", "radio.enabled=false", "--set", "page.enabled=false"]) == 0
    assert "switched off in the configuration" in capsys.readouterr().out


def to_be_repaired(monkeypatch, why: str = "") -> list[str]:
    """Let the doctor find one thing it can put right; returns what was really done."""
    done = []

    async def do() -> str:
        done.append("closed")
        return why

    async def examine(_config):
        return Examination([WELL], None, [Repair("Close identity.key.", do)])

    monkeypatch.setattr("gateway.cli.doctor._examine", examine)
    return done


def test_without_anybody_to_ask_nothing_is_put_right(monkeypatch, capsys) -> None:
    done = to_be_repaired(monkeypatch)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert main(["doctor", "--fix"]) == 0
    assert "not done Close identity.key. Give --yes to have it done." in capsys.readouterr().out
    assert done == []


@pytest.mark.parametrize(("why", "word"), [("", "done"), ("no right", "not done")])
def test_what_is_put_right_is_said(monkeypatch, capsys, why: str, word: str) -> None:
    done = to_be_repaired(monkeypatch, why)
    assert main(["doctor", "--fix", "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["repairs"] == [{"what": "Close identity.key.", "done": not why, "why": why}]
    assert done == ["closed"]
    assert main(["doctor", "--fix", "--yes"]) == 0
    assert re.search(rf"^{word} +Close identity.key. ?{why}$", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize(("answer", "closed"), [("y\n", True), ("yes\n", True), ("\n", False), ("n\n", False)])
def test_only_a_yes_is_a_yes(monkeypatch, capsys, answer: str, closed: bool) -> None:
    done = to_be_repaired(monkeypatch)
    terminal = io.StringIO(answer)
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    assert main(["doctor", "--fix"]) == 0
    assert "Close identity.key. Do it?" in capsys.readouterr().err
    assert bool(done) is closed


def test_the_archive_is_written_and_an_old_one_stays(tmp_path, capsys) -> None:
    path = tmp_path / "support.tar.gz"
    line = ["doctor", "--bundle", str(path)]
    line += ["--set", "radio.enabled=false", "--set", "page.enabled=false", "--set", f"gateway.state_dir={tmp_path}"]
    assert main(line) == 0
    before = path.read_bytes()
    assert main([*line, "--json"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["error"]["code"] == "not_written"
    assert path.read_bytes() == before
