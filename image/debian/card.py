"""Lays out the image of a card without mounts or loop devices: a table of three partitions, FAT and two ext4 file systems.

The same directory, time and seed give the same image to the byte. `docs/design/image.md` says what the partitions are for.
"""

import hashlib
import os
import struct
import subprocess
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from image.debian.archive import write_archive
from image.debian.tools import Tools
from image.debian.used import ext4_used, fat_used

MIB: Final = 1 << 20
_SECTOR: Final = 512
_OF_THE_KERNEL: Final = ("dev", "proc", "sys", "run", "tmp")  # filled when it runs; what a build has left there is no part of it
_FAT32, _LINUX = 0x0C, 0x83
FIRST: Final = 4 * MIB  # where the first partition begins, a whole number of an SD card's erase blocks
MOVED: Final = {"opt/meshgate": "opt", "var/lib/meshgate": "lib", "etc/meshgate": "etc"}
"""What is kept on the third partition, and under which name there."""


_PATIENT: Final = "x-systemd.device-timeout=10min"
"""A box whose card is slow is to start late: systemd gives up after 90 seconds, and nobody can log in to what it is left with."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the partitions are, in MiB; the last one grows at the first start."""

    boot: int = 256
    root: int = 2560
    state: int = 512


@dataclass(frozen=True, slots=True)
class Card:
    """What an image is made of.

    Args:
        root: root directory of the system; what is in its boot/firmware becomes the first partition.
        epoch: no file is newer, seconds since 1970.
        seed: what identifiers are derived from; another image has another.
        cmdline: the kernel's command line, without its root.
        sizes: of the partitions.
        boot: files for the first partition beside those of the root, by name.

    """

    root: Path
    epoch: int
    seed: bytes
    cmdline: str = "rootwait"
    sizes: Sizes = field(default_factory=Sizes)
    boot: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def signature(self) -> int:
        """The number by which Linux knows the partitions of this table: PARTUUID=SIGNATURE-02."""
        return int.from_bytes(self._derived("table")[:4], "little") or 1

    def partition(self, number: int) -> str:
        """Return the PARTUUID of a partition, 1 to 3."""
        return f"{self.signature:08x}-{number:02d}"

    def identity(self, name: str) -> uuid.UUID:
        """Return an identifier for a file system, or the seed of its directories."""
        return uuid.UUID(bytes=self._derived(name)[:16], version=4)

    def _derived(self, name: str) -> bytes:
        return hashlib.sha256(b"meshgate image " + name.encode() + b"\0" + self.seed).digest()

    def fstab(self) -> bytes:
        """Return what is mounted where. The binds let the root be read only while versions, settings and state are kept."""
        binds = "".join(
            f"/data/{name} /{path} none bind,x-systemd.requires-mounts-for=/data 0 0\n"
            for path, name in sorted(MOVED.items(), reverse=True)
        )
        return (
            f"PARTUUID={self.partition(2)} / ext4 noatime,commit=60 0 1\n"
            f"PARTUUID={self.partition(1)} /boot/firmware vfat ro,noatime,umask=0077,{_PATIENT} 0 2\n"
            f"PARTUUID={self.partition(3)} /data ext4 noatime,nodev,{_PATIENT},x-systemd.growfs 0 2\n{binds}"
        ).encode()

    def kernel_line(self) -> bytes:
        """Return the whole command line of the kernel."""
        return f"{self.cmdline} root=PARTUUID={self.partition(2)}\n".encode()


def write_card(card: Card, out: Path, tools: Tools) -> list[tuple[int, int]]:
    """Write an image.

    Args:
        card: what it is made of.
        out: the image; it is written anew, with holes where nothing is.
        tools: programs that make file systems.

    Returns:
        What its file systems rely on: the first byte and the one after the last, in ascending order; the rest may be anything.

    Raises:
        ValueError: something does not fit into its partition, or belongs on no card.
        OSError: something cannot be read or written.

    """
    sizes = card.sizes
    starts = (FIRST, FIRST + sizes.boot * MIB, FIRST + (sizes.boot + sizes.root) * MIB)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix="card-") as scratch:
        work = Path(scratch)
        parts = (_boot(card, work, tools), _root(card, work, tools), _state(card, work, tools))
        out.unlink(missing_ok=True)
        with out.open("wb") as image:
            image.write(_table(card, starts))
            image.truncate(starts[2] + sizes.state * MIB)
            for start, part in zip(starts, parts, strict=True):
                _copy(part, image.fileno(), start)
        used = [(0, _SECTOR), *((FIRST + first, FIRST + last) for first, last in fat_used(parts[0]))]
        for start, part in zip(starts[1:], parts[1:], strict=True):
            used += [(start + first, start + last) for first, last in ext4_used(part, tools)]
    os.utime(out, (card.epoch, card.epoch))
    return used


def _table(card: Card, starts: tuple[int, int, int]) -> bytes:
    kinds = (_FAT32, _LINUX, _LINUX)
    lengths = (card.sizes.boot, card.sizes.root, card.sizes.state)
    nowhere = b"\xfe\xff\xff"  # cylinders, heads and sectors are of another time
    entries = b"".join(
        struct.pack("<B3sB3sII", 0x80 if kind == _FAT32 else 0, nowhere, kind, nowhere, start // _SECTOR, length * MIB // _SECTOR)
        for kind, start, length in zip(kinds, starts, lengths, strict=True)
    )
    return bytes(440) + struct.pack("<IH", card.signature, 0) + entries + bytes(16) + b"\x55\xaa"


def _boot(card: Card, work: Path, tools: Tools) -> Path:
    """Make the FAT partition of boot/firmware, file by file in their order."""
    part, home = work / "boot.fat", card.root / "boot" / "firmware"
    with part.open("wb") as file:
        file.truncate(card.sizes.boot * MIB)
    number = f"{card.identity('bootfs').int >> 96:08x}"
    tools.run("mkfs.vfat", "--invariant", "-F", "32", "-n", "BOOTFS", "-i", number, str(part))
    extra = {"cmdline.txt": card.kernel_line(), **card.boot}
    own = {path.relative_to(home).as_posix(): path for path in home.rglob("*")} if home.is_dir() else {}
    for number_of, (name, data) in enumerate(sorted(extra.items())):
        path = work / f"boot-{number_of}"
        path.write_bytes(data)
        own[name] = path
    size = sum(path.stat().st_size for path in own.values())
    if size > (card.sizes.boot - 8) * MIB:
        raise ValueError(f"What is for the first partition has {size // MIB} MiB, and it has {card.sizes.boot}.")
    for name, path in sorted(own.items(), key=lambda one: one[0].split("/")):
        if path.is_dir():
            tools.run("mmd", "-i", str(part), f"::{name}", epoch=card.epoch)
        else:
            tools.run("mcopy", "-i", str(part), str(path), f"::{name}", epoch=card.epoch)
    return part


def _root(card: Card, work: Path, tools: Tools) -> Path:
    leave = ("boot/firmware", *MOVED)
    instead = {"etc/fstab": card.fstab()}
    missing = [name for name in ("data", *leave) if not (card.root / name).is_dir()]
    if missing:
        raise ValueError(f"There is no {missing[0]} to mount a partition on.")
    size = write_archive(card.root, work / "root.tar", card.epoch, (*leave, *_OF_THE_KERNEL), instead)
    return _ext4(card, work, "rootfs", card.sizes.root, size, tools)


def _state(card: Card, work: Path, tools: Tools) -> Path:
    """Make the third partition, of what the root has in the places it is mounted on."""
    home = work / "data"
    home.mkdir()
    for place, name in MOVED.items():
        subprocess.run(["cp", "--archive", str(card.root / place), str(home / name)], check=True)  # noqa: S603, S607 -- keeps owners, links and attributes
    os.utime(home, (card.epoch, card.epoch))
    size = write_archive(home, work / "state.tar", card.epoch)
    return _ext4(card, work, "state", card.sizes.state, size, tools)


def _ext4(card: Card, work: Path, name: str, mib: int, used: int, tools: Tools) -> Path:
    if used > (mib - mib // 16) * MIB:
        raise ValueError(f"What is for the partition {name} has {used // MIB} MiB, and it has {mib}.")
    part, archive = work / f"{name}.ext4", work / f"{'root' if name == 'rootfs' else name}.tar"
    with part.open("wb") as file:
        file.truncate(mib * MIB)
    options = f"hash_seed={card.identity(f'{name} directories')},assume_storage_prezeroed=1,root_owner=0:0"
    names = ("-b", "4096", "-L", name, "-U", str(card.identity(name)), "-E", options, "-m", "1", "-d", str(archive))
    tools.run("mke2fs", "-q", "-F", "-t", "ext4", *names, str(part), epoch=card.epoch)
    archive.unlink()
    return part


def _copy(part: Path, image: int, start: int) -> None:
    """Copy a file into the image, but for its holes and for what is zero."""
    empty, at = bytes(MIB), start
    with part.open("rb") as file:
        while block := file.read(MIB):
            if block != empty[: len(block)]:
                os.pwrite(image, block, at)
            at += len(block)
