"""What SQLite and the system say is told in words a person can use."""

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from gateway.errors import StoreError, StoreFault
from gateway.store.faults import explained, store_error
from tests.store.stores import NOW, message, opened

PATH = Path("/var/lib/meshgate/store.db")


def raised(error):
    with explained(PATH):
        raise error


def sqlite_error(code):
    error = sqlite3.OperationalError("it went wrong")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(("code", "fault"), [
    (sqlite3.SQLITE_FULL, StoreFault.FULL),
    (sqlite3.SQLITE_BUSY, StoreFault.LOCKED),
    (sqlite3.SQLITE_BUSY_RECOVERY, StoreFault.LOCKED),
    (sqlite3.SQLITE_READONLY, StoreFault.READ_ONLY),
    (sqlite3.SQLITE_CORRUPT, StoreFault.UNREADABLE),
    (sqlite3.SQLITE_NOTADB, StoreFault.UNREADABLE),
    (sqlite3.SQLITE_IOERR_FSYNC, StoreFault.UNREACHABLE),
    (sqlite3.SQLITE_CANTOPEN, StoreFault.UNREACHABLE),
])  # fmt: skip
def test_an_error_of_sqlite_is_one_of_the_database(code, fault):
    with pytest.raises(StoreError) as caught:
        raised(sqlite_error(code))
    assert caught.value.fault is fault


@pytest.mark.parametrize(("number", "fault"), [
    (errno.ENOSPC, StoreFault.FULL),
    (errno.EDQUOT, StoreFault.FULL),
    (errno.EROFS, StoreFault.READ_ONLY),
    (errno.EACCES, StoreFault.UNREACHABLE),
    (errno.EIO, StoreFault.UNREACHABLE),
])  # fmt: skip
def test_an_error_of_the_system_is_one_of_the_database(number, fault):
    with pytest.raises(StoreError) as caught:
        raised(OSError(number, os.strerror(number)))
    assert caught.value.fault is fault


@pytest.mark.parametrize("mistake", [sqlite_error(sqlite3.SQLITE_ERROR), sqlite3.ProgrammingError("no such thing"), KeyError("x")])
def test_a_mistake_in_the_program_stays_one(mistake):
    with pytest.raises(type(mistake)):
        raised(mistake)


@pytest.mark.parametrize("fault", set(StoreFault) - {StoreFault.BUSY})  # nobody but the writer is too busy
def test_every_fault_has_a_sentence_that_names_the_file_and_a_remedy(fault):
    error = store_error(fault, PATH)
    assert str(PATH) in error.sentence
    assert error.sentence.endswith(".")
    assert error.remedy.endswith(".")
    assert str(error) == f"{error.sentence} {error.remedy}"


def test_a_card_that_takes_no_writes_any_more_is_called_that(tmp_path):
    with opened(tmp_path / "store.db") as store:
        store.database.rows("PRAGMA query_only = ON")
        with pytest.raises(StoreError, match="probably worn out") as caught, store.database.transaction(durable=True):
            store.spool.accept(message(), NOW)
        assert caught.value.fault is StoreFault.READ_ONLY
