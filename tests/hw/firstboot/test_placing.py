"""At every start the box becomes what its owner wants, also where the root has forgotten it."""

import configparser
import os
import shutil
from pathlib import Path

import pytest

from hw.firstboot.codes import ALPHABET, grouped
from hw.firstboot.kept import read_kept
from hw.firstboot.profiles import home_profile, hotspot_profile
from hw.firstboot.record import read_record
from tests.hw.firstboot.rig import CARD, KEY, SECRETS, Card


@pytest.fixture(autouse=True)
def _no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


def keyfile(text: str) -> configparser.ConfigParser:
    read = configparser.ConfigParser(interpolation=None)
    read.read_string(text)
    return read


def test_a_root_that_has_forgotten_everything_is_as_before_after_a_start(tmp_path: Path) -> None:
    card = Card(tmp_path)
    card.places.card.write_text(CARD)
    card.start()
    paths = [path.relative_to(tmp_path) for path in (tmp_path / "etc").rglob("*") if path.is_file()]
    before = {path: (tmp_path / path).read_bytes() for path in paths}
    for name in ("hostname", "hosts", "localtime"):
        (tmp_path / "etc" / name).unlink()
    shutil.rmtree(tmp_path / "etc/ssh")
    shutil.rmtree(tmp_path / "run")
    card.start()
    assert {path: (tmp_path / path).read_bytes() for path in paths} == before
    assert (tmp_path / "etc/hostname").read_text() == "hut\n"
    assert "127.0.1.1\thut" in (tmp_path / "etc/hosts").read_text()
    assert str((tmp_path / "etc/localtime").readlink()) == "/usr/share/zoneinfo/Europe/Berlin"
    assert card.names == ["hut", "hut"]
    assert (card.places.ssh / "root.keys").read_text() == f"{KEY}\n"
    assert ("systemctl", "--no-block", "start", "ssh.service") in card.started


def test_nothing_is_written_that_stands_there_already(tmp_path: Path) -> None:
    card = Card(tmp_path)
    card.places.card.write_text(CARD)
    card.start()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    card.start()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before


def test_one_thing_that_cannot_be_done_keeps_nothing_else_from_it(tmp_path: Path) -> None:
    card = Card(tmp_path)
    card.places.card.write_text(CARD)
    (tmp_path / "etc/hostname").unlink()
    (tmp_path / "etc/hostname").mkdir()
    card.start()
    assert "etc" in read_record(card.places.record).refused["system"]
    assert (tmp_path / "run/NetworkManager/system-connections/meshgate-wifi.nmconnection").exists()
    (tmp_path / "etc/hostname").rmdir()
    card.start()
    assert read_record(card.places.record).refused == {}


def test_two_boxes_share_no_secret_and_no_name(tmp_path: Path) -> None:
    boxes = [Card(tmp_path / str(seed), seed) for seed in (1, 2)]
    for box in boxes:
        box.start()
    first, second = (read_kept(box.places.kept) for box in boxes)
    assert first.hotspot_key != second.hotspot_key
    assert first.hotspot_name != second.hotspot_name
    assert boxes[0].places.code.read_text() != boxes[1].places.code.read_text()
    assert set(first.hotspot_key) - {"-"} <= set(ALPHABET)
    assert first.hotspot_name.startswith("Meshgate-")


def test_ssh_is_not_opened_for_nobody(tmp_path: Path) -> None:
    card = Card(tmp_path)
    card.start()
    assert not (card.places.ssh / "root.keys").exists()
    assert not [one for one in card.started if "ssh.service" in one]


def test_the_info_file_is_on_the_card_only_if_the_owner_wants_it_and_loses_the_code_once_it_was_used(tmp_path: Path) -> None:
    card = Card(tmp_path)
    card.start()
    assert not card.places.info.exists()
    card.places.card.write_text("[appliance]\nshow_setup_code = true\n")
    card.start()
    code, kept = card.places.code.read_text().strip(), read_kept(card.places.kept)
    shown = card.places.info.read_text()
    assert grouped(code, 3) in shown
    assert kept.hotspot_key in shown
    assert "http://meshgate.local" in shown
    card.places.accounts.write_text("{}")
    card.start()
    assert not card.places.code.exists()
    assert grouped(code, 3) not in card.places.info.read_text()
    card.places.card.write_text("[appliance]\nshow_setup_code = false\n")
    card.start()
    assert not card.places.info.exists()


def test_somebody_at_the_screen_reads_the_code_and_nobody_else_on_the_machine(tmp_path: Path) -> None:
    card = Card(tmp_path)
    card.places.card.write_text(CARD)
    card.start()
    issue = tmp_path / "run/issue.d/50-meshgate.issue"
    assert SECRETS["setup_code"] in issue.read_text()
    assert issue.stat().st_mode & 0o777 == 0o600


def test_an_open_hotspot_is_said_to_be_open(tmp_path: Path) -> None:
    card = Card(tmp_path)
    card.places.card.write_text("[appliance.hotspot]\nopen = true\n")
    card.start()
    assert "(no key)" in (tmp_path / "run/issue.d/50-meshgate.issue").read_text()


def test_no_letter_of_a_name_or_password_ends_a_line_of_the_profile() -> None:
    profile = keyfile(home_profile({"ssid": "Home; [x]", "password": "  a\\b;c#d", "hidden": True}))
    assert profile["wifi"]["ssid"] == "".join(f"{byte};" for byte in b"Home; [x]")
    assert profile["wifi-security"]["psk"] == "\\s\\sa\\\\b;c#d"
    assert profile["wifi"]["hidden"] == "true"
    assert "wifi-security" not in keyfile(home_profile({"ssid": "Open"}))
    assert home_profile({"country": "DE"}) == ""


def test_the_hotspot_is_wpa2_unless_it_is_open() -> None:
    closed = keyfile(hotspot_profile("wlan0", "Meshgate-ABCD", "a-long-key", ("10.42.77.1", "10.42.77.2")))
    assert (closed["wifi-security"]["key-mgmt"], closed["wifi-security"]["proto"]) == ("wpa-psk", "rsn;")
    assert (closed["ipv4"]["method"], closed["ipv4"]["address1"]) == ("shared", "10.42.77.1/24")
    assert closed["connection"]["autoconnect"] == "false"
    assert "wifi-security" not in keyfile(hotspot_profile("wlan0", "x", "", ("10.42.77.1", "10.42.77.2")))
