"""The versions of a bug report."""

import json
import platform
from importlib import metadata

import pytest

from gateway.cli import version
from gateway.cli.main import main


@pytest.fixture
def path(tmp_path, monkeypatch):
    """The only directory programs are looked for in."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(version, "_BLUETOOTHD_PATHS", str(tmp_path))
    return tmp_path


def daemon(path, script):
    file = path / "bluetoothd"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def test_each_version_has_its_line(path, capsys):
    assert main(["--version"]) == 0
    expected = f"meshgate {metadata.version('meshgate')}\nPython {platform.python_version()}\nBlueZ not installed\n"
    out = capsys.readouterr().out
    assert out.startswith(expected)
    assert out.splitlines()[3].startswith("libp2p ")


def test_programs_get_null_for_what_is_not_there(path, capsys, monkeypatch):
    monkeypatch.setattr(version, "_distribution", lambda name: version.NOT_INSTALLED if name == "libp2p" else "1")
    assert main(["--version", "--json"]) == 0
    expected = {"meshgate": "1", "python": platform.python_version(), "bluez": None, "libp2p": None}
    assert json.loads(capsys.readouterr().out) == expected


def test_a_distribution_that_is_not_there_is_not_installed():
    assert version._distribution("no-such-distribution-anywhere") == "not installed"


def test_bluez_is_asked_for_its_version(path):
    daemon(path, 'test "$1" = --version && echo 5.66')
    assert version.bluez() == "5.66"


def test_a_daemon_that_does_not_answer_is_told_apart(path, monkeypatch):
    daemon(path, "exit 1")
    assert version.bluez() == "installed, but it does not tell its version"
    monkeypatch.setattr(version, "_PATIENCE_S", 0.05)
    daemon(path, "while :; do :; done")
    assert version.bluez() == "installed, but it does not tell its version"
