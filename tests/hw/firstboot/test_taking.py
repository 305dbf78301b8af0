"""A card is taken once and as a whole; its secrets are nowhere on the boot partition then, whenever the power goes."""

import json
import os
import tomllib
from pathlib import Path

import pytest

from hw.firstboot.commands import Done
from hw.firstboot.kept import Phase, read_kept
from hw.firstboot.record import read_record
from hw.firstboot.taking import take_card
from tests.hw.firstboot.rig import CARD, OLD, SECRETS, Card, cut

BELONGS = {
    "setup_code": {"var/lib/meshgate/setup.code", "run/issue.d/50-meshgate.issue"},
    "ticket": {"var/lib/meshgate/card.ticket"},
    "mqtt_password": {"var/lib/meshgate/mqtt.card-password"},
    "wifi": {"etc/meshgate/appliance.json", "run/NetworkManager/system-connections/meshgate-wifi.nmconnection"},
    "hotspot": {"etc/meshgate/appliance.json", "run/issue.d/50-meshgate.issue"},
}


@pytest.fixture(autouse=True)
def _no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)  # the order of writing is looked at, not the disk


@pytest.fixture
def card(tmp_path: Path) -> Card:
    made = Card(tmp_path)
    made.places.drop_in.write_text(OLD)
    made.places.card.write_text(CARD)
    return made


def is_taken(card: Card) -> None:
    settings = tomllib.loads(card.places.drop_in.read_text())
    assert settings == {"gateway": {"nickname": "Hut"}, "mqtt": {"password_file": str(card.places.mqtt_password)}}
    assert not card.places.card.exists()
    left = tomllib.loads(card.places.done.read_text())
    assert left["appliance"]["wifi"] == {"ssid": "Home", "country": "DE"}
    assert left["gateway"] == {"nickname": "Hut"}
    assert read_kept(card.places.kept).phase is Phase.IDLE
    for name, secret in SECRETS.items():
        assert card.files_with(secret) == BELONGS[name], name
    assert read_record(card.places.record).refused == {}


def test_a_card_is_taken_and_its_secrets_are_where_they_belong_and_nowhere_else(card: Card) -> None:
    card.start()
    is_taken(card)
    by_kernel = ("mount", "--options-source", "mtab", "-o")
    assert [(*by_kernel, "remount,rw", str(card.places.boot)), (*by_kernel, "remount,ro", str(card.places.boot))] == [
        one for one in card.started if one[0] == "mount"
    ]
    private = [card.places.kept, card.places.code, card.places.ticket, card.places.mqtt_password, card.places.record]
    assert {path.stat().st_mode & 0o777 for path in private} == {0o600}


def test_a_card_is_taken_once(card: Card) -> None:
    card.start()
    number = read_record(card.places.record).number
    before = card.places.drop_in.stat().st_mtime_ns
    card.start()
    assert read_record(card.places.record).number == number
    assert card.places.drop_in.stat().st_mtime_ns == before
    assert len(card.checked) == 1


def test_the_blocks_of_the_file_are_overwritten_before_they_are_written_anew(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: written.append(data) or real(descriptor, data))
    inode = card.places.card.stat().st_ino
    card.start()
    assert card.places.done.stat().st_ino == inode
    assert sum(map(len, written)) >= len(CARD)


def test_a_later_card_changes_what_it_names_and_leaves_the_rest(card: Card) -> None:
    card.start()
    card.places.card.write_text('[appliance]\nhostname = "barn"\n\n[bridge]\nmode = "off"\n')
    card.start()
    kept = read_kept(card.places.kept)
    assert kept.text("hostname") == "barn"
    assert kept.table("wifi")["ssid"] == "Home"
    settings = tomllib.loads(card.places.drop_in.read_text())
    assert (settings["gateway"]["nickname"], settings["bridge"]["mode"]) == ("Hut", "off")


@pytest.mark.parametrize(
    "text", ["[appliance]\nhostnam = 'x'\n", "[gateway\n", "x" * 70_000, "\x00\x00", "[appliance]\nsetup_code = '11111111'\n"]
)
def test_a_card_that_is_wrong_is_refused_as_a_whole_and_the_old_settings_stay(card: Card, text: str) -> None:
    card.places.card.write_text(text)
    card.start()
    assert card.places.drop_in.read_text() == OLD
    assert card.places.card.read_text() == text
    said = card.places.problem.read_text()
    assert "was not taken, and nothing of it" in said
    record = read_record(card.places.record)
    assert record.refused["card"] in said
    card.start()
    assert read_record(card.places.record) == record  # told once
    card.places.card.write_text(CARD)
    card.start()
    is_taken(card)
    assert not card.places.problem.exists()


def test_settings_that_the_gateway_would_not_take_are_refused(card: Card) -> None:
    card.wrong = "gateway.nickname: the name has 400 bytes."
    card.start()
    assert card.places.drop_in.read_text() == OLD
    assert "the name has 400 bytes" in card.places.problem.read_text()
    assert not card.places.ticket.exists()


def test_a_card_that_was_taken_out_ends_the_refusal(card: Card) -> None:
    card.places.card.write_text("[")
    card.start()
    card.places.card.unlink()
    card.start()
    assert read_record(card.places.record).refused == {}


def test_a_boot_partition_that_takes_no_writes_keeps_its_secrets_and_says_so(card: Card) -> None:
    card.answers["mount"] = Done(32, error="mount: write-protected")
    card.start()
    assert tomllib.loads(card.places.drop_in.read_text())["gateway"]["nickname"] == "Hut"
    assert card.files_with(SECRETS["ticket"]) == {"boot/firmware/meshgate.toml", "var/lib/meshgate/card.ticket"}
    assert "Secrets still stand" in read_record(card.places.record).refused["erasing"]
    checked = len(card.checked)
    card.answers.clear()
    card.start()
    is_taken(card)
    assert len(card.checked) == checked  # taken once, erased later


def test_a_new_card_beside_one_that_was_not_erased_is_taken_too(card: Card) -> None:
    card.answers["mount"] = Done(32, error="mount: write-protected")
    card.start()
    card.answers.clear()
    card.places.card.write_text('[appliance]\nhostname = "barn"\n')
    card.start()
    assert read_kept(card.places.kept).text("hostname") == "barn"
    assert not card.places.card.exists()


def test_a_damaged_record_and_a_damaged_memory_do_not_stop_a_card(card: Card) -> None:
    card.places.record.write_bytes(b"\xff{")
    card.places.kept.write_text(json.dumps({"phase": "other"}))
    card.start()
    is_taken(card)


@pytest.mark.timeout(60)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # nobody closes files when the power goes
def test_a_power_cut_at_any_line_leaves_the_old_settings_or_the_new_ones_and_is_gone_on_from(tmp_path: Path) -> None:
    """At places over all lines that are run, and at every third of them once more while it recovers."""
    at, cuts, seen = 1, 0, set()
    while True:
        card = Card(tmp_path / str(at))
        card.places.drop_in.write_text(OLD)
        card.places.card.write_text(CARD)
        if not cut(at, card.start):
            break
        cuts += 1
        settings = tomllib.loads(card.places.drop_in.read_text())
        seen.add(settings["gateway"]["nickname"])
        if cuts % 3 == 0:
            cut(1 + at * 7 % 400, card.start)
        card.start()
        is_taken(card)
        at += 17 if at > 20 else 5
    assert cuts > 25
    assert seen == {"Old", "Hut"}


@pytest.mark.timeout(60)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_card_whose_file_is_gone_after_a_power_cut_was_taken_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    """Somebody has removed the file at a computer before the box goes on."""
    at, ends = 1, set()
    while True:
        card = Card(tmp_path / str(at))
        card.places.drop_in.write_text(OLD)
        card.places.card.write_text(CARD)
        if not cut(at, card.start):
            break
        for path in (card.places.card, card.places.done):
            path.unlink(missing_ok=True)
        card.start()
        taken = "Hut" in card.places.drop_in.read_text()
        assert card.places.ticket.exists() == card.places.mqtt_password.exists() == taken, at
        assert (card.places.code.read_text() == "QX7PLK92M\n") == taken, at
        assert ("wifi" in read_kept(card.places.kept).box) == taken, at
        ends.add(taken)
        at += 23
    assert ends == {True, False}


def test_nothing_is_asked_of_a_box_without_a_card(tmp_path: Path) -> None:
    card = Card(tmp_path)
    take_card(card.box)
    assert card.started == []
    assert not card.places.kept.exists()
