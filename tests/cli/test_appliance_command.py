"""``meshgate appliance``, on a box that is a directory."""

import json
from pathlib import Path

import pytest

from gateway.cli import appliance
from gateway.cli.main import main
from hw.firstboot import commands
from hw.firstboot.commands import Done
from hw.firstboot.kept import read_kept
from hw.firstboot.overlay import OFF, ON
from hw.firstboot.record import REFUSED, Record, noted, write_record
from tests.hw.firstboot.rig import Card


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Card:
    made = Card(tmp_path)
    made.places.cmdline.write_text(f"root=PARTUUID=1-02 rootwait {OFF.ljust(len(ON))}\n")
    monkeypatch.setattr(commands, "run", made.run)
    monkeypatch.setattr(appliance.os, "geteuid", lambda: 0)
    return made


def test_it_is_only_for_a_box_from_our_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["appliance", "--root", str(tmp_path)]) == 3
    assert "not made from our image" in capsys.readouterr().err


def test_what_was_refused_is_shown(card: Card, capsys: pytest.CaptureFixture[str]) -> None:
    write_record(card.places.record, noted(Record(), "card", REFUSED, "meshgate.toml was not taken.", 1), None)
    assert main(["appliance", "--root", str(card.places.root)]) == 0
    assert "NOT DONE  meshgate.toml was not taken." in capsys.readouterr().out
    assert main(["appliance", "--json", "--root", str(card.places.root)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["read_only"], shown["refused"]) == (None, {"card": "meshgate.toml was not taken."})


def test_the_root_is_switched_and_stays_so_over_starts(card: Card, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["appliance", "--root", str(card.places.root), "read-only", "on"]) == 0
    assert ON in card.places.cmdline.read_text()
    assert read_kept(card.places.kept).box["read_only"] is True
    assert "From the next start" in capsys.readouterr().out
    assert main(["appliance", "--root", str(card.places.root), "read-only", "off"]) == 0
    assert ON not in card.places.cmdline.read_text()


def test_a_card_that_takes_no_writes_and_somebody_who_is_not_root_are_told(
    card: Card, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    card.answers["mount"] = Done(32, error="write-protected")
    assert main(["appliance", "--root", str(card.places.root), "read-only", "on"]) == 1
    assert "write-protected" in capsys.readouterr().err
    monkeypatch.setattr(appliance.os, "geteuid", lambda: 1000)
    assert main(["appliance", "--root", str(card.places.root), "read-only", "on"]) == 4
