"""What ``meshgate doctor`` prints, and its exit code; the checks themselves have tests of their own."""

import json
from collections import Counter

import pytest

from gateway.cli.doctor import _print, summary
from gateway.cli.main import main
from gateway.doctor.finding import fail, ok, unknown, warn

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
        return findings

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
    assert main(["doctor", "--set", "radio.enabled=false"]) == 0
    assert "switched off in the configuration" in capsys.readouterr().out
