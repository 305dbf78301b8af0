"""A copy of the database for a backup: made row by row in one transaction, so that nothing deleted comes along.

What must not be lost is copied always: messages that wait, IDs that protect against repeats, signing keys that are trusted.
What was said and done, the history, comes along only where somebody wants it.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from gateway.errors import GatewayError, StoreFault
from gateway.store import migrations
from gateway.store.database import Database
from gateway.store.faults import explained, store_error

KEPT: Final[Mapping[str, str]] = {
    "spool": "",
    "spool_body": "WHERE seq IN (SELECT seq FROM spool WHERE state < 2)",
    "mail": "",
    "pin": "",
    "event": "",
    "carried": "WHERE unsent = 1",
    "audit": "",
}
"""The tables every copy has where there are such, and which of their rows."""

HISTORY: Final[Mapping[str, str]] = {"kept": "", "carried": "WHERE unsent = 0", "decision": "", "shape": "", "salt": "", "series": ""}
"""Those that tell what was said and done."""


_AT_ONCE: Final = 16  # rows in memory: a body may have a megabyte


class CopyError(GatewayError):
    """The copy cannot be written; the database it is made of is as sound as before."""


def copy_open(database: Database, path: Path, *, history: bool) -> None:
    """Copy an open database into a new file with mode 0600; inside a transaction.

    Raises:
        StoreError: the database cannot be read.
        CopyError: the copy cannot be written.

    """
    with explained(database.path):
        _copy(database.connection, path, history=history)


def copy_closed(source: Path, path: Path, *, history: bool) -> bool:
    """Copy a database nobody has open into a new file; false if there is none.

    Raises:
        StoreError: it is in use, damaged, or not ours; it is left as it is.
        CopyError: the copy cannot be written.

    """
    if not source.exists():
        return False
    with explained(source), closing(sqlite3.connect(source, timeout=0.0, isolation_level=None)) as database:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("BEGIN IMMEDIATE")
        if not _is_sound(database):
            raise store_error(StoreFault.UNREADABLE, source)
        _copy(database, path, history=history)
        database.execute("ROLLBACK")
    return True


def is_usable(path: Path) -> bool:
    """Whether a file is a sound database of ours, of this version or an older one; raises `StoreError` if it cannot be read."""
    with explained(path), closing(sqlite3.connect(path, isolation_level=None)) as database:
        try:
            return _is_sound(database)
        except sqlite3.DatabaseError:
            return False


def _is_sound(database: sqlite3.Connection) -> bool:
    database.execute("PRAGMA trusted_schema = OFF")
    owner = database.execute("PRAGMA application_id").fetchone()[0]
    known = owner == migrations.APPLICATION_ID and 0 < migrations.version_of(database) <= migrations.newest()
    return bool(known and database.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok" and _is_plain(database))


def _is_plain(database: sqlite3.Connection) -> bool:
    """Whether there is nothing in it that is not ours, such as a trigger that does more."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        migrations.migrate(model, upto=migrations.version_of(database))
        wanted, found = (set(one.execute("SELECT type, name FROM sqlite_master")) for one in (model, database))
    return wanted == found


def _copy(source: sqlite3.Connection, path: Path, *, history: bool) -> None:
    with _writing(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        copy = sqlite3.connect(path, isolation_level=None)
    with closing(copy):
        version = migrations.version_of(source)
        there = {name for (name,) in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        with _writing(path):
            copy.execute("PRAGMA auto_vacuum = INCREMENTAL")
            copy.execute("PRAGMA journal_mode = OFF").fetchall()
            migrations.migrate(copy, upto=version)
            copy.execute("BEGIN")
        for table, which in (*KEPT.items(), *(HISTORY.items() if history else ())):
            if table not in there:
                continue
            rows = source.execute(f"SELECT * FROM {table} {which}")  # noqa: S608 -- names and conditions are ours, above
            marks = ", ".join("?" * len(rows.description))
            while some := rows.fetchmany(_AT_ONCE):
                with _writing(path):
                    copy.executemany(f"INSERT INTO {table} VALUES ({marks})", some)  # noqa: S608 -- the same
        with _writing(path):
            copy.execute("COMMIT")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Tell apart what goes wrong with the copy: the database must not be taken for damaged or full because of it."""
    try:
        yield
    except (sqlite3.OperationalError, OSError) as error:
        raise CopyError(f"The copy of the database, {path}, cannot be written: {error}.") from error
