"""The root of the file system: on the card, or read only with a layer in memory over it that a restart forgets (overlayroot).

The switch is a word for the kernel in cmdline.txt. Its length is the same on and off, so that only the bytes of one sector change,
which a card writes as a whole or not at all: FAT has no other way of changing a file that a power cut leaves readable.
"""

import os
import re
from pathlib import Path
from typing import Final

from hw.firstboot.box import Box
from hw.firstboot.errors import UnwritableError
from hw.firstboot.limits import MAX_CMDLINE
from hw.firstboot.partition import writable
from hw.firstboot.record import DONE, REFUSED

STEP: Final = "read-only"
ON: Final = "overlayroot=tmpfs:recurse=0"
OFF: Final = "overlayroot=disabled"
_WORD: Final = re.compile(r"(?<!\S)overlayroot=\S*( *(?=\s|$))")


def switch(box: Box, *, on: bool) -> bool:
    """Turn it on or off from the next start; returns whether anything was changed. Raises `OSError`."""
    path = box.places.cmdline
    try:
        with path.open("rb") as file:
            text = file.read(MAX_CMDLINE + 1).decode("ascii")
        wanted = switched(text, on=on)
    except (OSError, ValueError) as error:
        box.note(STEP, REFUSED, f"cmdline.txt on the boot partition cannot be changed: {error}.")
        return False
    if wanted == text:
        box.settle(STEP)
        return False
    try:
        with writable(box.places.boot, box.run):
            _write_over(path, wanted.encode())
    except UnwritableError as error:
        box.note(STEP, REFUSED, f"cmdline.txt was not changed. {error}")
        return False
    box.note(STEP, DONE, f"From the next start the root of the file system is {'read only' if on else 'writable'}.")
    return True


def switched(text: str, *, on: bool) -> str:
    """Return the line for the kernel with the word in it; raises `ValueError` for what is no such line."""
    line, end = text.rstrip("\n"), "\n" if text.endswith("\n") else ""
    if len(text) > MAX_CMDLINE or "\n" in line or "root=" not in line:
        raise ValueError("it is not one line with root= in it")
    if not on and _WORD.search(line) is None:
        return text
    word = (ON if on else OFF).ljust(len(ON))
    found = _WORD.search(line)
    if found is None:
        return f"{line.rstrip(' ')} {word}{end}"
    if found.group().rstrip() == word.rstrip():
        return text
    return f"{line[: found.start()]}{word}{line[found.end() :]}{end}"


def in_force(root: Path = Path("/")) -> bool | None:
    """Whether the root has a layer in memory over it now; None if that cannot be seen."""
    try:
        mounts = [line.split() for line in (root / "proc/mounts").read_text().splitlines()]
    except OSError:
        return None
    kinds = [fields[2] for fields in mounts if len(fields) > 2 and fields[1] == "/"]
    return kinds[-1] == "overlay" if kinds else None


def _write_over(path: Path, data: bytes) -> None:
    """Write over a file's own bytes; its length changes only if it has to."""
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.pwrite(descriptor, data, 0)
        if os.fstat(descriptor).st_size > len(data):
            os.ftruncate(descriptor, len(data))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
