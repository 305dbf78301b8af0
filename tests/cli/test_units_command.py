"""``meshgate units``."""

import json
from pathlib import Path

import pytest

from gateway.cli.main import main


def test_it_lists_prints_and_writes_the_same_files(tmp_path: Path, capsys) -> None:
    assert main(["units", "--json", "--python", "/opt/meshgate/bin/python"]) == 0
    files = {one["name"]: one for one in json.loads(capsys.readouterr().out)["files"]}
    assert main(["units", "meshgate.service", "--python", "/opt/meshgate/bin/python"]) == 0
    printed = capsys.readouterr().out
    assert main(["units", "--write", str(tmp_path), "--python", "/opt/meshgate/bin/python"]) == 0
    written = capsys.readouterr().out.splitlines()
    assert written == [f"{tmp_path}{one['path']}" for one in files.values()]
    assert printed == files["meshgate.service"]["content"] == (tmp_path / "etc/systemd/system/meshgate.service").read_text()


def test_what_a_button_needs_is_written_only_when_asked_for(tmp_path: Path, capsys) -> None:
    for extra, there in ([], False), (["--panel"], True):
        assert main(["units", "--write", str(tmp_path), *extra]) == 0
        assert (tmp_path / "etc/udev/rules.d/80-meshgate.rules").exists() is there
    capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["nonsense.service"], 3), (["meshgate.service", "--write", "/x"], 2), (["--python", "not absolute"], 2)],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], code: int, capsys) -> None:
    assert main(["units", *arguments]) == code
    capsys.readouterr()


def test_a_place_that_cannot_be_written_to_is_said(tmp_path: Path, capsys) -> None:
    (tmp_path / "etc").write_text("a file")
    assert main(["units", "--write", str(tmp_path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "not_written"
