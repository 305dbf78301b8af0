"""The third partition grows to the end of the card, on our image only."""

from pathlib import Path

import pytest

from hw.firstboot.commands import Done
from hw.firstboot.growing import find, grow
from hw.firstboot.record import read_record
from tests.hw.firstboot.rig import Card

DISK = 62_000_000  # sectors


@pytest.fixture
def card(tmp_path: Path) -> Card:
    made = Card(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/mounts").write_text("/dev/mmcblk0p2 / ext4 rw 0 0\n/dev/mmcblk0p3 /data ext4 rw,noatime 0 0\n")
    disk = tmp_path / "sys/devices/mmc/mmcblk0"
    for number, start, size in ((1, 8_192, 500_000), (2, 516_096, 4_000_000), (3, 4_517_888, 131_072)):
        part = disk / f"mmcblk0p{number}"
        part.mkdir(parents=True)
        for name, value in (("partition", number), ("start", start), ("size", size)):
            (part / name).write_text(f"{value}\n")
    (disk / "size").write_text(f"{DISK}\n")
    block = tmp_path / "sys/class/block"
    block.mkdir(parents=True)
    (block / "mmcblk0p3").symlink_to(disk / "mmcblk0p3")
    return made


def test_it_is_grown_once(card: Card) -> None:
    grow(card.box)
    assert card.started == [("growpart", "/dev/mmcblk0", "3"), ("resize2fs", "/dev/mmcblk0p3")]
    grow(card.box)
    assert len(card.started) == 2
    assert "was grown" in read_record(card.places.record).events[-1].sentence


def test_a_power_cut_between_both_steps_has_the_second_done(card: Card) -> None:
    (card.places.root / "sys/devices/mmc/mmcblk0/mmcblk0p3/size").write_text(f"{DISK - 4_517_888}\n")
    grow(card.box)
    assert card.started == [("resize2fs", "/dev/mmcblk0p3")]


def test_a_partition_that_cannot_grow_is_no_failure(card: Card) -> None:
    card.answers["growpart"] = Done(1, out="NOCHANGE: partition 3 could only be grown by 33\n")
    grow(card.box)
    assert read_record(card.places.record).refused == {}


@pytest.mark.parametrize("program", ["growpart", "resize2fs"])
def test_a_program_that_fails_is_told_and_tried_again(card: Card, program: str) -> None:
    card.answers[program] = Done(2, error="FAILED: no")
    grow(card.box)
    assert "no" in read_record(card.places.record).refused["grow"]
    card.answers.clear()
    grow(card.box)
    assert read_record(card.places.record).refused == {}


def test_nothing_is_touched_on_a_box_that_is_not_our_image(card: Card) -> None:
    (card.places.root / "usr/lib/meshgate/appliance").unlink()
    grow(card.box)
    assert card.started == []


@pytest.mark.parametrize("other", ["fourth", "behind", "mounts", "number"])
def test_a_disk_with_other_partitions_is_left_alone(card: Card, other: str) -> None:
    root = card.places.root
    disk = root / "sys/devices/mmc/mmcblk0"
    if other == "fourth":
        (disk / "mmcblk0p4").mkdir()
        (disk / "mmcblk0p4/partition").write_text("4")
        (disk / "mmcblk0p4/start").write_text("9000000")
    elif other == "behind":
        (disk / "mmcblk0p2/start").write_text("50000000")
    elif other == "mounts":
        (root / "proc/mounts").write_text("/dev/mmcblk0p2 / ext4 rw 0 0\n")
    else:
        (disk / "mmcblk0p3/partition").write_text("2")
    assert find(root) is None
    grow(card.box)
    assert card.started == []
    assert "no partition of our image" in read_record(card.places.record).refused["grow"]
