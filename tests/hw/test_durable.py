"""A power cut leaves the old bytes or the new ones."""

import os
import stat
from pathlib import Path

import pytest

from hw.durable import put_in_place, sync


def test_the_new_bytes_are_there_with_the_mode_asked_for_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    before = os.umask(0o777)
    try:
        put_in_place(path, b"one", 0o640)
    finally:
        os.umask(before)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"one", 0o640)
    put_in_place(path, b"two")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"two", 0o600)
    assert [one.name for one in tmp_path.iterdir()] == ["kept"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_what_was_there_is_still_there_if_it_fails_at_any_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = tmp_path / "kept"
    put_in_place(path, b"one")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os if step == "fsync" else Path, step, full)
    with pytest.raises(OSError, match="No space"):
        put_in_place(path, b"two")
    monkeypatch.undo()
    assert path.read_bytes() == b"one"
    assert [one.name for one in tmp_path.iterdir()] == ["kept"]


def test_a_draft_that_a_power_cut_or_a_stranger_left_is_not_written_through(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "kept"
    victim.write_bytes(b"mine")
    (tmp_path / ".kept.draft").symlink_to(victim)
    put_in_place(path, b"one")
    assert (victim.read_bytes(), path.read_bytes()) == (b"mine", b"one")


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sync(tmp_path / "nowhere")
