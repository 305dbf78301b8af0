"""Restores a backup: everything is prepared beside the state first, and takes its place in one step that a power cut cannot halve.

    .restore.draft/   being prepared; whoever finds one throws it away
    .restore/         decided: every file of it goes to its place, again and again until all are there

The one step is the renaming of the first to the second. Before it nothing has changed. After it the gateway is the restored one:
whoever starts it next finishes what is left to do, before a key or the configuration is read.
"""

import errno
import os
import secrets
import shutil
from pathlib import Path
from typing import Final

import msgspec

from gateway.backup import archive
from gateway.backup.archive import Manifest, Progress
from gateway.backup.container import Opening
from gateway.backup.errors import BackupError, Flaw
from gateway.backup.making import as_flaw, refuse_large
from gateway.backup.members import BY_NAME, CONFIG, KINDS, STORE, place_of
from gateway.config import Config
from gateway.config.editing import ConfigFile
from gateway.errors import ConfigError, StoreError
from gateway.store.copying import is_usable
from gateway.store.migrations import newest
from hw.durable import sync

DRAFT: Final = ".restore.draft"
DECIDED: Final = ".restore"
PLAN: Final = "plan.json"
_LOGS: Final = ("-wal", "-shm", "-journal")  # of the database before: SQLite would play them into the new one
_OTHERS_READ: Final = 0o640  # the mode of a new configuration file
_OWN: Final = 0o600


class Move(msgspec.Struct, frozen=True):
    """A file that is to take a place."""

    name: str
    place: str
    mode: int


class Plan(msgspec.Struct, frozen=True):
    """What is to be done; doing it twice is doing it once."""

    gone: tuple[str, ...]  # files that go
    moves: tuple[Move, ...]


def planned(manifest: Manifest, config: Config, config_file: Path | None, *, new_identity: bool) -> Plan:
    """Return what restoring a backup would do here."""
    names = {one.name for one in manifest.members if not (new_identity and BY_NAME[one.name].remakes)}
    if config_file is None:
        names.discard(CONFIG)
    moves, gone = [], []
    for kind in KINDS:
        place = place_of(kind, config, config_file)
        if place is None:
            continue
        if kind.name in names:
            moves.append(Move(kind.name, str(place), _mode(place) if kind.name == CONFIG else _OWN))
        if kind.name == STORE:
            gone += [f"{place}{suffix}" for suffix in _LOGS]
        if kind.name not in names and kind.who and not (new_identity and kind.remakes):
            gone.append(str(place))
    return Plan(tuple(gone), tuple(moves))


def prepare(
    path: Path, passphrase: str, config: Config, file: ConfigFile | None, *, new_identity: bool, progress: Progress = lambda _done: None
) -> tuple[Manifest, Plan]:
    """Read a backup into the draft and see whether a gateway can live with it; nothing has changed when this returns.

    Args:
        path: the backup.
        passphrase: opens it.
        config: of the gateway that is here.
        file: its configuration file, None if there is none that could be changed.
        new_identity: whether keys and membership of the gateway that is here stay.
        progress: told how far it is.

    Raises:
        BackupError: it cannot be restored here.

    """
    state = config.gateway.state_dir
    draft = state / DRAFT
    try:
        with as_flaw(path), path.open("rb") as backup:
            refuse_large(os.fstat(backup.fileno()).st_size)
            opening = Opening(backup, passphrase)
            state.mkdir(mode=0o700, parents=True, exist_ok=True)
            discard(config)
            draft.mkdir(mode=0o700)
            manifest = archive.read(opening, draft, progress)
            _check_store(draft, manifest)
            if file is not None and (draft / CONFIG).exists():
                _adopt(draft / CONFIG, file)
            plan = planned(manifest, config, None if file is None else file.path, new_identity=new_identity)
            _check_places(plan)
            _put(draft / PLAN, msgspec.json.encode(plan))
            sync(draft)
    except BaseException:
        discard(config)
        raise
    return manifest, plan


def decide(config: Config) -> None:
    """From now on this gateway is the restored one, whatever happens; raises `BackupError` if it is not."""
    state = config.gateway.state_dir
    with as_flaw(state):
        (state / DRAFT).rename(state / DECIDED)
        sync(state)


def discard(config: Config) -> None:
    """Throw away what was prepared and not decided."""
    shutil.rmtree(config.gateway.state_dir / DRAFT, ignore_errors=True)


def finish(config: Config) -> bool:
    """Put every file of a decided restore in its place; false if there is none. The gateway must not be running.

    Raises:
        ConfigError: a file cannot take its place; the gateway must not start before it has.

    """
    decided = config.gateway.state_dir / DECIDED
    discard(config)
    if not decided.is_dir() or _is_wiped(decided):
        return False
    try:
        plan = msgspec.json.decode((decided / PLAN).read_bytes(), type=Plan)
        for gone in plan.gone:
            Path(gone).unlink(missing_ok=True)
        for move in plan.moves:
            _take_place(decided / move.name, Path(move.place), move.mode)
        for folder in {Path(one).parent for one in (*plan.gone, *(move.place for move in plan.moves))}:
            if folder.is_dir():
                sync(folder)
        decided.rename(decided.with_name(DRAFT))  # at once and as a whole, as it came
        sync(decided.parent)
        discard(config)
    except (OSError, msgspec.DecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "its plan cannot be read"
        hint = "See that the disk has room and that its folders may be written to, and start it again."
        raise ConfigError(f"A backup was restored into {decided}, and not all of it has taken its place: {what}. {hint}") from error
    return True


def _is_wiped(decided: Path) -> bool:
    """Whether a wipe has left nothing of it; it takes files and leaves folders."""
    if any(decided.iterdir()):
        return False
    decided.rmdir()
    return True


def _take_place(staged: Path, place: Path, mode: int) -> None:
    """Move a file to its place, also on another disk; one that is not there any more is in its place already."""
    if not staged.exists():
        return
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = (place if place.exists() else place.parent).stat()
    staged.chmod(mode)
    if os.geteuid() == 0:
        os.chown(staged, owner.st_uid, owner.st_gid)
    try:
        staged.replace(place)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
        try:
            shutil.copyfile(staged, beside)
            shutil.copystat(staged, beside)
            os.chown(beside, staged.stat().st_uid, staged.stat().st_gid)
            with beside.open("rb") as file:
                os.fsync(file.fileno())
            beside.replace(place)
        finally:
            beside.unlink(missing_ok=True)
        sync(place.parent)
        staged.unlink()


def _check_store(draft: Path, manifest: Manifest) -> None:
    if manifest.schema > newest():
        raise BackupError(Flaw.NEWER, "This backup was made by a newer Meshgate.", "Update this one first.")
    try:
        usable = not (draft / STORE).exists() or is_usable(draft / STORE)
    except StoreError as error:
        raise BackupError(Flaw.DISK, error.sentence, "Nothing was changed. Look at the disk.") from error
    if not usable:
        raise BackupError(Flaw.CONTENTS, "The database in this backup is none of Meshgate's.", "It was not made by Meshgate.")


def _adopt(staged: Path, file: ConfigFile) -> None:
    """Make the configuration fit this machine; it is checked as if it stood in its place."""
    try:
        text = file.adopted(staged.read_text("utf-8-sig"))
    except (ConfigError, UnicodeDecodeError) as error:
        remedy = "Nothing was changed. Is this gateway as new as the one it was made on, and started with the same options?"
        raise BackupError(Flaw.CONFIG, f"The configuration in this backup cannot be used here: {error}", remedy) from error
    staged.unlink()
    _put(staged, text.encode())


def _check_places(plan: Plan) -> None:
    """Refuse now what could not be finished later."""
    for move in plan.moves:
        folder = next(one for one in Path(move.place).parents if one.exists())
        if not os.access(folder, os.W_OK | os.X_OK):
            remedy = f"Nothing was changed. Let this user write to {folder}, or run the command as one who may."
            raise BackupError(Flaw.DISK, f"{move.place} cannot be written by this user.", remedy)


def _mode(place: Path) -> int:
    return place.stat().st_mode & 0o777 if place.exists() else _OTHERS_READ


def _put(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
