"""Real gateway processes, started and ended by pid."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import tomlkit

from gateway.admin.client import UnreachableError, get_status
from transports.libp2p.identity import load_peer_id

PATIENCE_S = 40.0
POLL_S = 0.1  # seconds between two questions to a process that lives in real time


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_site(
    directory: Path,
    *,
    mode: str = "open",
    listen: tuple[str, ...] = (),
    members: tuple[str, ...] = (),
    peers: tuple[str, ...] = (),
    radio: Mapping[str, object] | None = None,
) -> Path:
    """Write one gateway's configuration; libp2p is on if it listens or calls, and the clock of the test machine is believed."""
    directory.mkdir(exist_ok=True)
    path = directory / "config.toml"
    document = {
        "gateway": {"nickname": directory.name, "state_dir": str(directory / "state")},
        "radio": {"clock": "trust"} | dict(radio or {}),
        "bridge": {"mode": mode},
        "control": {"socket": str(directory / "control.sock")},
        "page": {"enabled": False},
        "transports": {
            "libp2p": {
                "enabled": bool(listen or peers),
                "listen": list(listen),
                "identity_file": str(directory / "libp2p.key"),
                "members": list(members),
                "peers": list(peers),
            }
        },
    }
    path.write_text(tomlkit.dumps(document))
    return path


def write_two_sites(directory: Path) -> tuple[Path, Path]:
    """Write two gateways that may link: the second calls the first."""
    address = f"/ip4/127.0.0.1/tcp/{free_port()}"
    ids = []
    for name in ("north", "south"):
        (directory / name).mkdir()
        ids.append(load_peer_id(directory / name / "libp2p.key"))
    north = write_site(directory / "north", listen=(address,), members=(ids[1],))
    south = write_site(directory / "south", members=(ids[0],), peers=(f"{address}/p2p/{ids[0]}",))
    return north, south


@contextlib.asynccontextmanager
async def meshgate(*arguments: object, env: Mapping[str, str] | None = None) -> AsyncIterator[Process]:
    """Run one command for as long as the context lasts, then stop it as systemd would."""
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).parent / "meshgate", *map(str, arguments), stdout=PIPE, stderr=PIPE, env=os.environ | dict(env or {})
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(15):
                    await process.communicate()
            except TimeoutError:
                process.kill()
                await process.communicate()


async def status_of(config: Path) -> dict[str, Any] | None:
    """Ask a gateway how it is doing; None while nobody answers."""
    try:
        return msgspec.to_builtins(await get_status(config.parent / "control.sock"))
    except UnreachableError:
        return None


async def until(config: Path, condition: Callable[[dict[str, Any]], bool], patience: float = PATIENCE_S) -> dict[str, Any]:
    """Ask again and again until the answer is as wanted."""
    seen: dict[str, Any] | None = None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while True:
                seen = await status_of(config)
                if seen is not None and condition(seen):
                    return seen
    raise AssertionError(f"not so within {patience:.0f} s; last seen: {seen}")
