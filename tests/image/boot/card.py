"""A memory card that is honest about power: what was not flushed may be gone when the power is, sector by sector.

A card, and the machine it is in, may keep writes to themselves until they are told to flush. Most emulated disks keep them safe
whatever becomes of the machine, so that a program which forgets to flush is never found out. This one keeps them in memory, and a
power cut leaves for each sector either what was stored before or something that was written since, as chance has it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from threading import Lock
from typing import Final, Self

SECTOR: Final = 512  # bytes: what a card writes whole or not at all
MOST_HELD: Final = 64 << 20  # bytes a card keeps to itself; what is more is stored, as in a real one
KEEPS: Final = (0.0, 0.1, 0.5, 0.9, 1.0)
"""How much of what was held a cut leaves: nothing, and everything, happen as often as something between."""


class PowerLostError(Exception):
    """There is no power, so there is no answer."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What a power cut did.

    Args:
        held: sectors that had been written and not flushed.
        stored: of these, the sectors that have their last contents nevertheless.
        older: of these, the sectors that have something that was written and then overwritten.

    """

    held: int
    stored: int
    older: int


class Card:
    """A card of which a file is the memory.

    Args:
        path: the file; its size is a multiple of `SECTOR`.
        rng: decides what a cut leaves.

    """

    def __init__(self, path: Path, rng: Random) -> None:
        self._file = os.open(path, os.O_RDWR)
        self.size = os.fstat(self._file).st_size
        if self.size % SECTOR:
            os.close(self._file)
            raise ValueError(f"{path} has {self.size} bytes, which is no whole number of sectors")
        self.flushes = self.writes = 0
        self._rng = rng
        self._held: dict[int, list[bytes]] = {}
        self._weight = 0
        self._fuse: int | None = None
        self._burnt: Callable[[Cut], None] = lambda _cut: None
        self._powered = True
        self._lock = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def read(self, offset: int, length: int) -> bytes:
        """What was written last, flushed or not."""
        with self._lock:
            self._check(offset, length)
            data = bytearray(os.pread(self._file, length, offset))
            first = offset // SECTOR
            for at in range(length // SECTOR if self._held else 0):
                versions = self._held.get(first + at)
                if versions is not None:
                    data[at * SECTOR : (at + 1) * SECTOR] = versions[-1]
            return bytes(data)

    def write(self, offset: int, data: bytes, *, at_once: bool = False) -> None:
        """Take some sectors; those written at once are stored, the others held until a flush."""
        with self._lock:
            self._check(offset, len(data))
            self.writes += 1
            burns = self._fuse == self.writes
            if at_once and not burns:
                os.pwrite(self._file, data, offset)
                for sector in range(offset // SECTOR, (offset + len(data)) // SECTOR):
                    self._weight -= SECTOR * len(self._held.pop(sector, ()))
                return
            for at in range(0, len(data), SECTOR):
                self._held.setdefault((offset + at) // SECTOR, []).append(data[at : at + SECTOR])
            self._weight += len(data)
            if burns:
                self._burnt(self._lose())
                raise PowerLostError
            if self._weight > MOST_HELD:
                self._store()

    def flush(self) -> None:
        """Store everything that is held."""
        with self._lock:
            self._check(0, 0)
            self.flushes += 1
            self._store()

    def cut(self) -> Cut:
        """Take the power away: from now on nothing is answered."""
        with self._lock:
            self._check(0, 0)
            return self._lose()

    def cut_within(self, writes: int, burnt: Callable[[Cut], None]) -> None:
        """Take the power away in the middle of the write that comes after so many others, which is then torn.

        Args:
            writes: 1 for the next.
            burnt: told when it has happened, from the thread that wrote.

        """
        with self._lock:
            self._fuse, self._burnt = self.writes + writes, burnt

    def restore_power(self) -> None:
        """Give it power again."""
        with self._lock:
            self._fuse = None
            self._powered = True

    def _check(self, offset: int, length: int) -> None:
        if not self._powered:
            raise PowerLostError
        if offset % SECTOR or length % SECTOR or not 0 <= offset <= offset + length <= self.size:
            raise ValueError(f"{length} bytes at {offset} are not sectors of a card of {self.size} bytes")

    def _store(self) -> None:
        self._put({sector: versions[-1] for sector, versions in self._held.items()})
        self._held.clear()
        self._weight = 0

    def _lose(self) -> Cut:
        keep = self._rng.choice(KEEPS)
        left: dict[int, bytes] = {}
        older = 0
        for sector, versions in self._held.items():
            if self._rng.random() < keep:
                left[sector] = versions[-1]
            elif (which := self._rng.randrange(len(versions))) > 0:
                left[sector] = versions[which - 1]
                older += 1
        cut = Cut(len(self._held), len(left) - older, older)
        self._put(left)
        self._held.clear()
        self._weight = 0
        self._powered = False
        return cut

    def _put(self, sectors: dict[int, bytes]) -> None:
        run: list[bytes] = []
        for sector in sorted(sectors):
            run.append(sectors[sector])
            if sector + 1 not in sectors:
                os.pwrite(self._file, b"".join(run), (sector + 1 - len(run)) * SECTOR)
                run.clear()
