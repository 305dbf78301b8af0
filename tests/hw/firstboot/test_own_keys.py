"""Keys no two boxes share: made by the real programs where they are here, and whole whenever the power goes."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from hw.firstboot import commands
from hw.firstboot.commands import Done
from hw.firstboot.own_keys import KINDS, make_keys
from hw.firstboot.record import read_record
from tests.hw.firstboot.rig import Card, cut

needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not here")
needs_mosquitto = pytest.mark.skipif(shutil.which("mosquitto_passwd") is None, reason="mosquitto_passwd is not here")
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n"


@pytest.fixture(autouse=True)
def _no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


class Programs(Card):
    """A box with stand-ins for both programs."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        (root / "etc/mosquitto").mkdir(exist_ok=True)
        self.made = 0

    def run(self, command: Sequence[str], text: str = "", seconds: float = 0.0) -> Done:
        super().run(command, text, seconds)
        match command[0]:
            case "ssh-keygen":
                self.made += 1
                Path(command[-1]).write_text(KEY.format(self.made))
                Path(f"{command[-1]}.pub").write_text("ssh-ed25519 A\n")
            case "mosquitto_passwd":
                Path(command[-1]).write_text("meshgate:$7$101$salt$hash\n")
        return Done(0)


def is_whole(box: Programs) -> None:
    for kind in KINDS:
        path = box.places.ssh / f"ssh_host_{kind}_key"
        assert path.read_text().endswith("-----END OPENSSH PRIVATE KEY-----\n")
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.with_suffix(".pub").exists()
    assert len(box.places.broker_password.read_text().strip()) == 48
    people = box.places.root / "etc/mosquitto/meshgate.passwd"
    assert people.read_text() == "meshgate:$7$101$salt$hash\n"
    assert people.stat().st_mode & 0o777 == 0o640
    assert not [path for path in (box.places.root / "run").rglob("*") if path.is_file()]


def test_keys_are_made_once(tmp_path: Path) -> None:
    box = Programs(tmp_path)
    make_keys(box.box)
    is_whole(box)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    make_keys(box.box)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.timeout(60)
def test_a_power_cut_at_any_line_leaves_no_half_key(tmp_path: Path) -> None:
    at, cuts = 1, 0
    while True:
        box = Programs(tmp_path / str(at))
        if not cut(at, lambda box=box: make_keys(box.box)):
            break
        cuts += 1
        make_keys(box.box)
        is_whole(box)
        at += 5
    assert cuts > 20


def test_a_key_that_a_power_cut_has_emptied_is_made_anew(tmp_path: Path) -> None:
    box = Programs(tmp_path)
    make_keys(box.box)
    (box.places.ssh / "ssh_host_rsa_key").write_bytes(b"")
    make_keys(box.box)
    is_whole(box)


def test_a_box_that_is_not_our_image_keeps_its_keys_in_their_place_and_what_somebody_chose(tmp_path: Path) -> None:
    box = Programs(tmp_path)
    (tmp_path / "usr/lib/meshgate/appliance").unlink()
    make_keys(box.box)
    assert (tmp_path / "etc/ssh/ssh_host_ed25519_key").exists()
    (tmp_path / "etc/ssh/ssh_host_rsa_key").unlink()
    make_keys(box.box)
    assert not (tmp_path / "etc/ssh/ssh_host_rsa_key").exists()


def test_a_root_that_forgets_has_the_broker_know_the_same_password(tmp_path: Path) -> None:
    box = Programs(tmp_path)
    make_keys(box.box)
    password = box.places.broker_password.read_text()
    (tmp_path / "etc/mosquitto/meshgate.passwd").write_bytes(b"")
    make_keys(box.box)
    assert box.places.broker_password.read_text() == password
    is_whole(box)


def test_a_program_that_fails_is_told_and_the_other_keys_are_made(tmp_path: Path) -> None:
    box = Programs(tmp_path)
    ordinary = box.run
    box.run = lambda command, text="", seconds=0.0: (  # type: ignore[method-assign]
        Done(1, error="no entropy") if command[0] == "ssh-keygen" else ordinary(command, text, seconds)
    )
    make_keys(box.box)
    assert "no entropy" in read_record(box.places.record).refused["secrets"]
    assert (tmp_path / "etc/mosquitto/meshgate.passwd").exists()


def test_a_password_that_stayed_readable_is_not_put_in_place(tmp_path: Path) -> None:
    box = Programs(tmp_path)
    box.run = lambda _command, _text="", _seconds=0.0: Done(0)  # type: ignore[method-assign]
    (tmp_path / "etc/ssh").rmdir()
    make_keys(box.box)
    assert "left as it was" in read_record(box.places.record).refused["secrets"]
    assert not (tmp_path / "etc/mosquitto/meshgate.passwd").exists()


@needs_ssh
@needs_mosquitto
@pytest.mark.timeout(60)
def test_the_real_programs_take_what_they_made(tmp_path: Path) -> None:
    box = Programs(tmp_path)
    box.run = commands.run  # type: ignore[method-assign,assignment]
    make_keys(box.box)
    assert read_record(box.places.record).refused == {}
    for kind in KINDS:
        path = box.places.ssh / f"ssh_host_{kind}_key"
        shown = subprocess.run(["ssh-keygen", "-y", "-f", str(path)], capture_output=True, text=True, check=True).stdout
        assert shown.split()[:2] == path.with_suffix(".pub").read_text().split()[:2]
    hashed = (tmp_path / "etc/mosquitto/meshgate.passwd").read_text()
    assert hashed.startswith("meshgate:$")
    assert box.places.broker_password.read_text().strip() not in hashed
