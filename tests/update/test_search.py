"""A stick with bundles, pictures and worse on it."""

from pathlib import Path

import pytest

from gateway.update.errors import Refusal, UpdateError
from gateway.update.limits import MAX_ENTRIES, MAX_FOUND, SEARCH_DEPTH
from gateway.update.manifest import Box
from gateway.update.search import best, candidates
from tests.update.bundles import MACHINE, TRUSTED, bundle_at

BOX = Box("0.1.0", MACHINE, "cp311")


def test_the_newest_that_fits_is_chosen_and_of_the_others_it_is_said_why_not(tmp_path: Path) -> None:
    bundle_at(tmp_path / "a.meshgate", version="0.2.0")
    bundle_at(tmp_path / "b.meshgate", version="0.10.0")
    bundle_at(tmp_path / "c.meshgate", version="0.11.0", machine="aarch64")
    bundle_at(tmp_path / "d.meshgate", version="0.12.0", seed=bytes(32))
    (tmp_path / "e.meshgate").write_bytes(b"a picture")
    (tmp_path / "photo.jpg").write_bytes(b"a picture")
    found = candidates([tmp_path], TRUSTED, BOX)
    assert best(found).path.name == "b.meshgate"
    assert {one.path.name: one.refusal for one in found} == {
        "b.meshgate": "",
        "a.meshgate": "",
        "c.meshgate": Refusal.MACHINE,
        "d.meshgate": Refusal.KEY,
        "e.meshgate": Refusal.FORMAT,
    }


def test_a_bundle_that_was_tampered_with_is_seen_when_it_is_looked_for(tmp_path: Path) -> None:
    path = bundle_at(tmp_path / "a.meshgate")
    path.write_bytes(path.read_bytes().replace(b"PKPK", b"PKpk", 1))
    with pytest.raises(UpdateError) as raised:
        best(candidates([path], TRUSTED, BOX))
    assert raised.value.refusal is Refusal.TAMPERED


def test_links_and_deep_directories_are_not_followed(tmp_path: Path) -> None:
    deep = tmp_path
    for number in range(SEARCH_DEPTH + 1):
        deep = deep / str(number)
        deep.mkdir()
    bundle_at(deep / "deep.meshgate")
    bundle_at(deep.parent / "there.meshgate")
    (tmp_path / "link.meshgate").symlink_to(deep / "deep.meshgate")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [one.path.name for one in candidates([tmp_path], TRUSTED, BOX)] == ["there.meshgate"]


def test_a_stick_full_of_files_keeps_nobody_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(MAX_FOUND + 3):
        (tmp_path / f"{number}.meshgate").touch()
    assert len(candidates([tmp_path], TRUSTED, BOX)) == MAX_FOUND
    monkeypatch.setattr("gateway.update.search.MAX_ENTRIES", 5)
    assert len(candidates([tmp_path], TRUSTED, BOX)) == 5
    assert MAX_ENTRIES > MAX_FOUND


def test_a_place_that_is_not_there_has_no_bundles(tmp_path: Path) -> None:
    assert candidates([tmp_path / "nothing"], TRUSTED, BOX) == []
