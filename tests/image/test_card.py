"""The image of a card, read back with the programs of those who use it."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from image.debian.blockmap import BLOCK, merged, write_block_map
from image.debian.card import FIRST, MIB, Card, Sizes, write_card
from image.debian.tools import Tools
from tests.image.small import EPOCH, small_root

Make = Callable[..., Card]


def said(program: str, *words: str) -> str:
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    return subprocess.run(
        [program, *words], capture_output=True, text=True, check=True, env={"PATH": path, "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    ).stdout


def part(image: Path, number: int) -> Path:
    """Copy a partition out of an image."""
    table = json.loads(said("sfdisk", "--json", str(image)))["partitiontable"]
    about = table["partitions"][number - 1]
    out = image.with_suffix(f".{number}")
    with image.open("rb") as file:
        file.seek(about["start"] * 512)
        out.write_bytes(file.read(about["size"] * 512))
    return out


@pytest.fixture
def image(card: Make, tools: Tools, tmp_path: Path) -> Path:
    out = tmp_path / "card.img"
    write_card(card(), out, tools)
    return out


def test_three_partitions_lie_one_behind_the_other_under_a_number_of_the_inputs(image: Path, card: Make) -> None:
    table = json.loads(said("sfdisk", "--json", str(image)))["partitiontable"]
    assert table["label"] == "dos"
    assert int(table["id"], 16) == card().signature
    assert [(one["start"], one["size"], one["type"]) for one in table["partitions"]] == [
        (FIRST // 512, 34 * 2048, "c"),
        (FIRST // 512 + 34 * 2048, 16 * 2048, "83"),
        (FIRST // 512 + 50 * 2048, 16 * 2048, "83"),
    ]
    assert image.stat().st_size == FIRST + 66 * MIB


def test_the_first_partition_has_the_firmware_and_a_line_for_the_kernel_that_names_the_root(
    image: Path, card: Make, tmp_path: Path
) -> None:
    listed = said("mdir", "-b", "-s", "-i", f"{image}@@{FIRST}", "::")
    assert set(listed.split()) == {"::/cmdline.txt", "::/config.txt", "::/overlays/", "::/overlays/disable-bt.dtbo"}
    line = tmp_path / "line"
    said("mcopy", "-i", f"{image}@@{FIRST}", "::cmdline.txt", str(line))
    assert line.read_text() == f"console=tty0 rootwait root=PARTUUID={card().partition(2)}\n"


def test_the_file_systems_are_whole_and_named(image: Path) -> None:
    for number, name in ((2, "rootfs"), (3, "state")):
        path = str(part(image, number))
        said("e2fsck", "-f", "-n", path)
        assert f"Filesystem volume name:   {name}\n" in said("dumpe2fs", "-h", path)


def test_owners_rights_links_and_times_are_those_of_the_root(image: Path) -> None:
    root = str(part(image, 2))
    assert re.search(r"Mode: +0755.*Links: 2", said("debugfs", "-R", "stat /usr/bin", root), re.DOTALL)
    assert "Links: 2" in said("debugfs", "-R", "stat /usr/bin/verily", root)
    assert 'Fast link dest: "true"' in said("debugfs", "-R", "stat /usr/bin/yes", root)
    assert all(int(found, 16) <= EPOCH for found in re.findall(r"mtime: 0x([0-9a-f]+)", said("debugfs", "-R", "stat /usr/bin/true", root)))


def test_what_is_kept_lies_on_the_third_partition_and_the_root_has_places_to_mount_it(image: Path) -> None:
    root, state = str(part(image, 2)), str(part(image, 3))
    for empty in ("/opt/meshgate", "/etc/meshgate", "/var/lib/meshgate", "/boot/firmware", "/data"):
        names = said("debugfs", "-R", f"ls -p {empty}", root)
        assert [line.split("/")[5] for line in names.splitlines() if line] == [".", ".."]
    assert said("debugfs", "-R", "cat /etc/config.toml", state) == "config_version = 1\n"
    assert 'Fast link dest: "versions/0.1.0"' in said("debugfs", "-R", "stat /opt/current", state)
    assert re.search(r"Mode: +0700", said("debugfs", "-R", "stat /lib", state))


def test_the_table_of_mounts_binds_what_is_kept_to_where_it_is_looked_for(image: Path, card: Make) -> None:
    table = said("debugfs", "-R", "cat /etc/fstab", str(part(image, 2)))
    rows = [line.split() for line in table.splitlines()]
    assert [(row[0], row[1]) for row in rows[:3]] == [
        (f"PARTUUID={card().partition(number)}", place) for number, place in ((2, "/"), (1, "/boot/firmware"), (3, "/data"))
    ]
    assert {(row[0], row[1]) for row in rows[3:]} == {
        ("/data/opt", "/opt/meshgate"),
        ("/data/lib", "/var/lib/meshgate"),
        ("/data/etc", "/etc/meshgate"),
    }
    assert all("bind" in row[3] and "x-systemd.requires-mounts-for=/data" in row[3] for row in rows[3:])
    assert "ro" in rows[1][3].split(",")
    assert all("x-systemd.device-timeout=10min" in rows[at][3].split(",") for at in (1, 2)), "a slow card is waited for"


def test_two_images_of_the_same_inputs_are_the_same_to_the_byte(image: Path, card: Make, tools: Tools, tmp_path: Path) -> None:
    other = small_root(tmp_path / "other", backwards=True)
    again = tmp_path / "again.img"
    write_card(card(other), again, tools)
    assert image.read_bytes() == again.read_bytes()


def test_other_inputs_give_other_identifiers(card: Make) -> None:
    one, other = card(), card(seed=b"other inputs")
    assert one.signature != other.signature
    assert one.identity("rootfs") != other.identity("rootfs") != other.identity("state")


def test_what_does_not_fit_is_refused(root: Path, card: Make, tools: Tools, tmp_path: Path) -> None:
    with (root / "usr/bin/large").open("wb") as file:
        file.truncate(20 * MIB)
    with pytest.raises(ValueError, match="rootfs has 20 MiB, and it has 16"):
        write_card(card(), tmp_path / "card.img", tools)


def test_what_a_build_has_left_in_the_places_of_the_kernel_is_no_part_of_it(root: Path, card: Make, tools: Tools, tmp_path: Path) -> None:
    (root / "dev").mkdir(exist_ok=True)
    os.mkfifo(root / "dev/console")
    write_card(card(), tmp_path / "card.img", tools)
    assert "console" not in said("debugfs", "-R", "ls -p /dev", str(part(tmp_path / "card.img", 2)))


def test_a_device_belongs_on_no_card(root: Path, card: Make, tools: Tools, tmp_path: Path) -> None:
    os.mkfifo(root / "usr/bin/pipe")
    with pytest.raises(ValueError, match="usr/bin/pipe is neither"):
        write_card(card(), tmp_path / "card.img", tools)


def test_a_root_without_a_place_for_a_partition_is_refused(root: Path, card: Make, tools: Tools, tmp_path: Path) -> None:
    (root / "data").rmdir()
    with pytest.raises(ValueError, match="no data to mount"):
        write_card(card(), tmp_path / "card.img", tools)


def test_the_mapped_blocks_alone_make_a_whole_card_of_one_that_was_used_before(card: Make, tools: Tools, tmp_path: Path) -> None:
    image = tmp_path / "card.img"
    used = write_card(card(), image, tools)
    mapped = write_block_map(image, used, tmp_path / "card.bmap")
    assert 0 < mapped < image.stat().st_size // 2
    used_before = bytearray(b"\xa5") * image.stat().st_size
    data = image.read_bytes()
    for first, last in merged(used):
        used_before[first * BLOCK : (last + 1) * BLOCK] = data[first * BLOCK : (last + 1) * BLOCK]
    image.write_bytes(used_before)
    for number in (2, 3):
        said("e2fsck", "-f", "-n", str(part(image, number)))
    assert "::/config.txt" in said("mdir", "-b", "-i", f"{image}@@{FIRST}", "::")


def test_the_sizes_that_are_built_leave_room_for_two_versions_and_a_new_kernel() -> None:
    sizes = Sizes()
    assert sizes.boot >= 256
    assert sizes.state >= 512
    assert sum((sizes.boot, sizes.root, sizes.state)) * MIB + FIRST <= 4 << 30  # a raspi3b of QEMU takes the next power of two


def test_the_file_system_of_a_smaller_card_is_that_of_its_size(card: Make) -> None:
    assert replace(card(), sizes=Sizes(64, 128, 64)).signature == card().signature
