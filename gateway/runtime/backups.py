"""Backups of a gateway that runs: files that wait to be fetched or restored, and the restart that makes it the restored one.

Everything slow is done in a thread, one thing at a time: a key takes 64 MiB, and a small board has 512.
"""

import asyncio
import contextlib
import shutil
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from gateway.admin.backups import BusyError, Report
from gateway.backup import making, restoring
from gateway.backup.archive import Manifest
from gateway.backup.errors import BackupError, Flaw
from gateway.backup.limits import BACKUP_STALL_S, BACKUP_WAIT_S, MAX_BACKUPS_WAITING
from gateway.backup.making import Wanted, as_flaw, refuse_large
from gateway.backup.passphrase import COST, Cost, check
from gateway.backup.restoring import Plan
from gateway.config import Config
from gateway.config.editing import ConfigFile
from gateway.runtime.writer import StoreWriter
from gateway.store.copying import copy_open

T = TypeVar("T")
FOLDER: Final = ".backups"  # in the state directory: encrypted files that wait, and nothing else
RESTART_S: Final = 1.0  # seconds until the gateway ends, so that whoever asked is answered


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that waits."""

    path: Path
    uploaded: bool
    until: float  # of the loop's clock
    size: int


class Backups:
    """Makes backups, looks into them, and restores them.

    Args:
        config: of this gateway.
        file: its configuration file, None if there is none that could be changed.
        writer: owns the database.
        peer_id: of this gateway.
        wall: Unix seconds, None while nobody knows them.
        randbytes: source of names.
        cost: of a try at a passphrase; cheaper only in tests.

    Attributes:
        refused: files and passphrases that were not taken, by flaw.

    """

    def __init__(
        self,
        config: Config,
        file: ConfigFile | None,
        writer: StoreWriter,
        peer_id: str,
        wall: Callable[[], float | None],
        randbytes: Callable[[int], bytes],
        cost: Cost = COST,
    ) -> None:
        self._config = config
        self._file = file
        self._writer = writer
        self._peer_id = peer_id
        self._wall = wall
        self._randbytes = randbytes
        self._cost = cost
        self._folder = config.gateway.state_dir / FOLDER
        self._busy = asyncio.Lock()
        self._waiting: OrderedDict[str, Waiting] = OrderedDict()
        self._stop = asyncio.Event()
        self.is_wanted = False
        self.refused: Counter[str] = Counter()

    def begin(self, stop: asyncio.Event) -> None:
        """Use `stop` to end the gateway; what waited for one before it is gone."""
        self._stop = stop
        shutil.rmtree(self._folder, ignore_errors=True)

    def waiting(self) -> dict[str, Waiting]:
        """Return the files that wait, by ID, and the seconds of the loop's clock until which each does."""
        now = asyncio.get_running_loop().time()
        for name, one in list(self._waiting.items()):
            if one.until <= now:
                self.forget(name)
        return dict(self._waiting)

    def forget(self, name: str) -> None:
        """Remove a file that waits."""
        one = self._waiting.pop(name, None)
        if one is not None:
            one.path.unlink(missing_ok=True)

    async def create(self, passphrase: str, report: Report, *, history: bool) -> str:
        """Make a backup that waits to be fetched; returns its ID.

        Raises:
            BackupError: it was not made.
            StoreError: the database cannot be copied now.
            BusyError: another is being made or restored.

        """
        with self._counted():
            check(passphrase)
            loop = asyncio.get_running_loop()
            wall = self._wall()
            made = None if wall is None else datetime.fromtimestamp(int(wall), UTC)
            wanted = Wanted(passphrase, history, self._peer_id, made, self._cost)

            def snapshot(path: Path) -> bool:
                asked = self._writer.ask(lambda store: copy_open(store.database, path, history=history))
                asyncio.run_coroutine_threadsafe(asked, loop).result()
                return True

            def tell(done: float) -> None:
                loop.call_soon_threadsafe(report, done)

            async with self._turn():
                path = await self._room()
                file = None if self._file is None else self._file.path
                await self._in_thread(lambda: making.make(path, wanted, self._config, file, snapshot, tell))
                return self._keep(path, uploaded=False)

    async def take(self, pieces: AsyncIterator[bytes]) -> str:
        """Take a file in that is to be looked into or restored; returns its ID.

        Raises:
            BackupError: it is too large, came too slowly, or cannot be written.
            BusyError: another is being made or restored.

        """
        with self._counted():
            async with self._turn():
                path, size = await self._room(), 0
                try:
                    with as_flaw(path), path.open("xb") as file:
                        path.chmod(0o600)
                        while True:
                            async with asyncio.timeout(BACKUP_STALL_S):
                                piece = await anext(pieces, b"")
                            if not piece:
                                break
                            size += len(piece)
                            refuse_large(size)
                            await asyncio.to_thread(file.write, piece)
                except TimeoutError as error:
                    path.unlink(missing_ok=True)
                    raise BackupError(Flaw.DISK, "The file stopped coming.", "Send it again.") from error
                except BaseException:
                    path.unlink(missing_ok=True)
                    raise
                return self._keep(path, uploaded=True)

    async def contents(self, name: str, passphrase: str) -> Manifest:
        """Return what a waiting file says of itself; raises `KeyError`, `BackupError` and `BusyError`."""
        path = self.waiting()[name].path
        with self._counted():
            async with self._turn():
                return await self._in_thread(lambda: making.look(path, passphrase))

    async def restore(self, name: str, passphrase: str, *, new_identity: bool, dry_run: bool) -> tuple[Manifest, Plan]:
        """Decide that this gateway becomes the one of a waiting file, and end it in a moment; the next start is the other.

        Args:
            name: of the file.
            passphrase: opens it.
            new_identity: whether keys and membership of this gateway stay.
            dry_run: only say what would be done.

        Raises:
            KeyError: no such file waits.
            BackupError: nothing was changed.
            BusyError: another is being made or restored.

        """
        path = self.waiting()[name].path
        with self._counted():
            async with self._turn():

                def prepare() -> tuple[Manifest, Plan]:
                    found = restoring.prepare(path, passphrase, self._config, self._file, new_identity=new_identity)
                    if dry_run:
                        restoring.discard(self._config)
                    else:
                        restoring.decide(self._config)
                    return found

                found = await self._in_thread(prepare)
                if not dry_run:
                    self.is_wanted = True
                    asyncio.get_running_loop().call_later(RESTART_S, self._stop.set)
                return found

    async def finish(self) -> None:
        """Become the restored one if somebody has asked for it; every file has to be closed by now.

        Raises:
            ConfigError: not everything is in its place; the next start goes on with it.

        """
        with contextlib.suppress(OSError):
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
        if self.is_wanted:
            await asyncio.to_thread(restoring.finish, self._config)

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        try:
            yield
        except BackupError as error:
            self.refused[error.flaw] += 1
            raise

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._busy.locked() or self.is_wanted:
            raise BusyError
        async with self._busy:
            yield

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Do something to its end, even if whoever asked is gone: the turn is over only then."""
        future = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):
                await future
            raise

    async def _room(self) -> Path:
        """Return a new path in the folder, the oldest file that waits having given way."""
        while len(self.waiting()) >= MAX_BACKUPS_WAITING:
            self.forget(next(iter(self._waiting)))
        with as_flaw(self._folder):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._folder / self._randbytes(8).hex()

    def _keep(self, path: Path, *, uploaded: bool) -> str:
        until = asyncio.get_running_loop().time() + BACKUP_WAIT_S
        self._waiting[path.name] = Waiting(path, uploaded, until, path.stat().st_size)
        return path.name
