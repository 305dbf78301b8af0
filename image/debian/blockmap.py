"""Writes which blocks of an image hold anything (bmap 2.0), so that bmaptool writes only those, and checks them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

BLOCK: Final = 4096
_READ: Final = 256  # blocks that are read together: 1 MiB


def write_block_map(image: Path, used: Sequence[tuple[int, int]], out: Path) -> int:
    """Write the map of an image; returns how many bytes are mapped.

    Args:
        image: as it is written to a card.
        used: first byte of what its file systems rely on, and the one after the last, in ascending order. What is zero there is mapped too:
            a card that was used before has something else in its place.
        out: the map.

    Raises:
        OSError: something cannot be read or written.

    """
    ranges = merged(used)
    lines = []
    with image.open("rb") as file:
        for first, last in ranges:
            digest = hashlib.sha256()
            file.seek(first * BLOCK)
            for at in range(first, last + 1, _READ):
                digest.update(file.read(min(_READ, last + 1 - at) * BLOCK))
            lines.append(f'        <Range chksum="{digest.hexdigest()}">{first}{f"-{last}" if last > first else ""}</Range>\n')
    size, mapped = image.stat().st_size, sum(last - first + 1 for first, last in ranges)
    text = _FORM.format(size=size, block=BLOCK, count=-(-size // BLOCK), mapped=mapped, sum="0" * 64, lines="".join(lines))
    out.write_text(text.replace("0" * 64, hashlib.sha256(text.encode()).hexdigest(), 1))
    return mapped * BLOCK


def merged(used: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the first and last block of each run of blocks in which something is used."""
    runs: list[tuple[int, int]] = []
    for start, end in used:
        first, last = start // BLOCK, (end - 1) // BLOCK
        if runs and first <= runs[-1][1] + 1:
            runs[-1] = runs[-1][0], max(last, runs[-1][1])
        else:
            runs.append((first, last))
    return runs


_FORM: Final = """<?xml version="1.0" ?>
<bmap version="2.0">
    <ImageSize> {size} </ImageSize>
    <BlockSize> {block} </BlockSize>
    <BlocksCount> {count} </BlocksCount>
    <MappedBlocksCount> {mapped} </MappedBlocksCount>
    <ChecksumType> sha256 </ChecksumType>
    <BmapFileChecksum> {sum} </BmapFileChecksum>
    <BlockMap>
{lines}    </BlockMap>
</bmap>
"""
