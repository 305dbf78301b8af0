"""Backups over the API: one is made and fetched, another is sent, looked into and restored.

A passphrase stands in a body and nowhere else: no path, no header, no answer and no log has one.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, NoReturn, Protocol

import msgspec
from aiohttp import web

from gateway.admin.access.roles import Role
from gateway.admin.answering import document_response
from gateway.admin.audit import CallWitness, not_noted
from gateway.admin.operations import BUSY, OperationDocument, Operations, Outcome, Progress
from gateway.admin.problems import TOO_LARGE, UNAVAILABLE, Problem, ProblemError
from gateway.admin.route import Answers, Call, Route
from gateway.backup.archive import Manifest
from gateway.backup.errors import BackupError, Flaw
from gateway.backup.limits import MAX_BACKUP_PASSPHRASE, MIN_BACKUP_PASSPHRASE
from gateway.backup.passphrase import check
from gateway.backup.restoring import Plan
from gateway.errors import StoreError
from gateway.store.audit import Action

WORD: Final = "restore"
"""What has to be written before a gateway becomes another."""
UPLOAD: Final = "/api/v1/backups/upload"
"""The path that takes a body as large as a backup may be."""
TWO_OF_ONE: Final = (
    "The gateway this backup was made on must never run beside this one: both would be the same gateway to everybody, "
    "and would take each other's messages."
)
BYTES: Final = "application/octet-stream"
_STEP: Final = 256 * 1024  # bytes sent at a time

_UNKNOWN: Final = Problem(404, "unknown_backup", "no such file waits; each is kept for half an hour, and until it was fetched")
_NOT_BYTES: Final = Problem(415, "not_bytes", "the body is not application/octet-stream")
_UNCONFIRMED: Final = Problem(400, "not_confirmed", "the word is missing without which nothing is restored")
_PROBLEMS: Final[Mapping[Flaw, Problem]] = {
    Flaw.FOREIGN: Problem(400, "no_backup", "the file is no backup"),
    Flaw.NEWER: Problem(409, "backup_newer", "the backup was made by a newer program"),
    Flaw.PASSPHRASE: Problem(403, "wrong_passphrase", "the passphrase is not the one of that backup"),
    Flaw.WEAK: Problem(400, "weak_passphrase", "the passphrase would be guessed"),
    Flaw.DAMAGED: Problem(400, "backup_damaged", "the backup was altered or is cut short"),
    Flaw.COSTLY: Problem(400, "backup_costly", "the backup wants more memory or time to be opened than any needs"),
    Flaw.TOO_LARGE: TOO_LARGE,
    Flaw.CONTENTS: Problem(400, "backup_foreign_contents", "something is in it that belongs in no backup"),
    Flaw.CONFIG: Problem(409, "backup_config_unusable", "the configuration in it cannot be used here"),
    Flaw.DISK: Problem(409, "not_written", "a file cannot be read or written"),
}
_OF_FILES: Final = tuple(_PROBLEMS[flaw] for flaw in Flaw if flaw is not Flaw.WEAK)


class BusyError(Exception):
    """A backup is being made, sent or restored."""


Report = Callable[[float], None]
"""Told how much is done, 0 to 1."""


class WaitingFile(Protocol):
    """A file that waits."""

    @property
    def path(self) -> Path:
        """Where it is."""

    @property
    def uploaded(self) -> bool:
        """Whether somebody has sent it."""

    @property
    def until(self) -> float:
        """Seconds of the loop's clock."""

    @property
    def size(self) -> int:
        """Bytes."""


class BackupControl(Protocol):
    """What the API wants of whoever makes and restores backups (`gateway.runtime.backups`)."""

    @property
    def refused(self) -> Mapping[str, int]:
        """What was not taken, by flaw."""

    def waiting(self) -> Mapping[str, WaitingFile]:
        """Return the files that wait, by ID."""

    def forget(self, name: str) -> None:
        """Remove one."""

    async def create(self, passphrase: str, report: Report, *, history: bool) -> str:
        """Make one; returns its ID."""

    async def take(self, pieces: AsyncIterator[bytes]) -> str:
        """Take one in; returns its ID."""

    async def contents(self, name: str, passphrase: str) -> Manifest:
        """Return what is in one; raises `KeyError`."""

    async def restore(self, name: str, passphrase: str, *, new_identity: bool, dry_run: bool) -> tuple[Manifest, Plan]:
        """Become it; raises `KeyError`."""


Shown = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_BACKUP_PASSPHRASE)]


class BackupRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /api/v1/backups``."""

    passphrase: Annotated[str, msgspec.Meta(min_length=MIN_BACKUP_PASSPHRASE, max_length=MAX_BACKUP_PASSPHRASE)]
    with_history: bool = False  # also what was said, and what was done with it


class BackupDocument(msgspec.Struct, frozen=True):
    """A file that waits."""

    id: str
    size: int
    uploaded: bool  # sent by somebody; false is one that was made here
    seconds: int  # until it is removed


class BackupsDocument(msgspec.Struct, frozen=True):
    """``GET /api/v1/backups``."""

    backups: tuple[BackupDocument, ...]
    refused: dict[str, int]  # files and passphrases not taken since the start, by reason


class ContentsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /api/v1/backups/{id}/contents``."""

    passphrase: Shown


class ContentsDocument(msgspec.Struct, frozen=True):
    """What is in a backup, all of which was read and is as it was made."""

    site: str
    peer_id: str
    made: datetime | None
    program: str
    schema: int
    with_history: bool
    size: int  # bytes of all files in it
    files: tuple[str, ...]
    left: tuple[str, ...]  # files that gateway used and that are not in it


class RestoreRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /api/v1/backups/{id}/restore``."""

    passphrase: Shown
    confirm: Annotated[str, msgspec.Meta(max_length=32)] = ""  # the word "restore", unless it is a dry run
    new_identity: bool = False  # this gateway stays who it is, and takes over the rest
    dry_run: bool = False


class RestoredDocument(msgspec.Struct, frozen=True):
    """What was decided, or would be; the gateway ends a second later and starts as the other."""

    dry_run: bool
    contents: ContentsDocument
    written: tuple[str, ...]
    removed: tuple[str, ...]
    warning: str


ROUTES: Final = (
    Route(
        name="list_backups",
        method="GET",
        path="/api/v1/backups",
        role=Role.ADMIN,
        answer=BackupsDocument,
        summary="Backups that wait to be fetched or restored; none is kept for long.",
    ),
    Route(
        name="create_backup",
        method="POST",
        path="/api/v1/backups",
        role=Role.ADMIN,
        body=BackupRequest,
        answer=OperationDocument,
        status=202,
        problems=(BUSY, _PROBLEMS[Flaw.WEAK]),
        changes=True,
        summary="Make an encrypted backup; its operation names it when it is done.",
    ),
    Route(
        name="send_backup",
        method="POST",
        path=UPLOAD,
        role=Role.ADMIN,
        answer=BackupDocument,
        status=201,
        takes=BYTES,
        problems=(BUSY, _NOT_BYTES, TOO_LARGE, _PROBLEMS[Flaw.DISK]),
        changes=True,
        summary="Send a backup that is to be looked into or restored; it stays encrypted.",
    ),
    Route(
        name="get_backup",
        method="GET",
        path="/api/v1/backups/{id}",
        role=Role.ADMIN,
        media=BYTES,
        problems=(_UNKNOWN,),
        summary="Fetch a backup that was made; it is removed once all of it was sent.",
    ),
    Route(
        name="get_backup_contents",
        method="POST",
        path="/api/v1/backups/{id}/contents",
        role=Role.ADMIN,
        body=ContentsRequest,
        answer=ContentsDocument,
        problems=(BUSY, _UNKNOWN, *_OF_FILES),
        summary="Open a backup, read all of it, and say what is in it.",
    ),
    Route(
        name="restore_backup",
        method="POST",
        path="/api/v1/backups/{id}/restore",
        role=Role.ADMIN,
        body=RestoreRequest,
        answer=RestoredDocument,
        problems=(BUSY, _UNKNOWN, _UNCONFIRMED, *_OF_FILES),
        changes=True,
        summary="Become the gateway of a backup; this one ends and starts again as that.",
    ),
)


class BackupAnswers:
    """Answers for backups.

    Args:
        control: makes and restores them.
        operations: does what takes long.
        note: notes who had what done.

    """

    def __init__(self, control: BackupControl, operations: Operations, note: CallWitness = not_noted) -> None:
        self._control = control
        self._operations = operations
        self._note = note

    def answers(self) -> Answers:
        """Return who answers."""
        return {
            "list_backups": self._list,
            "create_backup": self._create,
            "send_backup": self._send,
            "get_backup": self._fetch,
            "get_backup_contents": self._contents,
            "restore_backup": self._restore,
        }

    async def _list(self, _call: Call) -> BackupsDocument:
        waiting = self._control.waiting()
        return BackupsDocument(tuple(_document(name, one) for name, one in waiting.items()), dict(self._control.refused))

    async def _create(self, call: Call) -> web.Response:
        wanted = call.body(BackupRequest)
        try:
            check(wanted.passphrase)
        except BackupError as error:
            _refuse(error)

        async def work(progress: Progress) -> Outcome:
            def report(done: float) -> None:
                progress(done, "It is being written.")

            try:
                name = await self._control.create(wanted.passphrase, report, history=wanted.with_history)
            except (BackupError, BusyError) as error:
                _refuse(error)
            except StoreError as error:
                return _failed(error)
            return f"It waits to be fetched: GET /api/v1/backups/{name}.", {"backup": name}

        begun = self._operations.begin("backup", work)
        self._note(call, Action.BACKUP_BEGUN, "with history" if wanted.with_history else "without history")
        return begun

    async def _send(self, call: Call) -> web.Response:
        if not call.is_streamed and call.request.content_type != BYTES:
            raise ProblemError(_NOT_BYTES, f"The body has to be {BYTES}.", "Send the file as it is.")
        try:
            name = await self._control.take(call.stream())
        except (BackupError, BusyError) as error:
            _refuse(error)
        return document_response(
            _document(name, self._control.waiting()[name]), status=201, headers={"Location": f"/api/v1/backups/{name}"}
        )

    async def _fetch(self, call: Call) -> web.StreamResponse:
        one = self._control.waiting().get(call["id"])
        if one is None or one.uploaded:
            raise _gone(call["id"])
        try:
            file = await asyncio.to_thread(one.path.open, "rb")
        except OSError as error:
            raise _gone(call["id"]) from error
        self._note(call, Action.BACKUP_FETCHED, "")
        with file:
            disposition = 'attachment; filename="meshgate.backup"'
            response = web.StreamResponse(headers={"Content-Type": BYTES, "Content-Disposition": disposition, "Cache-Control": "no-store"})
            response.content_length = one.size
            await response.prepare(call.request)
            piece = await asyncio.to_thread(file.read, _STEP)
            while piece:
                ahead = await asyncio.to_thread(file.read, _STEP)
                if not ahead:
                    self._control.forget(call["id"])  # before the last piece: who has all of it finds it gone
                await response.write(piece)
                piece = ahead
            await response.write_eof()
        return response

    async def _contents(self, call: Call) -> ContentsDocument:
        try:
            return contents_of(await self._control.contents(call["id"], call.body(ContentsRequest).passphrase))
        except (BackupError, BusyError) as error:
            _refuse(error)
        except KeyError:
            raise _gone(call["id"]) from None

    async def _restore(self, call: Call) -> RestoredDocument:
        wanted = call.body(RestoreRequest)
        if wanted.confirm != WORD and not wanted.dry_run:
            raise ProblemError(_UNCONFIRMED, f"Nothing was restored: confirm must be {WORD!r}.")
        try:
            manifest, plan = await self._control.restore(
                call["id"], wanted.passphrase, new_identity=wanted.new_identity, dry_run=wanted.dry_run
            )
        except (BackupError, BusyError) as error:
            _refuse(error)
        except KeyError:
            raise _gone(call["id"]) from None
        if not wanted.dry_run:
            self._note(
                call, Action.BACKUP_RESTORED, "the gateway stays who it is" if wanted.new_identity else "the gateway becomes the other"
            )
        return restored(manifest, plan, new_identity=wanted.new_identity, dry_run=wanted.dry_run)


def contents_of(manifest: Manifest) -> ContentsDocument:
    """Return what a backup says of itself, for people and programs."""
    return ContentsDocument(
        manifest.site,
        manifest.peer_id,
        manifest.made,
        manifest.program,
        manifest.schema,
        manifest.with_history,
        manifest.size,
        tuple(one.name for one in manifest.members),
        manifest.left,
    )


def restored(manifest: Manifest, plan: Plan, *, new_identity: bool, dry_run: bool) -> RestoredDocument:
    """Return what was decided, or would be."""
    written, removed = tuple(one.place for one in plan.moves), plan.gone
    return RestoredDocument(dry_run, contents_of(manifest), written, removed, "" if new_identity else TWO_OF_ONE)


def _document(name: str, one: WaitingFile) -> BackupDocument:
    return BackupDocument(name, one.size, one.uploaded, max(0, int(one.until - asyncio.get_running_loop().time())))


def _gone(name: str) -> ProblemError:
    return ProblemError(_UNKNOWN, f"No backup {name!r} waits.", "It may have been fetched, or have waited for too long; begin anew.")


def _refuse(error: BackupError | BusyError) -> NoReturn:
    if isinstance(error, BusyError):
        raise ProblemError(BUSY, "Another backup is being made, sent or restored.", "Try again when it is done.") from error
    raise ProblemError(_PROBLEMS[error.flaw], error.sentence, error.remedy) from error


def _failed(error: StoreError) -> NoReturn:
    raise ProblemError(UNAVAILABLE, error.sentence, error.remedy) from error
