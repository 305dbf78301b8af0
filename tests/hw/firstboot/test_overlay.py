"""The root is switched by a word of the kernel's line, in place."""

import os
from pathlib import Path

import pytest

from hw.firstboot.commands import Done
from hw.firstboot.overlay import OFF, ON, in_force, switch, switched
from hw.firstboot.record import read_record
from tests.hw.firstboot.rig import Card

LINE = "console=serial0,115200 root=PARTUUID=0a1b2c3d-02 rootfstype=ext4 fsck.repair=yes rootwait"
SHIPPED = f"{LINE} {OFF.ljust(len(ON))}\n"


def test_on_and_off_have_the_same_length_and_say_what_they_should() -> None:
    on = switched(SHIPPED, on=True)
    assert on == f"{LINE} {ON}\n"
    assert switched(on, on=True) == on
    assert switched(on, on=False) == SHIPPED
    assert len(on) == len(SHIPPED) <= 512  # a sector


def test_a_line_without_the_word_gets_it_only_if_it_is_needed() -> None:
    assert switched(f"{LINE}\n", on=False) == f"{LINE}\n"
    assert switched(f"{LINE}\n", on=True) == f"{LINE} {ON}\n"
    assert switched(f"a {OFF} {LINE}", on=True).split() == ["a", ON, *LINE.split()]


@pytest.mark.parametrize("text", ["", "quiet\n", f"{LINE}\n{LINE}\n", f"{LINE} {'x' * 5_000}\n"])
def test_what_is_no_line_for_a_kernel_is_left_alone(tmp_path: Path, text: str) -> None:
    card = Card(tmp_path)
    card.places.cmdline.write_text(text)
    assert not switch(card.box, on=True)
    assert card.places.cmdline.read_text() == text
    assert "cannot be changed" in read_record(card.places.record).refused["read-only"]


def test_the_file_is_written_over_and_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = Card(tmp_path)
    card.places.cmdline.write_text(SHIPPED)
    inode = card.places.cmdline.stat().st_ino
    written: list[int] = []
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda descriptor, data, at: written.append(len(data)) or real(descriptor, data, at))
    monkeypatch.setattr(os, "ftruncate", lambda *_: pytest.fail("its length was changed"))
    assert switch(card.box, on=True)
    assert (card.places.cmdline.stat().st_ino, written) == (inode, [len(SHIPPED)])
    assert not switch(card.box, on=True)
    assert "read only" in read_record(card.places.record).events[-1].sentence


def test_a_partition_that_takes_no_writes_is_told(tmp_path: Path) -> None:
    card = Card(tmp_path)
    card.places.cmdline.write_text(SHIPPED)
    card.answers["mount"] = Done(32, error="write-protected")
    assert not switch(card.box, on=True)
    assert card.places.cmdline.read_text() == SHIPPED
    assert "write-protected" in read_record(card.places.record).refused["read-only"]


def test_what_is_in_force_is_read_from_the_mounts(tmp_path: Path) -> None:
    assert in_force(tmp_path) is None
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/mounts").write_text("rootfs / rootfs rw 0 0\noverlayroot / overlay rw,lowerdir=/x 0 0\n")
    assert in_force(tmp_path) is True
    (tmp_path / "proc/mounts").write_text("/dev/mmcblk0p2 / ext4 rw 0 0\nx /y overlay rw 0 0\n")
    assert in_force(tmp_path) is False
