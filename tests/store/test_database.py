"""A database is opened with care, and whatever is wrong with it is said and nothing is deleted."""

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.errors import StoreError, StoreFault
from gateway.limits import MAX_STORE_WAL
from gateway.store import database, migrations
from gateway.store.database import open_database
from tests.store.stores import NOW, message, opened, writing

GIBBERISH = bytes(range(256)) * 64
ROOT = Path(__file__).parents[2]
HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA locking_mode = EXCLUSIVE")
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""
SECOND = """
import sys
from pathlib import Path
from gateway.store.database import open_database
open_database(Path(sys.argv[1]), patience_s=0.05)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.db"


def names(path):
    return sorted(entry.name for entry in path.parent.iterdir())


def test_a_new_database_is_ours_alone_and_says_whose_it_is(path):
    path = path.parent / "state" / "store.db"
    with opened(path) as store:
        assert store.database.aside == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.read_bytes()[68:72] == b"MESH"


def test_a_file_that_is_no_database_is_moved_aside(path):
    path.write_bytes(GIBBERISH)
    with opened(path) as store:
        assert store.database.aside == f"{path} is not a database of Meshgate. It was moved to {path}.foreign-1, and a new one was begun."
    assert path.with_name("store.db.foreign-1").read_bytes() == GIBBERISH
    with opened(path) as store:
        assert store.database.aside == ""


def test_somebody_elses_database_is_moved_aside_with_what_is_in_it(path):
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE recipes (cake TEXT)")
        other.execute("INSERT INTO recipes VALUES ('apple')")
    other.close()
    with opened(path) as store:
        assert "is not a database of Meshgate" in store.database.aside
    with sqlite3.connect(path.with_name("store.db.foreign-1")) as other:
        assert other.execute("SELECT cake FROM recipes").fetchall() == [("apple",)]
    other.close()


def test_a_database_of_a_newer_version_is_moved_aside_and_can_be_used_again(path):
    with writing(path) as store:
        store.spool.accept(message(), NOW)
    with sqlite3.connect(path) as newer:
        newer.execute(f"PRAGMA user_version = {migrations.newest() + 1}")
    newer.close()
    with opened(path) as store:
        assert "newer Meshgate" in store.database.aside
        assert store.spool.get(b"m") is None
    aside = path.with_name("store.db.newer-1")
    with sqlite3.connect(aside) as newer:
        newer.execute(f"PRAGMA user_version = {migrations.newest()}")
    newer.close()
    aside.rename(path)
    with opened(path) as store:
        assert store.spool.get(b"m") is not None


def test_a_damaged_database_is_moved_aside(path):
    with writing(path) as store:
        for number in range(200):
            store.spool.accept(message(str(number), body=bytes(1_000), origin=b"", recipient=b""), NOW)
    content = bytearray(path.read_bytes())
    content[3 * 4096 : 40 * 4096] = b"\xa5" * (37 * 4096)
    path.write_bytes(content)
    with opened(path) as store:
        assert "was damaged" in store.database.aside
        assert "saved by hand" in store.database.aside
    assert path.with_name("store.db.damaged-1").read_bytes() == content


def test_a_database_that_turned_out_to_be_damaged_is_moved_aside_without_another_look(path):
    with opened(path):
        pass
    with opened(path) as store:
        assert store.database.aside == ""
    reopened = open_database(path, distrust=True)
    assert "was damaged" in reopened.aside
    reopened.close()
    nothing_there = open_database(path.with_name("other.db"), distrust=True)
    assert nothing_there.aside == ""
    nothing_there.close()


def test_nothing_that_was_moved_aside_is_ever_written_over(path):
    for _ in range(3):
        path.write_bytes(GIBBERISH)
        with opened(path):
            pass
    assert names(path) == ["store.db", "store.db.foreign-1", "store.db.foreign-2", "store.db.foreign-3"]


def test_a_log_goes_with_its_database(path):
    path.write_bytes(GIBBERISH)
    path.with_name("store.db-wal").write_bytes(b"a log")
    path.with_name("store.db-journal").write_bytes(b"a journal")
    with opened(path):
        pass
    assert path.with_name("store.db.foreign-1-wal").read_bytes() == b"a log"
    assert path.with_name("store.db.foreign-1-journal").read_bytes() == b"a journal"


def test_a_power_cut_between_the_renames_is_made_good(path):
    path.write_bytes(GIBBERISH)
    path.with_name("store.db.foreign-1-wal").write_bytes(b"its log")  # the log goes first
    with opened(path):
        pass
    assert path.with_name("store.db.foreign-1").read_bytes() == GIBBERISH
    assert path.with_name("store.db.foreign-1-wal").read_bytes() == b"its log"


def test_an_empty_file_is_a_new_database(path):
    path.touch()
    with opened(path) as store:
        assert store.database.aside == ""


def test_a_database_another_process_has_is_refused_and_left_alone(path):
    with writing(path) as store:
        store.spool.accept(message(), NOW)
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreError, match="Another process is using") as caught:
            open_database(path, patience_s=0.05)
        assert caught.value.fault is StoreFault.LOCKED
        assert "notices by itself" in caught.value.remedy
        holder.stdin.close()
    assert not [name for name in names(path) if "-1" in name]
    with opened(path) as store:
        assert store.spool.get(b"m") is not None


def test_two_gateways_cannot_have_the_same_database(path):
    with opened(path):
        done = subprocess.run([sys.executable, "-c", SECOND, path], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Another process is using" in done.stderr


def test_a_path_that_cannot_be_one_is_refused(path):
    path.mkdir()
    (path / "precious").touch()
    with pytest.raises(StoreError) as caught:
        open_database(path)
    assert caught.value.fault is StoreFault.UNREACHABLE
    assert (path / "precious").exists()
    with pytest.raises(StoreError) as caught:
        open_database(path / "precious" / "store.db")
    assert caught.value.fault is StoreFault.UNREACHABLE


def test_a_transaction_is_written_whole_or_not_at_all(path):
    with opened(path) as store:
        with suppress(ZeroDivisionError), store.database.transaction(durable=True):
            store.spool.accept(message("a"), NOW)
            raise ZeroDivisionError
        assert store.spool.get(b"a") is None
        with store.database.transaction(durable=True):
            with suppress(ZeroDivisionError), store.database.step():
                store.spool.accept(message("a"), NOW)
                raise ZeroDivisionError
            store.spool.accept(message("b"), NOW)
        assert (store.spool.get(b"a"), store.spool.get(b"b") is not None) == (None, True)


def test_a_promise_is_synced_and_a_batch_is_not(path):
    with opened(path) as store:
        levels = []
        for durable in (True, False, True):
            with store.database.transaction(durable=durable):
                assert store.database.promises is durable
                levels += store.database.rows("PRAGMA synchronous")
            assert not store.database.promises
        assert levels == [(2,), (1,), (2,)]  # FULL, NORMAL
        assert store.database.rows("PRAGMA journal_mode") == [("wal",)]


def test_a_mistake_of_ours_is_not_blamed_on_the_disk(path):
    with opened(path) as store:
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            store.database.rows("SELECT * FROM nonsense")
        with pytest.raises(sqlite3.IntegrityError), store.database.transaction():
            store.database.change("INSERT INTO room VALUES (NULL)")
        with store.database.transaction():
            pass


def test_room_that_is_free_is_given_back(path):
    with opened(path) as store:
        with store.database.transaction(durable=True):
            store.spool.accept(message(body=bytes(1_000_000)), NOW)
        store.database.compact()
        large = path.stat().st_size
        with store.database.transaction():
            store.spool.delivered(b"m", NOW)
        store.database.compact()
        assert path.stat().st_size < large - 900_000
        assert path.with_name("store.db-wal").stat().st_size == 0


def test_a_log_that_grew_is_cut_back_by_itself(path):
    with opened(path) as store:
        with store.database.transaction():
            for number in range(8):
                store.spool.accept(message(str(number), body=bytes(1_000_000), origin=b"", recipient=b""), NOW, promised=False)
        assert path.with_name("store.db-wal").stat().st_size > 2 * MAX_STORE_WAL - 1_000_000
        with store.database.transaction():
            store.spool.delivered(b"0", NOW)
        assert path.with_name("store.db-wal").stat().st_size <= MAX_STORE_WAL


def test_no_file_of_the_store_can_be_read_by_others(path):
    with writing(path) as store:
        store.spool.accept(message(), NOW)
        modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in path.parent.iterdir()}
    assert modes == {"store.db": 0o600, "store.db-wal": 0o600}


def test_the_look_at_a_database_finds_a_damaged_page(path, monkeypatch):
    # the one above is so damaged that any look at it fails; here only the content of one page is not what it should be
    with writing(path) as store:
        for number in range(200):
            store.spool.accept(message(str(number), body=bytes(1_000), origin=b"", recipient=b""), NOW)
    content = bytearray(path.read_bytes())
    last = len(content) // 4096 - 3
    content[last * 4096 : last * 4096 + 64] = b"\xff" * 64
    path.write_bytes(content)
    monkeypatch.setattr(database, "_ASIDE", {"damaged": "{aside}"})
    with opened(path) as store:
        assert Path(store.database.aside).read_bytes() == content


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_the_right_to_write_is_refused(path):
    path.parent.chmod(0o500)
    with pytest.raises(StoreError) as caught:
        open_database(path)
    assert caught.value.fault is StoreFault.UNREACHABLE
    path.parent.chmod(0o700)
