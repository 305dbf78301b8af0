"""A full disk: nothing is promised, nothing that was promised is lost, and everything goes on when there is room again."""

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from gateway.errors import StoreError, StoreFault
from gateway.store.database import open_database
from gateway.store.message import Accepted, State
from gateway.store.store import Store
from tests.store.stores import NOW, message

SMALL = 1024 * 1024  # bytes of a disk
ROOT = Path(__file__).parents[2]
UNTIL_FULL = """
import os, sys
from pathlib import Path
from random import Random
from gateway.errors import StoreError
from gateway.store.store import open_store
from tests.store.stores import NOW, message

disk = Path(sys.argv[1])
store = open_store(disk / "store.db", Random(1))
(disk / "promised").write_bytes(bytes(4_096))
(disk / "other people's things").write_bytes(bytes(1_000_000))
for number in range(10_000):
    try:
        with store.database.transaction(durable=True):
            store.spool.accept(message(str(number), body=bytes(4_000), origin=b"", recipient=b""), NOW)
    except StoreError as error:
        assert store.spool.tally().waiting == number
        with open(disk / "promised", "r+") as note:
            note.write(f"{number} ")
        print(error.fault.value, number, flush=True)
        break
try:
    store.database.probe()
except StoreError as error:
    assert error.fault.value == "full"
else:
    raise AssertionError("there is no room, and the probe found some")
if sys.argv[2] == "killed":
    os.kill(os.getpid(), 9)
store.close()
"""
AFTERWARDS = """
import sys
from pathlib import Path
from random import Random
from gateway.store.store import open_store
from tests.store.stores import NOW, message

disk = Path(sys.argv[1])
promised = int((disk / "promised").read_bytes().split()[0])
(disk / "other people's things").unlink()
store = open_store(disk / "store.db", Random(1))
assert store.database.aside == ""
assert all(store.spool.get(str(one).encode()).size == 4_000 for one in range(promised))
with store.database.transaction():
    for one in range(promised):
        assert store.spool.delivered(str(one).encode(), NOW)
store.database.compact()
store.database.probe()
with store.database.transaction(durable=True):
    store.spool.accept(message("again"), NOW)
with store.database.transaction(durable=True):
    store.spool.delivered(b"again", NOW)
    store.database.change("DELETE FROM spool")
store.database.compact()
store.close()
print("again", promised)
"""


@pytest.fixture
def small(tmp_path):
    database = open_database(tmp_path / "store.db", max_bytes=SMALL)
    yield Store(database, Random(1))
    database.close()


def accept(store, name):
    with store.database.transaction(durable=True):
        return store.spool.accept(message(name, body=bytes(4_000), origin=b"", recipient=b""), NOW)


def fill(store):
    for number in range(SMALL):
        try:
            accept(store, str(number))
        except StoreError as error:
            return number, error
    raise AssertionError("a disk of 1 MiB holds as many bodies of 4 kB")


def deliver_one_and_accept_a_large_one(store):
    with store.database.transaction(durable=True):
        store.spool.delivered(b"0", NOW)
        with store.database.step():
            store.spool.accept(message("large", body=bytes(100_000)), NOW)


def test_when_there_is_no_room_the_error_says_so_and_what_was_promised_is_there(small):
    promised, error = fill(small)
    assert error.fault is StoreFault.FULL
    assert "no room left" in error.sentence
    assert "Free some space" in error.remedy
    assert promised > 100
    assert small.spool.tally().waiting == promised
    assert small.spool.get(str(promised).encode()) is None


def test_the_probe_sees_whether_there_is_room(small):
    small.database.probe()
    promised, _ = fill(small)
    with pytest.raises(StoreError):
        small.database.probe()
    with small.database.transaction():
        for number in range(promised):
            assert small.spool.delivered(str(number).encode(), NOW)
    small.database.probe()
    assert small.database.rows("SELECT count(*) FROM room") == [(0,)]
    assert accept(small, "later") == Accepted(State.QUEUED, fresh=True)


def test_a_step_that_finds_no_room_ends_the_transaction_and_undoes_all_of_it(small):
    promised, _ = fill(small)
    with pytest.raises(StoreError):
        deliver_one_and_accept_a_large_one(small)
    assert small.spool.get(b"0").state is State.QUEUED
    assert small.spool.tally().waiting == promised


def test_on_a_real_full_disk_nothing_promised_is_lost_killed_or_not_and_room_brings_everything_back(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    alone = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    try:
        able = subprocess.run([*alone, 'mount -t tmpfs none "$1"', "sh", disk], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        able = False
    if not able:
        pytest.skip("this machine lets nobody mount a small disk of their own (unshare)")
    script = 'mount -t tmpfs -o size=2m none "$1"; for end in killed closed; do "$2" -c "$3" "$1" $end; "$2" -c "$4" "$1"; done'
    done = subprocess.run(
        [*alone, script, "sh", disk, sys.executable, UNTIL_FULL, AFTERWARDS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    print(done.stdout, done.stderr)
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["full", "again", "full", "again"]
    assert all(int(line.split()[1]) > 20 for line in lines)
