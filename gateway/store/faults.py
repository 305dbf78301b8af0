"""What SQLite's errors mean to a person."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gateway.errors import StoreError, StoreFault

_CODES: Final = {
    sqlite3.SQLITE_FULL: StoreFault.FULL,
    sqlite3.SQLITE_BUSY: StoreFault.LOCKED,
    sqlite3.SQLITE_LOCKED: StoreFault.LOCKED,
    sqlite3.SQLITE_READONLY: StoreFault.READ_ONLY,
    sqlite3.SQLITE_CORRUPT: StoreFault.UNREADABLE,
    sqlite3.SQLITE_NOTADB: StoreFault.UNREADABLE,
    sqlite3.SQLITE_IOERR: StoreFault.UNREACHABLE,
    sqlite3.SQLITE_CANTOPEN: StoreFault.UNREACHABLE,
    sqlite3.SQLITE_PERM: StoreFault.UNREACHABLE,
}
"""By SQLite's primary result code. Any other is a mistake of ours and stays what it is."""

_NUMBERS: Final = {errno.ENOSPC: StoreFault.FULL, errno.EDQUOT: StoreFault.FULL, errno.EROFS: StoreFault.READ_ONLY}
"""The same by the number of an error of the system; any other means that the file cannot be reached."""

_WORDS: Final = {
    StoreFault.FULL: (
        "There is no room left for what this gateway keeps in {path}: it relays, and promises nothing to anybody.",
        "Free some space on that disk; the gateway notices by itself.",
    ),
    StoreFault.LOCKED: (
        "Another process is using {path}: this gateway relays, and promises nothing to anybody.",
        "Stop the other gateway, or give each its own gateway.state_dir; this one notices by itself.",
    ),
    StoreFault.READ_ONLY: (
        "{path} cannot be written to: this gateway relays, and promises nothing to anybody.",
        "Check the rights of the file and its folder. If the whole disk takes no writes any more, it is probably worn out: replace it.",
    ),
    StoreFault.UNREADABLE: (
        "{path} is damaged.",
        "The gateway moves it aside and begins a new one.",
    ),
    StoreFault.UNREACHABLE: (
        "{path} cannot be opened, read or written: this gateway relays, and promises nothing to anybody.",
        "Check that the folder exists and belongs to the gateway, and that the disk is sound (look into the kernel's log).",
    ),
}


def store_error(fault: StoreFault, path: Path) -> StoreError:
    """Return the error a person can read."""
    sentence, remedy = _WORDS[fault]
    return StoreError(fault, sentence.format(path=path), remedy)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an error of SQLite or of the file system into a `StoreError`; a mistake in our own SQL stays what it is."""
    try:
        yield
    except sqlite3.Error as error:
        fault = fault_of(error)
        if fault is None:
            raise
        raise store_error(fault, path) from error
    except OSError as error:
        raise store_error(_NUMBERS.get(error.errno or 0, StoreFault.UNREACHABLE), path) from error


def fault_of(error: sqlite3.Error) -> StoreFault | None:
    """Return what an error says of the database, None if it says something of our program."""
    code = getattr(error, "sqlite_errorcode", None)  # absent where the module itself complains
    return None if code is None else _CODES.get(code & 0xFF)
