"""Pairs of real WebSocket transports on loopback, and callers with bad manners."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from transports.conformance import Witness
from transports.libp2p.identity import load_peer_id
from transports.websocket.config import WebSocketConfig
from transports.websocket.transport import WebSocketTransport

PATIENCE = 10.0  # seconds; a busy machine takes its time over TLS


def free_place() -> str:
    """A loopback address of our own, so that nobody else's tests can be on it."""
    host = f"127.{random.randrange(1, 255)}.{random.randrange(1, 255)}.{random.randrange(1, 255)}"
    with socket.socket() as probe:
        probe.bind((host, 0))
        return f"{host}:{probe.getsockname()[1]}"


def config(folder: Path, name: str, **changes: object) -> WebSocketConfig:
    """One gateway that may keep everything in `folder`."""
    base = WebSocketConfig(folder / f"{name}.key", folder / f"{name}.crt", folder / f"{name}.tls")
    return replace(base, **changes)  # type: ignore[arg-type]


def names(folder: Path) -> list[tuple[str, str]]:
    """Two gateways, the smaller peer ID first: peer ID and name."""
    folder.mkdir(parents=True, exist_ok=True)
    return sorted((load_peer_id(folder / f"{name}.key"), name) for name in ("one", "two"))


def pair(folder: Path, *, both_call: bool = True, **changes: object) -> tuple[WebSocketConfig, WebSocketConfig]:
    """Two gateways; the left one has the smaller peer ID and is called by the right one, or both call."""
    folder = folder / f"pair{random.randrange(1 << 32)}"
    (left_id, left_name), (right_id, right_name) = names(folder)
    left_at, right_at = free_place(), free_place()
    left_peers = (f"wss://{right_at}#{right_id}",) if both_call else ()
    left = config(folder, left_name, listen=(left_at,), members=(right_id,), peers=left_peers, **changes)
    right = config(folder, right_name, listen=(right_at,), members=(left_id,), peers=(f"wss://{left_at}#{left_id}",), **changes)
    return left, right


def transport(config: WebSocketConfig, notices: list[tuple[str, str]] | None = None, **options: object) -> WebSocketTransport:
    """One transport, its notices kept."""
    heard = [] if notices is None else notices
    return WebSocketTransport(config, random.Random(7), lambda level, sentence: heard.append((level, sentence)), **options)  # type: ignore[arg-type]


@asynccontextmanager
async def running(*transports: WebSocketTransport) -> AsyncIterator[list[Witness]]:
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
