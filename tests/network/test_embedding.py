"""The example of docs/embedding.md, taken from the page and run as two processes; libp2p is killed under it."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "embedding.md"
PATIENCE_S = 30.0

pytestmark = pytest.mark.timeout(90)


def programs() -> dict[str, str]:
    """The programs on the page, by the name in their first line."""
    blocks = re.findall(r"```python\n(# (\w+\.py)\n.*?)```", PAGE.read_text(), re.DOTALL)
    return {name: text for text, name in blocks}


@asynccontextmanager
async def started(folder: Path, name: str, *arguments: str) -> AsyncIterator[Process]:
    """Run one program of the page."""
    (folder / name).write_text(programs()[name])
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(folder / name), *arguments, stdin=PIPE, stdout=PIPE, env=environment, cwd=folder
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def line(process: Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        return (await process.stdout.readline()).decode().strip()


async def lines_until(process: Process, words: str) -> list[str]:
    found = [await line(process)]
    while words not in found[-1]:
        assert found[-1]
        found.append(await line(process))
    return found


def tell(process: Process, text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{text}\n".encode())


def libp2p_of(process: Process) -> list[int]:
    """The libp2p processes of a program."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    found = []
    for pid in children:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if b"transports.libp2p.node" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(int(pid))
    return found


async def keep_killing(process: Process) -> None:
    """Kill the libp2p process of a program, and each that is started in its place."""
    while True:
        for pid in libp2p_of(process):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.05)


async def test_the_example_of_the_page_runs_as_two_processes_and_goes_on_when_libp2p_is_killed(tmp_path: Path) -> None:
    async with started(tmp_path, "hut.py") as hut:
        guest = await line(hut)
        async with started(tmp_path, "hall.py", guest) as hall:
            addresses = await line(hall)
            assert "/tcp/" in addresses
            assert "wss://" in addresses
            tell(hut, addresses)
            assert [await line(hut), await line(hut)] == ["delivered", "taken by 1"]
            said = await lines_until(hall, "rain")
            assert any(f"peer_id='{guest}'" in one and r"'photo': b'\x89PNG'" in one for one in said)

            async with asyncio.timeout(PATIENCE_S):
                for number in count():  # until the preferred transport carries it
                    tell(hut, f"line {number}")
                    if await line(hut) == "True over libp2p":
                        break
            killer = asyncio.create_task(keep_killing(hut))
            try:
                tell(hut, "after the end of libp2p")
                assert await line(hut) == "True over websocket"
            finally:
                killer.cancel()
            heard = await lines_until(hall, "after the end of libp2p")
            assert [one for one in heard if "line " in one] == [one for one in heard if "Message" in one][:-1]

            tell(hut, "goodbye")
            assert "goodbye" in (await lines_until(hall, "goodbye"))[-1]
            async with asyncio.timeout(PATIENCE_S):
                assert (await hut.wait(), await hall.wait()) == (0, 0)


@pytest.mark.parametrize("name", ["hall.py", "hut.py"])
def test_the_page_has_both_programs(name: str) -> None:
    compile(programs()[name], name, "exec")
