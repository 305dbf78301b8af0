"""Says which bytes of a file system are relied on, by what the file system itself says: not by what is zero."""

import re
import struct
from pathlib import Path

from image.debian.tools import Tools


def fat_used(part: Path) -> list[tuple[int, int]]:
    """Return what is used of a FAT32 file system: everything up to its last cluster that is in use."""
    with part.open("rb") as file:
        sector, per_cluster, reserved, tables = struct.unpack_from("<HBHB", file.read(512), 11)
        file.seek(36)
        (length,) = struct.unpack("<I", file.read(4))
        file.seek(reserved * sector)
        table = struct.unpack(f"<{length * sector // 4}I", file.read(length * sector))
    last = max(number for number, entry in enumerate(table) if entry & 0x0FFFFFFF)
    return [(0, (reserved + tables * length + (last - 1) * per_cluster) * sector)]


def ext4_used(part: Path, tools: Tools) -> list[tuple[int, int]]:
    """Return what is used of an ext4 file system: all blocks that it does not call free, those of its tables and its journal too."""
    said = tools.run("dumpe2fs", str(part))
    (block,) = (int(found) for found in re.findall(r"^Block size: +(\d+)$", said, re.MULTILINE))
    (count,) = (int(found) for found in re.findall(r"^Block count: +(\d+)$", said, re.MULTILINE))
    used, at = [], 0
    for line in re.findall(r"^  Free blocks: (.*)$", said, re.MULTILINE):
        for run in line.split(", ") if line.strip() else ():
            first, _, last = run.partition("-")
            if int(first) > at:
                used.append((at * block, int(first) * block))
            at = int(last or first) + 1
    if at < count:
        used.append((at * block, count * block))
    return used
