"""A file on the card resets the page or the whole box: all of it, also when the power goes."""

import os
from pathlib import Path

import pytest

from hw.firstboot.commands import Done
from hw.firstboot.forgetting import reset
from hw.firstboot.kept import read_kept
from hw.firstboot.record import read_record
from tests.hw.firstboot.rig import CARD, SECRETS, Card, cut


@pytest.fixture(autouse=True)
def _no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


def lived_in(root: Path) -> Card:
    card = Card(root)
    card.places.card.write_text(CARD)
    card.start()
    for name in ("identity.key", "store.db", "access.json", ".access.json.draft"):
        (card.places.state / name).write_text("of somebody")
    (card.places.etc / "config.toml").write_text("[gateway]\n")
    (card.places.etc / "release-keys").mkdir()
    (card.places.etc / "release-keys/main.pub").write_text("key")
    (card.places.ssh / "ssh_host_ed25519_key").write_text("key")
    return card


@pytest.mark.parametrize("word", ["", "page\n", "\r\n", "PAGE", "\ufeffpage"])
def test_the_page_is_set_up_anew_and_nothing_else_is_forgotten(tmp_path: Path, word: str) -> None:
    card = lived_in(tmp_path)
    before = card.places.code.read_text()
    card.places.reset.write_text(word)
    card.start()
    assert not card.places.accounts.exists()
    assert not (card.places.state / ".access.json.draft").exists()
    assert card.places.code.read_text() not in ("", before)
    assert (card.places.state / "identity.key").read_text() == "of somebody"
    assert not card.places.reset.exists()
    assert "page was reset" in read_record(card.places.record).events[-1].sentence
    assert card.wipes == 0


def is_blank(card: Card) -> None:
    assert not card.places.reset.exists()
    assert {path.name for path in card.places.state.iterdir()} <= {"firstboot.json", "setup.code"}
    assert not card.places.drop_in.exists()
    assert not (card.places.etc / "config.toml").exists()
    assert not (card.places.ssh / "ssh_host_ed25519_key").exists()
    assert (card.places.etc / "release-keys/main.pub").exists()
    assert not card.places.done.exists()
    assert read_kept(card.places.kept).box == {}
    for secret in SECRETS.values():
        assert card.files_with(secret) == set()


def test_the_whole_box_is_forgotten(tmp_path: Path) -> None:
    card = lived_in(tmp_path)
    before = read_kept(card.places.kept)
    card.places.reset.write_text("all")
    card.start()
    is_blank(card)
    after = read_kept(card.places.kept)
    assert after.hotspot_key != before.hotspot_key
    assert after.hotspot_name != before.hotspot_name
    assert [event.sentence for event in read_record(card.places.record).events][:1] == ["The box was reset: it knows nobody any more."]


@pytest.mark.parametrize("word", ["everything", "x" * 70_000, "\x00\x01", "all of it"])
def test_a_word_nobody_knows_resets_nothing(tmp_path: Path, word: str) -> None:
    card = lived_in(tmp_path)
    card.places.reset.write_text(word)
    card.start()
    assert card.places.accounts.exists()
    assert "nothing was reset" in read_record(card.places.record).refused["reset"]
    card.places.reset.unlink()
    card.start()
    assert read_record(card.places.record).refused == {}


def test_a_reset_that_could_not_be_ended_is_not_begun(tmp_path: Path) -> None:
    card = lived_in(tmp_path)
    card.places.reset.write_text("all")
    card.answers["mount"] = Done(32, error="mount: write-protected")
    card.start()
    assert (card.wipes, card.places.accounts.exists()) == (0, True)
    assert "write-protected" in read_record(card.places.record).refused["reset"]


def test_a_wipe_that_fails_keeps_the_file_so_that_it_is_done_again(tmp_path: Path) -> None:
    card = lived_in(tmp_path)
    card.places.reset.write_text("all")
    card.wipe = lambda: "the wipe failed: no"  # type: ignore[method-assign]
    reset(card.box)
    assert card.places.reset.exists()
    assert "no" in read_record(card.places.record).refused["reset"]


@pytest.mark.timeout(60)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("word", ["page", "all"])
def test_a_power_cut_at_any_line_has_the_reset_done_again(tmp_path: Path, word: str) -> None:
    at, cuts = 1, 0
    while True:
        card = lived_in(tmp_path / str(at))
        card.places.reset.write_text(word)
        if not cut(at, card.start):
            break
        cuts += 1
        if cuts % 3 == 0:
            cut(1 + at * 5 % 100, card.start)
        card.start()
        assert not card.places.accounts.exists(), at
        assert not card.places.reset.exists(), at
        if word == "all":
            is_blank(card)
        else:
            assert (card.places.state / "identity.key").exists()
        at += 11
    assert cuts > 20
