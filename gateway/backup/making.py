"""Makes a backup: gathers what belongs in one, seals it, and puts the file where it is wanted, whole or not at all."""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from gateway.backup import archive
from gateway.backup.archive import Content, Manifest, Progress
from gateway.backup.container import Opening, Sealing
from gateway.backup.errors import BackupError, Flaw
from gateway.backup.limits import MAX_BACKUP_FILE, MAX_BACKUP_TEXT
from gateway.backup.members import STORE, gather, left_out
from gateway.backup.passphrase import COST, Cost, check
from gateway.config import Config
from gateway.store.copying import CopyError
from gateway.store.migrations import newest
from hw.durable import sync

SEAL_SHARE: Final = 0.9  # of the work; the rest is the copy of the database


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be made.

    Args:
        passphrase: opens it.
        history: whether what was said and done comes along.
        peer_id: of the gateway, for whoever looks into it; empty if it has none yet.
        made: when, None if nobody knows the time of day.
        cost: of a try at the passphrase; cheaper only in tests.

    """

    passphrase: str
    history: bool
    peer_id: str
    made: datetime | None
    cost: Cost = COST


def make(
    path: Path,
    wanted: Wanted,
    config: Config,
    config_file: Path | None,
    snapshot: Callable[[Path], bool],
    progress: Progress = lambda _done: None,
) -> Manifest:
    """Make a backup at `path`, in place of what is there.

    Args:
        path: where; its folder exists.
        wanted: see `Wanted`.
        config: of the gateway.
        config_file: where its configuration is changed, None if nowhere.
        snapshot: copies the database to a new file; false if there is none.
        progress: told how far it is.

    Raises:
        BackupError: it was not made, and what was there before still is.
        StoreError: the database cannot be copied now.

    """
    check(wanted.passphrase)
    state = config.gateway.state_dir
    store = state / f".{STORE}.{secrets.token_hex(4)}"
    with as_flaw(path), contextlib.ExitStack() as stack:
        stack.callback(store.unlink, missing_ok=True)
        contents: dict[str, Content] = dict(gather(config, config_file))
        if snapshot(store):
            contents[STORE] = store
        progress(1 - SEAL_SHARE)
        manifest = Manifest(
            program=version("meshgate"),
            schema=newest(),
            site=config.gateway.nickname[:MAX_BACKUP_TEXT],
            peer_id=wanted.peer_id,
            made=wanted.made,
            with_history=wanted.history,
            members=archive.members_of(contents),
            left=tuple(one[:MAX_BACKUP_TEXT] for one in left_out(config, config_file)),
        )
        _seal(path, wanted, manifest, contents, lambda done: progress(1 - SEAL_SHARE + SEAL_SHARE * done))
    return manifest


def look(path: Path, passphrase: str, progress: Progress = lambda _done: None) -> Manifest:
    """Read a backup to its end and return what it says of itself; raises `BackupError` unless all of it is as it was made."""
    with as_flaw(path), path.open("rb") as file:
        refuse_large(os.fstat(file.fileno()).st_size)
        return archive.read(Opening(file, passphrase), None, progress)


def refuse_large(size: int) -> None:
    """Raise `BackupError` if no backup has as many bytes."""
    if size > MAX_BACKUP_FILE:
        raise BackupError(Flaw.TOO_LARGE, f"The file has {size} bytes; no backup has more than {MAX_BACKUP_FILE}.", "Choose another file.")


@contextlib.contextmanager
def as_flaw(path: Path) -> Iterator[None]:
    """Turn what the system says of files into a `BackupError`."""
    try:
        yield
    except CopyError as error:
        raise BackupError(Flaw.DISK, str(error), "Is there room on the disk?") from error
    except OSError as error:
        where = error.filename or path
        raise BackupError(
            Flaw.DISK, f"{where} cannot be used: {error.strerror or error}.", "Nothing was changed. Look at the disk."
        ) from error


def _seal(path: Path, wanted: Wanted, manifest: Manifest, contents: Mapping[str, Content], progress: Progress) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            sealing = Sealing(file, wanted.passphrase, secrets.token_bytes, wanted.cost)
            archive.write(sealing, manifest, contents, progress)
            sealing.close()
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync(path.parent)
