"""One SQLite file: opened with care, written in transactions, never deleted.

Rules:

* A transaction that promises something (`durable`) is on the disk when it ends. Any other
  survives the end of this process, and a power cut may take those of the last moments.
* One process has the file, for as long as it is open. It is not shared with readers:
  they ask the gateway.
* What cannot be read is moved aside together with its log, under a name that says why.
* Errors of SQLite leave as `StoreError`; anything else that leaves is a bug.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from gateway.errors import StoreError, StoreFault
from gateway.limits import MAX_STORE_BYTES, MAX_STORE_WAL
from gateway.store import migrations
from gateway.store.faults import explained, fault_of, store_error

Values = Sequence[object] | Mapping[str, object]
"""What stands for the question marks, or for the names, of a statement."""

LOCK_PATIENCE_S: Final = 2.0  # seconds the gateway before this one may take to let go
_MAGIC: Final = b"SQLite format 3\0"
_LOGS: Final = ("-wal", "-journal")
_PROBE: Final = 65_536  # bytes there has to be room for
_VACUUM_PAGES: Final = 256  # free pages given back at a time: 1 MiB

_ASIDE: Final = {
    "foreign": "{path} is not a database of Meshgate. It was moved to {aside}, and a new one was begun.",
    "newer": "{path} was made by a newer Meshgate. It was moved to {aside}, and a new one was begun; "
    "the newer program can use it again under its old name.",
    "damaged": "{path} was damaged. It was moved to {aside}, and a new one was begun; "
    "messages in it that were promised have to be saved by hand.",
}


class Database:
    """An open database; `aside` is a sentence about what was moved aside for it, empty if nothing was.

    It belongs to the thread that opened it.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, aside: str = "") -> None:
        self.path = path
        self.aside = aside
        self.undone = 0  # grows whenever something written was taken back: what is remembered of it is wrong then
        self._connection = connection
        self._durable = False

    @property
    def promises(self) -> bool:
        """Whether what is written now is on the disk when its transaction ends."""
        return self._durable

    @property
    def connection(self) -> sqlite3.Connection:
        """What a copy is made through, which reads more than fits into memory; for this thread only."""
        return self._connection

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[None]:
        """Write everything inside or nothing.

        Args:
            durable: whether it has to survive a power cut from the moment this ends; costs milliseconds on an SD card.

        Raises:
            StoreError: nothing of it may be counted on.

        """
        with explained(self.path):
            self._connection.execute("PRAGMA synchronous = FULL" if durable else "PRAGMA synchronous = NORMAL")
            self._connection.execute("BEGIN IMMEDIATE")
            self._durable = durable
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
            finally:
                self._durable = False

    @contextmanager
    def step(self) -> Iterator[None]:
        """Undo what is inside if it raises, and leave the rest of the transaction as it is."""
        with explained(self.path):
            self._connection.execute("SAVEPOINT step")
            try:
                yield
            except BaseException:
                self.undone += 1
                if self._connection.in_transaction:  # a full disk ends the whole transaction
                    self._connection.execute("ROLLBACK TO step")
                    self._connection.execute("RELEASE step")
                raise
            self._connection.execute("RELEASE step")

    def rows(self, sql: str, values: Values = ()) -> list[Any]:
        """Return every row of a query; raises `StoreError`."""
        with explained(self.path):
            return self._connection.execute(sql, values).fetchall()

    def change(self, sql: str, values: Values = ()) -> int:
        """Change rows; returns how many. Raises `StoreError`."""
        with explained(self.path):
            return self._connection.execute(sql, values).rowcount

    @property
    def bytes(self) -> int:
        """Size of the file without its log, as far as it is used or may be used again."""
        ((pages,),) = self.rows("PRAGMA page_count")
        ((size,),) = self.rows("PRAGMA page_size")
        return int(pages) * int(size)

    def probe(self) -> None:
        """See whether there is room on the disk and in the file; raises `StoreError` if there is none. Not inside a transaction."""
        with suppress(StoreError):
            self.compact()  # the log may be what fills the disk
        with self.transaction(durable=True):
            self.change("INSERT INTO room VALUES (zeroblob(?))", (_PROBE,))
            self.change("DELETE FROM room")

    def compact(self) -> None:
        """Give free pages back to the disk and move the log into the file; not inside a transaction."""
        with explained(self.path):
            self._connection.executescript(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})")  # `execute` would stop after one page
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Let go of the file; never raises, because there is nothing anybody could do then."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def _roll_back(self) -> None:
        self.undone += 1
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):  # what led here is the error to tell
                self._connection.execute("ROLLBACK")


def open_database(path: Path, *, distrust: bool = False, patience_s: float = LOCK_PATIENCE_S, max_bytes: int = MAX_STORE_BYTES) -> Database:
    """Open the database at `path`, or begin one, and bring it to the newest version.

    Args:
        path: the file; its folder is created with mode 0700.
        distrust: move the file aside whatever a look at it says, because using it has shown that it is damaged.
        patience_s: seconds to wait for another process to let go of it.
        max_bytes: the most the file may grow to.

    Raises:
        StoreError: it cannot be used now, and was left as it is: locked, no room, no right, a disk that answers with errors.

    """
    with explained(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        word = "damaged" if distrust and path.exists() else ""
        aside = ""
        for _ in range(2):
            word = word or ("" if _could_be_one(path) else "foreign")
            if word:
                aside = _ASIDE[word].format(path=path, aside=_move_aside(path, word))
            _touch(path)
            connection = sqlite3.connect(path, timeout=patience_s, isolation_level=None)
            try:
                word = _look(connection)
                if not word:
                    _settle(connection, max_bytes)
                    return Database(path, connection, aside)
            except BaseException:
                connection.close()
                raise
            connection.close()
        raise store_error(StoreFault.UNREACHABLE, path)  # a new file that is damaged at once: not the file is at fault


def is_held(path: Path) -> bool:
    """Whether another process has locked the database, as SQLite does while it is open here (fcntl(2))."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _could_be_one(path: Path) -> bool:
    """Say whether SQLite may have a look: logs beside something else it would take for its own, and delete."""
    if not path.is_file():
        return True
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) in (_MAGIC, b"")


def _look(connection: sqlite3.Connection) -> str:
    """Say why the file is not ours to use, in a key of `_ASIDE`; raises what is no reason to move it."""
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        owner = connection.execute("PRAGMA application_id").fetchone()[0]
        version = migrations.version_of(connection)
        if owner != migrations.APPLICATION_ID:
            is_new = owner == version == 0 and not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            return "" if is_new else "foreign"
        if version > migrations.newest():
            return "newer"
        sound = connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
    except sqlite3.DatabaseError as error:
        if fault_of(error) is not StoreFault.UNREADABLE:
            raise
        return "foreign" if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_NOTADB else "damaged"
    return "" if sound else "damaged"


def _settle(connection: sqlite3.Connection, max_bytes: int) -> None:
    """Take possession: modes, the cap, and the steps of the schema that are missing."""
    for pragma in ("auto_vacuum = INCREMENTAL", "journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "trusted_schema = OFF"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    page = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {max_bytes // page}").fetchall()
    connection.execute(f"PRAGMA journal_size_limit = {MAX_STORE_WAL}").fetchall()
    migrations.migrate(connection)


def _touch(path: Path) -> None:
    """Make the file so that nobody else can read it, and its name so that it survives a power cut."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    _sync(path.parent)


def _move_aside(path: Path, word: str) -> Path:
    """Rename a database and its logs; returns the new name.

    The logs go first: left behind, they would be played into the new file.
    """
    number = 1
    while _taken(path, aside := path.with_name(f"{path.name}.{word}-{number}")):
        number += 1
    for suffix in (*_LOGS, ""):
        with suppress(FileNotFoundError):
            _beside(path, suffix).rename(_beside(aside, suffix))
    _sync(path.parent)
    return aside


def _taken(path: Path, aside: Path) -> bool:
    """Say whether a name is in use; not by the logs of this very file, when the power failed between the renames."""
    return aside.exists() or any(_beside(path, suffix).exists() and _beside(aside, suffix).exists() for suffix in _LOGS)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
