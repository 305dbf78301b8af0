"""Pairs of real libp2p transports on loopback TCP, and a stranger."""

import asyncio
import random
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from transports.conformance import Witness
from transports.libp2p.config import Libp2pConfig
from transports.libp2p.transport import Libp2pTransport, load_peer_id

PATIENCE = 30.0  # seconds; two children import libp2p first
STRANGER = Path(__file__).with_name("stranger.py")


def free_address() -> str:
    """A loopback address of our own, so that nobody else's tests can be on it."""
    host = f"127.{random.randrange(1, 255)}.{random.randrange(1, 255)}.{random.randrange(1, 255)}"
    with socket.socket() as probe:
        probe.bind((host, 0))
        return f"/ip4/{host}/tcp/{probe.getsockname()[1]}"


def configs(folder: Path, **changes: object) -> tuple[Libp2pConfig, Libp2pConfig]:
    """Two gateways that call each other; the left one has the smaller peer ID and opens the stream."""
    folder = folder / f"pair{random.randrange(1 << 32)}"
    names = sorted((load_peer_id(folder / name), folder / name) for name in ("one.key", "two.key"))
    (left_id, left_key), (right_id, right_key) = names
    left_at, right_at = free_address(), free_address()
    right_by_name = right_at.replace("/ip4/", "/dns4/")  # the system resolves an address that is written as a name
    left = Libp2pConfig(left_key, (left_at,), (right_id,), (f"{right_by_name}/p2p/{right_id}",))
    right = Libp2pConfig(right_key, (right_at,), (left_id,), (f"{left_at}/p2p/{left_id}",))
    return replace(left, **changes), replace(right, **changes)  # type: ignore[arg-type]


def transport(config: Libp2pConfig, notices: list[tuple[str, str]] | None = None) -> Libp2pTransport:
    """One transport, its notices kept."""
    heard = [] if notices is None else notices
    return Libp2pTransport(config, random.Random(7), lambda level, sentence: heard.append((level, sentence)))


@asynccontextmanager
async def running(*transports: Libp2pTransport) -> AsyncIterator[list[Witness]]:
    """Transports that run, each with its witness; stopped and checked at the end."""
    witnesses = [Witness(each, PATIENCE) for each in transports]
    for witness in witnesses:
        witness.start()
    try:
        yield witnesses
    finally:
        await asyncio.gather(*(witness.stop() for witness in witnesses))
    for witness in witnesses:
        witness.check()


async def until(condition: object, patience: float = PATIENCE) -> None:
    """Wait for something that is not posted, such as a counter."""
    assert callable(condition)
    async with asyncio.timeout(patience):
        while not condition():  # noqa: ASYNC110 - nothing tells of a counter
            await asyncio.sleep(0.02)


async def stranger(*arguments: str) -> str:
    """Run the stranger to its end; returns what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "ignore", str(STRANGER), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return out.decode().strip()
