"""Grows the third partition, and the file system on it, to the end of the card: only on our image, and only once.

Both steps begin at what is there, so after a power cut they are simply done again.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hw.firstboot.box import Box
from hw.firstboot.limits import GROW_S
from hw.firstboot.record import DONE, REFUSED

STEP: Final = "grow"
DATA: Final = "/data"
NUMBER: Final = 3
_SECTOR: Final = 512  # bytes: sysfs counts in these
_SPARE: Final = 16 << 20  # bytes at the end of a card that are not worth it


@dataclass(frozen=True, slots=True)
class Partition:
    """The partition with the state.

    Attributes:
        device: such as ``/dev/mmcblk0p3``.
        disk: such as ``/dev/mmcblk0``.
        number: of it.
        free: bytes behind it on the disk.

    """

    device: str
    disk: str
    number: int
    free: int


def grow(box: Box) -> None:
    """Grow it if it is ours and can grow; raises `OSError`."""
    root = box.places.root
    marker = root / DATA.lstrip("/") / ".grown"
    if not box.places.is_appliance or marker.exists():
        return
    part = find(root)
    if part is None:
        box.note(STEP, REFUSED, f"There is no partition of our image at {DATA}, so nothing was grown.")
        return
    if part.free > _SPARE:
        done = box.run(("growpart", part.disk, str(part.number)), seconds=GROW_S)
        if done.code and "NOCHANGE" not in done.out:
            box.note(STEP, REFUSED, f"The partition for the state could not be grown: {done.why}.")
            return
    done = box.run(("resize2fs", part.device), seconds=GROW_S)
    if done.code:
        box.note(STEP, REFUSED, f"The file system for the state could not be grown: {done.why}.")
        return
    marker.touch()
    box.note(STEP, DONE, "The partition for the state was grown to the end of the card.")


def find(root: Path) -> Partition | None:
    """Return the partition at /data if it is the third and last of its disk, as in our image; else None."""
    try:
        mounts = [line.split() for line in (root / "proc/mounts").read_text().splitlines()]
        device = next(fields[0] for fields in mounts if fields[1] == DATA and fields[2] == "ext4")
        name = device.removeprefix("/dev/")
        home = (root / "sys/class/block" / name).resolve()
        number = int((home / "partition").read_text())
        start, size = int((home / "start").read_text()), int((home / "size").read_text())
        disk = home.parent
        others = [int((one / "start").read_text()) for one in disk.iterdir() if (one / "partition").exists()]
        free = (int((disk / "size").read_text()) - start - size) * _SECTOR
    except (OSError, ValueError, StopIteration, IndexError):
        return None
    if number != NUMBER or len(others) != NUMBER or max(others) != start:
        return None
    return Partition(device, f"/dev/{disk.name}", number, free)
