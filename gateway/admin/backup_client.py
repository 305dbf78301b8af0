"""Asking a running gateway for a backup, or to become one, over its control socket."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from gateway.admin.backups import BYTES, UPLOAD, BackupDocument, BackupRequest, RestoredDocument, RestoreRequest
from gateway.admin.client import TIMEOUT_S, Connection, RefusedError
from gateway.admin.operations import OperationDocument, Phase
from gateway.admin.problems import Problem, ProblemDocument, ProblemError
from gateway.backup.making import as_flaw

POLL_S: Final = 0.2  # seconds between two looks how far it is
LONG_S: Final = 600.0  # seconds a full store may take to be moved on a slow card
_STEP: Final = 256 * 1024  # bytes moved at a time
_FAILED: Final = Problem(409, "backup_failed", "")


async def create(socket: Path, request: BackupRequest, file: BinaryIO, report: Callable[[float], None]) -> None:
    """Let it make a backup and write that into `file`; raises `UnreachableError`, `RefusedError` and `BackupError`."""
    connection = Connection(socket)
    made = await connection.ask("POST", "/api/v1/backups", OperationDocument, request)
    while made.state is Phase.RUNNING:
        report(made.progress)
        await asyncio.sleep(POLL_S)
        made = await connection.ask("GET", f"/api/v1/operations/{made.id}", OperationDocument)
    if made.state is Phase.FAILED:
        raise RefusedError(ProblemError(_FAILED, made.sentence, "Nothing was written.").document)
    path = connection.address(f"/api/v1/backups/{made.backup}")
    async with connection.reached(LONG_S) as session, session.get(path) as response:
        if response.content_type == "application/problem+json":
            raise RefusedError(msgspec.json.decode(await response.read(), type=ProblemDocument))
        response.raise_for_status()
        async for piece in response.content.iter_chunked(_STEP):
            with as_flaw(Path(file.name)):  # here: whatever fails outside is the way to the gateway
                await asyncio.to_thread(file.write, piece)
    report(1.0)


async def send(socket: Path, file: BinaryIO) -> BackupDocument:
    """Send it a backup; raises `UnreachableError`, `RefusedError` and `BackupError`."""
    connection = Connection(socket)

    async def pieces() -> AsyncIterator[bytes]:
        while True:
            with as_flaw(Path(file.name)):
                piece = await asyncio.to_thread(file.read, _STEP)
            if not piece:
                return
            yield piece

    address, headers = connection.address(UPLOAD), {"Content-Type": BYTES}
    async with connection.reached(LONG_S) as session, session.post(address, data=pieces(), headers=headers) as response:
        data = await response.read()
        if response.content_type == "application/problem+json":
            raise RefusedError(msgspec.json.decode(data, type=ProblemDocument))
        response.raise_for_status()
        return msgspec.json.decode(data, type=BackupDocument)


async def restore(socket: Path, name: str, request: RestoreRequest) -> RestoredDocument:
    """Let it become what it was sent, or say what that would do; raises `UnreachableError` and `RefusedError`."""
    return await Connection(socket).ask("POST", f"/api/v1/backups/{name}/restore", RestoredDocument, request, LONG_S + TIMEOUT_S)
