"""A real Mosquitto on loopback, started and ended by a test, and its own tools to look at it."""

import asyncio
import contextlib
import shutil
import socket
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import pytest

BROKER = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
MISSING = [name for name in ("mosquitto_sub", "mosquitto_pub", "mosquitto_passwd") if shutil.which(name) is None]
NEEDED = pytest.mark.skipif(
    BROKER is None or bool(MISSING), reason="a real MQTT broker is not here; install it with: apt install mosquitto mosquitto-clients"
)
PATIENCE_S = 8.0
SUBSCRIBED = "SUBACK"  # in what mosquitto_sub says of itself; everything else is looked for in messages


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Mosquitto:
    """One broker; it keeps its port when it is started again, and nothing else.

    Args:
        directory: where its configuration goes.
        lines: of mosquitto.conf, beside the listener.
        arguments: for Mosquitto's tools, so that they get in.

    """

    def __init__(self, directory: Path, lines: tuple[str, ...] = ("allow_anonymous true",), arguments: tuple[str, ...] = ()) -> None:
        self.port = free_port()
        self._arguments = arguments
        self._path = directory / f"mosquitto-{self.port}.conf"
        self._path.write_text("\n".join((f"listener {self.port} 127.0.0.1", "persistence false", "log_type all", "user root", *lines, "")))
        self._process: Process | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.stop()

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(BROKER, "-c", self._path, stdout=DEVNULL, stderr=PIPE)
        said = []
        async with asyncio.timeout(PATIENCE_S):
            while line := (await self._process.stderr.readline()).decode():
                said.append(line)
                if line.rstrip().endswith("running"):
                    self._reader = asyncio.create_task(self._drain(self._process))
                    return
        raise AssertionError("".join(said))

    async def stop(self) -> None:
        """End it at once, as a power cut would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
            await self._reader

    async def publish(self, topic: str, payload: str, *more: str) -> None:
        await self._tool("mosquitto_pub", "-t", topic, "-m", payload, "-q", "1", *more)

    async def retained(self, pattern: str = "#") -> dict[str, str]:
        """What the broker keeps."""
        lines = await self._tool("mosquitto_sub", "-t", pattern, "--retained-only", "-F", "%t %p", "-W", "1")
        return dict(line.split(" ", 1) for line in lines.splitlines())

    @contextlib.asynccontextmanager
    async def watch(self, pattern: str = "#") -> AsyncIterator["Watch"]:
        """Listen as long as the context lasts."""
        command = (
            "stdbuf",
            "-oL",
            "mosquitto_sub",
            "-d",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            *self._arguments,
            "-t",
            pattern,
            "-q",
            "1",
            "-F",
            "> %r %t %p",
        )
        process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=DEVNULL)
        watch = Watch(process)
        try:
            await watch.until(SUBSCRIBED)
            yield watch
        finally:
            process.kill()
            await process.wait()

    async def _tool(self, *command: str) -> str:
        name, *rest = command
        process = await asyncio.create_subprocess_exec(
            name, "-h", "127.0.0.1", "-p", str(self.port), *self._arguments, *rest, stdout=PIPE, stderr=DEVNULL
        )
        said, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        return said.decode()

    async def _drain(self, process: Process) -> None:
        while await process.stderr.readline():
            pass


class Watch:
    """What mosquitto_sub has seen."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.seen: list[tuple[str, str]] = []

    async def until(self, word: str, patience: float = PATIENCE_S) -> str:
        """Read on until a line has this word in it; returns the payload, if it is a message."""
        async with asyncio.timeout(patience):
            while line := (await self._process.stdout.readline()).decode().rstrip("\n"):
                payload = line
                if line.startswith("> "):
                    _retained, topic, payload = line[2:].split(" ", 2)
                    self.seen.append((topic, payload))
                if word in line and (line.startswith("> ") or word == SUBSCRIBED):
                    return payload
        raise AssertionError(f"mosquitto_sub ended before {word!r}: {self.seen}")
