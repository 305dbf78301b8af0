"""An image file: its partitions, and the files of the first one, read and written without mounting anything."""

import os
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.image.boot.card import SECTOR

_TABLE: Final = 446  # where the four entries of an MBR begin
_SIGNATURE: Final = 440
_MAGIC: Final = b"\x55\xaa"


@dataclass(frozen=True, slots=True)
class Partition:
    """One entry of the table, in bytes."""

    kind: int
    start: int
    size: int


class Disk:
    """An image that nobody has mounted or runs from.

    Args:
        path: the file.

    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def partitions(self) -> list[Partition]:
        """What the table says, without empty entries."""
        return list(self._entries())

    @property
    def signature(self) -> str:
        """What PARTUUID begins with."""
        return f"{struct.unpack_from('<I', self._table(), _SIGNATURE)[0]:08x}"

    def names(self) -> list[str]:
        """The files on the boot partition, without those in directories."""
        return self._mtools("mdir", "-b", self._at("")).replace("::/", "").split()

    def get(self, name: str) -> bytes:
        """A file of the boot partition."""
        return self._run("mtype", self._at(name))

    def put(self, name: str, data: bytes | str) -> None:
        """Write a file onto the boot partition, as somebody does who has the card in a reader."""
        self._run("mcopy", "-o", "-", self._at(name), given=data.encode() if isinstance(data, str) else data)

    def extract(self, name: str, directory: Path) -> Path:
        """Copy a file of the boot partition; where it is then."""
        to = directory / Path(name).name
        to.write_bytes(self.get(name))
        return to

    def copy(self, to: Path, *, power_of_two: bool = False) -> "Disk":
        """Copy all of it, with nothing behind it up to what a card of that size has."""
        subprocess.run(["cp", "--reflink=auto", "--sparse=always", self.path, to], check=True)
        size = to.stat().st_size
        os.truncate(to, 1 << (size - 1).bit_length() if power_of_two else -(-size // SECTOR) * SECTOR)
        return Disk(to)

    def _entries(self) -> Iterator[Partition]:
        table = self._table()
        for at in range(_TABLE, _TABLE + 64, 16):
            kind, start, count = struct.unpack_from("<4xB3xII", table, at)
            if kind:
                yield Partition(kind, start * SECTOR, count * SECTOR)

    def _table(self) -> bytes:
        with self.path.open("rb") as file:
            table = file.read(SECTOR)
        if table[-2:] != _MAGIC:
            raise ValueError(f"{self.path} has no partition table")
        return table

    def _at(self, name: str) -> str:
        return f"::/{name}"

    def _mtools(self, *command: str) -> str:
        return self._run(*command).decode()

    def _run(self, tool: str, *arguments: str, given: bytes = b"") -> bytes:
        first = self.partitions[0]
        command = [tool, "-i", f"{self.path}@@{first.start}", *arguments]
        done = subprocess.run(command, input=given, capture_output=True, check=False)
        if done.returncode:
            raise FileNotFoundError(f"{' '.join(command)}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout
