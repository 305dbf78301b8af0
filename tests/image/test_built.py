"""The image that `make image` has built, read back; what it does when it starts is looked at in tests/image/boot."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from image.debian.card import FIRST
from image.debian.scan import scan
from image.imager import problems
from tests.image.test_card import part, said

BUILT = Path(__file__).parent.parent.parent / "build" / "image"
pytestmark = [pytest.mark.image, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def image() -> Path:
    path = BUILT / "meshgate.img"
    if not path.exists():
        pytest.skip("no image was built: sudo make image")
    return path


def test_the_sums_are_right(image: Path) -> None:
    rows = [line.split("  ") for line in (BUILT / "SHA256SUMS").read_text().splitlines()]
    assert {name for _, name in rows} >= {image.name, "meshgate.img.xz", "meshgate.bmap", "meshgate.cdx.json"}
    for digest, name in rows:
        with (BUILT / name).open("rb") as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == digest


def test_imager_takes_the_manifest_and_finds_what_it_says(image: Path) -> None:
    document = json.loads((BUILT / "meshgate.rpi-imager-manifest").read_text())
    assert problems(document) == []
    (entry,) = document["os_list"]
    assert entry["extract_size"] == image.stat().st_size
    assert (BUILT / entry["url"]).stat().st_size == entry["image_download_size"]


def test_there_is_no_secret_in_the_root_it_was_made_of() -> None:
    assert scan(BUILT / "root") == []


def test_a_board_finds_its_firmware_kernel_and_tree(image: Path) -> None:
    names = set(said("mdir", "-b", "-i", f"{image}@@{FIRST}", "::").split())
    assert {"::/start.elf", "::/start4.elf", "::/bootcode.bin", "::/config.txt", "::/cmdline.txt", "::/user-data", "::/meta-data"} <= names
    for wanted in ("vmlinuz-", "initrd.img-", "bcm2710-rpi-3-b.dtb", "bcm2710-rpi-zero-2", "bcm2711-rpi-4-b.dtb"):
        assert any(wanted in name for name in names), wanted
    line = said("mtype", "-i", f"{image}@@{FIRST}", "::cmdline.txt")
    assert re.search(r"root=PARTUUID=[0-9a-f]{8}-02(\s|$)", line)


def test_both_file_systems_are_whole(image: Path, tmp_path: Path) -> None:
    copy = tmp_path / "meshgate.img"
    copy.symlink_to(image)
    for number in (2, 3):
        path = part(copy, number)
        said("e2fsck", "-f", "-n", str(path))
        path.unlink()


def test_the_first_version_is_what_runs_and_what_is_trusted(image: Path, tmp_path: Path) -> None:
    copy = tmp_path / "meshgate.img"
    copy.symlink_to(image)
    state = str(part(copy, 3))
    current, good = (said("debugfs", "-R", f"stat /opt/{link}", state) for link in ("current", "good"))
    assert re.findall(r'Fast link dest: "(.*)"', current) == re.findall(r'Fast link dest: "(.*)"', good)
    assert said("debugfs", "-R", "cat /etc/config.toml", state)


def test_the_list_of_parts_has_each_package_with_its_hash(image: Path) -> None:
    parts = json.loads((BUILT / "meshgate.cdx.json").read_text())["components"]
    assert image.exists()
    assert len(parts) > 200
    assert all(part["hashes"][0]["content"] for part in parts)
    assert {"meshgate", "linux-image-arm64", "mosquitto", "libp2p"} <= {part["name"] for part in parts}
