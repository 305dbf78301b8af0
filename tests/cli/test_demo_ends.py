"""However the demo ends, nothing of it stays behind. Real processes, waited for by their descriptors."""

import os
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest

from tests.cli.support import start

pytestmark = pytest.mark.timeout(60)
PATIENCE_S = 15.0  # for a process to end by itself


def parent_of(process: Path) -> int | None:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def descendants(pid: int) -> set[int]:
    """Every process that was started by this one, or by one of those."""
    parents = {int(process.name): parent_of(process) for process in Path("/proc").iterdir() if process.name.isdecimal()}
    found: set[int] = set()
    while new := {child for child, parent in parents.items() if parent in found | {pid}} - found:
        found |= new
    return found


def survivors(pids: dict[int, int]) -> list[int]:
    """Wait for processes to end; those that do not. Keys are process IDs, values their descriptors."""
    left = []
    for pid, descriptor in pids.items():
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(PATIENCE_S * 1000):
            left.append(pid)
    return left


@contextmanager
def demo(lines: int = 1) -> Iterator[tuple[subprocess.Popen, dict[int, int]]]:
    """A demo that has said so often that its phones talk, and all its processes: two gateways, each with its libp2p child."""
    process = start("demo", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    pids: dict[int, int] = {}
    try:
        told = (line for line in process.stderr if line.startswith("talking"))
        assert len(list(islice(told, lines))) == lines
        pids = {pid: os.pidfd_open(pid) for pid in descendants(process.pid)}
        assert len(pids) == 4
        yield process, pids
    finally:
        process.kill()
        process.communicate()
        for pid, descriptor in pids.items():
            if pid in survivors({pid: descriptor}):
                os.kill(pid, signal.SIGKILL)
            os.close(descriptor)


@pytest.mark.slow
def test_ctrl_c_in_mid_talk_ends_it_with_a_clean_summary_and_leaves_no_process() -> None:
    with demo(lines=2) as (process, pids):
        os.killpg(process.pid, signal.SIGINT)  # as the terminal does: to everybody in the foreground
        out, err = process.communicate(timeout=PATIENCE_S)
        assert not survivors(pids)
    assert "Traceback" not in err
    assert out.startswith("Nothing was lost and nothing came twice.")
    assert process.returncode == 0


def test_a_demo_that_is_killed_takes_everything_with_it() -> None:
    with demo() as (process, pids):
        process.kill()
        assert not survivors(pids)
        assert "Traceback" not in process.communicate()[1]
