"""Real gateway processes with a page: begun with nothing, and known by nothing but what they say in their logs."""

import asyncio
import json
import re
import socket
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from tests.app.processes import free_port, meshgate, write_site
from tests.browser.sites import until


@dataclass(frozen=True)
class Box:
    """A gateway that runs.

    Args:
        process: it.
        address: of its page, without the last slash.
        code: for the first passphrase, empty if somebody has chosen one.

    """

    process: Process
    address: str
    code: str


def write_box(directory: Path, mode: str = "open") -> Path:
    """Write a gateway nobody knows yet, with a page and a port for other sites; returns its configuration."""
    path = write_site(directory, mode=mode)
    document: Any = tomlkit.parse(path.read_text())
    document["page"] = {"listen": [f"127.0.0.1:{free_port()}"]}
    document["transports"]["websocket"] = {"enabled": True, "listen": [f"127.0.0.1:{free_port()}"]}
    path.write_text(tomlkit.dumps(document))
    return path


@asynccontextmanager
async def switched_on(config: Path, *arguments: object) -> AsyncIterator[Box]:
    """Run a gateway while the context lasts; yields it when its page is there."""
    async with meshgate("run", "--config", config, "--log-format", "json", *arguments) as process:
        if process.stderr is None:
            raise RuntimeError("its log is not read")
        told = ""
        while "See how it is doing" not in told and (line := await process.stderr.readline()):
            told += json.loads(line)["sentence"] + "\n"
        reading = asyncio.create_task(process.stderr.read())
        address, code = re.search(r"page is at (http://[^/\s]+:(\d+))/", told), re.search(r"setup code is (\S+)", told)
        assert address is not None, told
        await until(lambda: is_there(int(address[2])))
        try:
            yield Box(process, address[1], code[1] if code is not None else "")
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


def is_there(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
