"""``meshgate update``: what it says, and how it ends."""

import json
import os
from pathlib import Path

import pytest

from gateway.cli.main import main
from gateway.update import staging
from gateway.update.journal import Journal, Outcome, Report, write_journal
from gateway.update.keys import public_of
from tests.update.box import NEW, OLD, Box
from tests.update.bundles import MACHINE, SEED, bundle_at


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Box:
    monkeypatch.setattr(staging, "MACHINE", MACHINE)
    monkeypatch.setattr(staging, "PYTHON", "cp311")
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    found = Box(tmp_path)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/release.pub").write_text(public_of(SEED).hex())
    (tmp_path / "stick").mkdir()
    return found


def check(box: Box, *more: object) -> int:
    return main(["update", "check", "--home", str(box.tree.home), "--keys", str(box.root / "keys"), *map(str, more)])


def test_it_says_which_version_runs_and_what_came_of_the_last_update(box: Box, capsys) -> None:
    assert main(["update", "--home", str(box.tree.home)]) == 0
    assert capsys.readouterr().out.splitlines() == [f"Version {OLD} runs.", "There is no version to go back to."]
    write_journal(box.tree.journal, Journal(previous="0.0.9", last=Report(2, Outcome.FELL_BACK, NEW, OLD, "it did not answer")))
    assert main(["update", "--home", str(box.tree.home)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1:] == ["Version 0.0.9 can be gone back to.", f"Last: {NEW} in place of {OLD}: fell back (it did not answer)."]
    assert main(["update", "--json", "--home", str(box.tree.home)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["current"], found["good"], found["last"]["outcome"]) == (OLD, OLD, "fell_back")


def test_a_box_that_is_not_kept_in_versions_is_told_so(tmp_path: Path, capsys) -> None:
    assert main(["update", "--home", str(tmp_path)]) == 0
    assert "not kept in versions" in capsys.readouterr().out


def test_what_is_on_a_stick_is_said_and_whether_any_of_it_fits(box: Box, capsys) -> None:
    bundle_at(box.root / "stick/a.meshgate", version=NEW, seed=bytes(32))
    assert check(box, box.root / "stick") == 1
    assert "signed by a key this box does not trust" in capsys.readouterr().out
    bundle_at(box.root / "stick/b.meshgate", version=NEW)
    assert check(box, box.root / "stick", "--json") == 0
    found = json.loads(capsys.readouterr().out)["bundles"]
    assert [(Path(one["path"]).name, one["version"], one["refusal"]) for one in found] == [
        ("b.meshgate", NEW, ""),
        ("a.meshgate", "", "key"),
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["check", "stick"], 3, "not_found"),
        (["apply", "stick/other.meshgate"], 4, "key"),
        (["apply", "stick/good.meshgate"], 3, "not_here"),
        (["rollback"], 3, "not_here"),
    ],
)
def test_an_update_that_does_not_happen_has_a_word_and_an_exit_code(box: Box, capsys, arguments, code: int, word: str) -> None:
    if arguments != ["check", "stick"]:
        bundle_at(box.root / "stick/other.meshgate", seed=bytes(32))
        bundle_at(box.root / "stick/good.meshgate")
    where = {"check": ("home", "keys"), "apply": ("home", "keys", "socket"), "rollback": ("socket",)}[arguments[0]]
    places = {"home": box.tree.home, "keys": box.root / "keys", "socket": box.root / "nobody"}
    words = [arguments[0], *(str(box.root / one) for one in arguments[1:]), *(f"--{name}={places[name]}" for name in where)]
    assert main(["update", *words, "--json"]) == code
    assert json.loads(capsys.readouterr().out)["error"]["code"] == word


def test_a_box_without_a_release_key_believes_nobody(box: Box, capsys) -> None:
    (box.root / "keys/release.pub").unlink()
    bundle_at(box.root / "stick/good.meshgate")
    assert check(box, box.root / "stick", "--json") == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "no_key"
