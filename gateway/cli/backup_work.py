"""What ``meshgate backup`` does: through the running gateway, or on its files when none runs."""

import asyncio
import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from gateway.admin import backup_client, client
from gateway.admin.backups import BackupRequest, RestoredDocument, RestoreRequest, restored
from gateway.backup import making, restoring
from gateway.backup.making import Wanted, as_flaw
from gateway.cli.output import CommandError, Exit
from gateway.config import Config
from gateway.config.editing import ConfigFile
from gateway.runtime.keyfile import load_identity
from gateway.store.copying import copy_closed
from gateway.store.database import is_held

Report = Callable[[float], None]


async def create(path: Path, passphrase: str, config: Config, file: ConfigFile, report: Report, *, history: bool) -> None:
    """Make a backup.

    Raises:
        BackupError, StoreError: it was not made.
        UnreachableError, RefusedError: a gateway runs and does not make it.
        CommandError: the files are another gateway's.

    """
    try:
        await _fetched(path, BackupRequest(passphrase, history), config, report)
    except client.UnreachableError as error:
        if not error.absent:
            raise
        await _refuse_held(config)
        await asyncio.to_thread(_made, path, passphrase, config, file, report, history=history)


async def restore(path: Path, request: RestoreRequest, config: Config, file: ConfigFile, report: Report) -> tuple[RestoredDocument, bool]:
    """Restore a backup; returns what was done, and whether a gateway did it, which ends then.

    Raises:
        BackupError: nothing was changed.
        UnreachableError, RefusedError: a gateway runs and does not do it.
        CommandError: the files are another gateway's.
        ConfigError: it was decided, and the next start has to go on with it.

    """
    try:
        with as_flaw(path), path.open("rb") as backup:
            making.refuse_large(os.fstat(backup.fileno()).st_size)
            sent = await backup_client.send(config.control.socket, backup)
        return await backup_client.restore(config.control.socket, sent.id, request), True
    except client.UnreachableError as error:
        if not error.absent:
            raise
    await _refuse_held(config)
    return await asyncio.to_thread(_restored, path, request, config, file, report), False


async def _fetched(path: Path, request: BackupRequest, config: Config, report: Report) -> None:
    """Write what the gateway has made beside its place, and put it there when it is whole."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with as_flaw(path):
        try:
            draft.touch(0o600, exist_ok=False)
            with draft.open("wb") as out:
                await backup_client.create(config.control.socket, request, out, report)
                out.flush()
                os.fsync(out.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def _made(path: Path, passphrase: str, config: Config, file: ConfigFile, report: Report, *, history: bool) -> None:
    state = config.gateway.state_dir
    if not (state / "identity.key").exists():
        text = f"There is no gateway in {state} that could be kept."
        raise CommandError("not_found", text, hint="Name its configuration with --config.", status=Exit.NOT_FOUND)
    peer_id = load_identity(state / "identity.key").peer_id.hex()
    wanted = Wanted(passphrase, history, peer_id, datetime.now(UTC).replace(microsecond=0))
    making.make(path, wanted, config, file.path, lambda copy: copy_closed(state / "store.db", copy, history=history), report)


def _restored(path: Path, request: RestoreRequest, config: Config, file: ConfigFile, report: Report) -> RestoredDocument:
    found = restoring.prepare(path, request.passphrase, config, file, new_identity=request.new_identity, progress=report)
    if request.dry_run:
        restoring.discard(config)
    else:
        restoring.decide(config)
        restoring.finish(config)
    return restored(*found, new_identity=request.new_identity, dry_run=request.dry_run)


async def _refuse_held(config: Config) -> None:
    if await asyncio.to_thread(is_held, config.gateway.state_dir / "store.db"):
        text = f"Another gateway, with another control socket, uses {config.gateway.state_dir}. Nothing was changed."
        raise CommandError("in_use", text, hint="Stop it, or name its configuration with --config.", status=Exit.TEMPORARY)
