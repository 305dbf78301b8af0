"""A copy of the database has what must not be lost, and what was said only where somebody wants it."""

import sqlite3
from contextlib import closing

import pytest

from gateway.errors import StoreError, StoreFault
from gateway.store.carried import Carried
from gateway.store.copying import HISTORY, KEPT, CopyError, copy_closed, copy_open, is_usable
from gateway.store.history import Kept
from gateway.store.mail import Ended
from gateway.store.pins import Pinned
from tests.store.stores import HOUR, NOW, letter, opened, writing

SAID = b"meet me at the old mill"
WAITS = Carried(b"d" * 16, unsent=True, owner=b"ada", created_ms=NOW, until_ms=NOW + HOUR // 4, body=b"a deposit")
AT_HAND = Carried(b"e" * 16, unsent=False, owner=b"hall", created_ms=NOW, until_ms=NOW + HOUR // 4, body=SAID)
KEY = Pinned(b"12345678", b"k" * 32, NOW, NOW)


def fill(path):
    """A store in which something waits, something has ended, and something was said."""
    with writing(path) as store:
        store.mail.take(letter("waits"), NOW)
        store.mail.take(letter("ended"), NOW)
        store.mail.end(b"ended", None, NOW + 1)
        store.history.add(Kept(2, b"p" * 16, SAID, NOW + HOUR), NOW)
        store.pins.note(KEY)
        store.carried.keep(WAITS)
        store.carried.keep(AT_HAND)


@pytest.mark.parametrize("history", [False, True])
def test_a_copy_of_an_open_database_keeps_what_must_not_be_lost(tmp_path, history) -> None:
    fill(tmp_path / "store.db")
    with opened(tmp_path / "store.db") as store, store.database.transaction():
        copy_open(store.database, tmp_path / "copy.db", history=history)
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    assert is_usable(tmp_path / "copy.db")
    assert (SAID in (tmp_path / "copy.db").read_bytes()) == history
    with opened(tmp_path / "copy.db") as store:
        assert not store.database.aside
        assert store.mail.load() == [letter("waits")]
        assert store.mail.ended() == [Ended(b"ended", None, ())]
        assert store.pins.load(NOW) == [KEY]
        assert store.carried.load(NOW) == ([WAITS, AT_HAND] if history else [WAITS])
        assert [one.frame for one in store.history.load(NOW)] == ([SAID] if history else [])


def test_a_copy_of_a_closed_database_is_the_same_and_the_database_stays_as_it_is(tmp_path) -> None:
    fill(tmp_path / "store.db")
    before = (tmp_path / "store.db").read_bytes()
    assert copy_closed(tmp_path / "store.db", tmp_path / "copy.db", history=False)
    assert (tmp_path / "store.db").read_bytes() == before
    with opened(tmp_path / "copy.db") as store:
        assert store.mail.load() == [letter("waits")]
    assert not copy_closed(tmp_path / "none.db", tmp_path / "other.db", history=False)
    assert not (tmp_path / "other.db").exists()


def test_a_copy_that_cannot_be_written_says_nothing_of_the_database(tmp_path) -> None:
    fill(tmp_path / "store.db")
    with opened(tmp_path / "store.db") as store, store.database.transaction(), pytest.raises(CopyError):
        copy_open(store.database, tmp_path / "none" / "copy.db", history=False)
    with pytest.raises(CopyError):
        copy_closed(tmp_path / "store.db", tmp_path / "none" / "copy.db", history=False)


def test_every_table_is_copied_or_known_to_be_history(tmp_path) -> None:
    with opened(tmp_path / "store.db") as store:
        tables = {name for (name,) in store.database.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {name for name in tables if not name.startswith("sqlite_")} - {"room"} <= set(KEPT) | set(HISTORY)


def test_a_database_in_use_or_damaged_is_not_copied_and_not_moved(tmp_path) -> None:
    fill(tmp_path / "store.db")
    with opened(tmp_path / "store.db") as store, store.database.transaction(), pytest.raises(StoreError) as refused:
        copy_closed(tmp_path / "store.db", tmp_path / "copy.db", history=False)
    assert refused.value.fault is StoreFault.LOCKED
    (tmp_path / "bad.db").write_bytes(b"SQLite format 3\0" + bytes(5000))
    (tmp_path / "foreign.db").write_bytes(b"something else" * 500)
    for name in ("bad.db", "foreign.db"):
        with pytest.raises(StoreError):
            copy_closed(tmp_path / name, tmp_path / "copy.db", history=False)
        assert (tmp_path / name).exists()
        assert not is_usable(tmp_path / name)


def test_a_database_that_does_more_than_ours_is_not_usable(tmp_path) -> None:
    fill(tmp_path / "store.db")
    assert is_usable(tmp_path / "store.db")
    with closing(sqlite3.connect(tmp_path / "store.db")) as database:
        database.execute("CREATE TRIGGER more AFTER INSERT ON mail BEGIN DELETE FROM pin; END")
    assert not is_usable(tmp_path / "store.db")


def test_a_database_of_a_newer_program_is_not_usable(tmp_path) -> None:
    fill(tmp_path / "store.db")
    with closing(sqlite3.connect(tmp_path / "store.db")) as database:
        database.execute("PRAGMA user_version = 99")
    assert not is_usable(tmp_path / "store.db")
