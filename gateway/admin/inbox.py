"""Takes in a bundle that somebody sends: piece by piece into a file, one at a time, and one of them waits.

Nothing in it is believed here, and nothing of it is put in place: it lies there until it is handed over, or for half an hour.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, Final

from gateway.admin.limits import BUNDLE_STALL_S, BUNDLE_WAIT_S
from gateway.update.bundle import SUFFIX
from gateway.update.errors import Refusal, UpdateError
from gateway.update.limits import MAX_BUNDLE, SPARE

FOLDER: Final = ".bundles"  # in the state directory: one bundle that waits, and nothing else
_COMING: Final = "coming"  # has no suffix of a bundle, so that nobody looks into it


class Inbox:
    """Holds a bundle that somebody has sent.

    Args:
        folder: where it lies, a directory of the gateway's own.
        most: bytes one may have.
        spare: bytes left on the disk for what the box does meanwhile.

    """

    def __init__(self, folder: Path, most: int = MAX_BUNDLE, spare: int = SPARE) -> None:
        self.folder = folder
        self._most = most
        self._spare = spare
        self._busy = asyncio.Lock()
        self._until: asyncio.TimerHandle | None = None

    @property
    def path(self) -> Path:
        """Where the bundle is that waits, if one does."""
        return self.folder / f"sent{SUFFIX}"

    async def take(self, pieces: AsyncIterator[bytes]) -> Path:
        """Take one in; what waited before gives way only to one that came to its end.

        Raises:
            UpdateError: it is too large, stopped coming, the disk has no room, or another is coming.

        """
        if self._busy.locked():
            raise UpdateError(Refusal.BUSY, "Another bundle is being sent.", "Wait until that is over.")
        async with self._busy:
            coming = self.folder / _COMING
            try:
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                with coming.open("wb") as file:
                    await self._copy(pieces, file)
                coming.replace(self.path)
            except TimeoutError as error:
                raise UpdateError(Refusal.FORMAT, "The bundle stopped coming.", "Send it again.") from error
            except OSError as error:
                raise UpdateError(Refusal.NO_ROOM, f"The disk does not take it: {error.strerror}.") from error
            finally:
                coming.unlink(missing_ok=True)
        self._stop_waiting()
        self._until = asyncio.get_running_loop().call_later(BUNDLE_WAIT_S, self.forget)
        return self.path

    def forget(self) -> None:
        """Remove the one that waits."""
        self._stop_waiting()
        self.path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove what a gateway before this one has left."""
        self._stop_waiting()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _stop_waiting(self) -> None:
        if self._until is not None:
            self._until.cancel()
            self._until = None

    async def _copy(self, pieces: AsyncIterator[bytes], file: BinaryIO) -> None:
        size = 0
        while True:
            async with asyncio.timeout(BUNDLE_STALL_S):
                piece = await anext(pieces, b"")
            if not piece:
                return
            size += len(piece)
            if size > self._most:
                raise UpdateError(Refusal.FORMAT, "The file is larger than any bundle.")
            await asyncio.to_thread(self._write, file, piece)

    def _write(self, file: BinaryIO, piece: bytes) -> None:
        left = os.fstatvfs(file.fileno())
        if left.f_bavail * left.f_frsize < self._spare + len(piece):
            raise UpdateError(Refusal.NO_ROOM, "The disk has no room for the bundle.", "Delete what is not needed there, or use a stick.")
        file.write(piece)
