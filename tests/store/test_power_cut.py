"""A promise is on the disk before it is given: seen from outside, in the calls to the kernel."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROMISES = """
import os, sys
from pathlib import Path
from random import Random
from gateway.store.store import open_store
from tests.store.stores import NOW, letter, message

store = open_store(Path(sys.argv[1]), Random(1))
with store.database.transaction():
    store.spool.accept(message("relayed"), NOW, promised=False)
os.write(1, b"BATCH")
for name in ("new", "relayed"):  # the second is known already, but nobody had promised it
    with store.database.transaction(durable=True):
        store.spool.accept(message(name), NOW)
    os.write(1, b"PROMISE")
with store.database.transaction(durable=True):
    store.mail.take(letter(), NOW)
os.write(1, b"PROMISE")
store.close()
"""
CALL = re.compile(r"(pwrite64|write|fsync|fdatasync)\((\d+)<([^>]*)>(.*)")


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """What the kernel was asked, in order: 'log' written, 'sync' of the log, and what was said."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not here: apt install strace")
    folder = tmp_path_factory.mktemp("watched")
    command = ["strace", "-y", "-e", "trace=pwrite64,write,fsync,fdatasync", "-o", folder / "calls", sys.executable, "-c", PROMISES]
    done = subprocess.run(
        [*command, folder / "store.db"], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    if "ptrace" in done.stderr:
        pytest.skip("this machine lets nobody watch a process (ptrace)")
    assert done.returncode == 0, done.stderr
    found = []
    for line in (folder / "calls").read_text().splitlines():
        match = CALL.match(line)
        if match is None:
            continue
        call, descriptor, name, rest = match.groups()
        if descriptor == "1":
            found.append("PROMISE" if "PROMISE" in rest else "BATCH")
        elif name.endswith("store.db-wal"):
            found.append("log" if "write" in call else "sync")
    return found


def test_between_the_last_word_in_the_log_and_each_promise_the_log_is_synced(calls):
    assert calls.count("PROMISE") == 3
    begin = calls.index("BATCH")
    for _ in range(3):
        end = calls.index("PROMISE", begin + 1)
        between = calls[begin + 1 : end]
        assert "log" in between
        assert "sync" in between[len(between) - between[::-1].index("log") :]
        begin = end


def test_a_batch_is_not_synced_because_cards_are_slow_and_wear_out(calls):
    last_sync = len(calls[: calls.index("BATCH")]) - calls[: calls.index("BATCH")][::-1].index("sync")
    assert set(calls[last_sync : calls.index("BATCH")]) == {"log"}
