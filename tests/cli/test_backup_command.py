"""``meshgate backup`` for somebody at a terminal."""

import getpass
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.admin.backups import TWO_OF_ONE
from gateway.backup.making import Wanted, make
from gateway.cli.main import main
from gateway.runtime.keyfile import load_identity
from tests.backup.files import CHEAP, PASSPHRASE, Files

MADE = datetime(2026, 6, 1, 10, tzinfo=UTC)


class Terminal(io.StringIO):
    """Somebody who writes."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def kept(tmp_path) -> Path:
    """A backup of a gateway called north."""
    north, path = Files(tmp_path / "north"), tmp_path / "north.backup"
    load_identity(north.state / "identity.key")
    make(path, Wanted(PASSPHRASE, history=False, peer_id="ab", made=MADE, cost=CHEAP), north.config, north.path, lambda _copy: False)
    return path


@pytest.fixture
def typing(monkeypatch):
    def types(line: str = "", *passphrases: str) -> None:
        said = iter(passphrases or (PASSPHRASE,))
        monkeypatch.setattr("sys.stdin", Terminal(line))
        monkeypatch.setattr(getpass, "getpass", lambda *_arguments: next(said))

    return types


def test_what_is_in_it_is_said_before_somebody_decides(tmp_path, kept, typing, capsys) -> None:
    south = Files(tmp_path / "south")
    before = south.content()
    typing("no\n")
    assert main(["backup", "restore", str(kept), "--config", str(south.path)]) == 4
    said = capsys.readouterr().err
    assert "the one of 'north' (ab), as it was at 2026-06-01 10:00 UTC" in said
    assert TWO_OF_ONE in said
    assert PASSPHRASE not in said
    assert south.content() == before
    typing("restore\n")
    assert main(["backup", "restore", str(kept), "--config", str(south.path)]) == 0
    out = capsys.readouterr().out
    assert f"written  {south.state}/identity.key" in out
    assert TWO_OF_ONE in out
    assert south.config.gateway.nickname == "north"


def test_with_an_identity_of_its_own_nobody_is_warned_of_two(tmp_path, kept, typing, capsys) -> None:
    south = Files(tmp_path / "south")
    typing("restore\n")
    assert main(["backup", "restore", str(kept), "--new-identity", "--config", str(south.path)]) == 0
    told = capsys.readouterr()
    assert TWO_OF_ONE not in told.out + told.err
    assert not (south.state / "identity.key").exists()


def test_a_passphrase_is_typed_twice_and_the_same(tmp_path, typing, capsys) -> None:
    south = Files(tmp_path / "south")
    load_identity(south.state / "identity.key")
    typing("", PASSPHRASE, f"{PASSPHRASE}s")
    path = tmp_path / "south.backup"
    assert main(["backup", "create", str(path), "--json", "--config", str(south.path)]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "passphrases_differ"
    assert not path.exists()


def test_a_whole_backup_says_whose_it_is_and_a_wrong_passphrase_is_refused(kept, typing, capsys) -> None:
    typing()
    assert main(["backup", "verify", str(kept)]) == 0
    out = capsys.readouterr().out
    assert "'north' (ab), as it was at 2026-06-01 10:00 UTC" in out
    assert "what was said is not in it" in out
    typing("", "another passphrase")
    assert main(["backup", "verify", str(kept), "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "backup_passphrase"


def test_a_passphrase_comes_through_a_pipe_too(kept, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSPHRASE}\nmore\n"))
    assert main(["backup", "verify", str(kept), "--json", "--passphrase-file", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["site"] == "north"
