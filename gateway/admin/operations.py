"""Work that takes longer than a request: ``202`` and a place to look, ``/api/v1/operations/{id}``."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Protocol

import msgspec
from aiohttp import web

from gateway.admin.access.roles import Role
from gateway.admin.answering import document_response
from gateway.admin.limits import MAX_OPERATIONS, MAX_OPERATIONS_RUNNING
from gateway.admin.problems import Problem, ProblemError
from gateway.admin.radio import HeardDocument, ScanRequest
from gateway.admin.route import Answers, Call, Route

_NO_OPERATION: Final = Problem(404, "unknown_operation", "there is no such work, or it ended long ago")
BUSY: Final = Problem(409, "busy", "as much work as is done at a time is being done")
_NO_BUNDLE: Final = Problem(404, "not_here", "this gateway was started without a configuration that could be packed")


class Phase(StrEnum):
    """How far work has come."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class FindingDocument(msgspec.Struct, frozen=True):
    """One thing the doctor looked at."""

    check: str
    subject: str
    verdict: str  # ok, warn, fail or unknown
    sentence: str
    remedy: str


class OperationDocument(msgspec.Struct, frozen=True):
    """Some work."""

    id: str
    kind: str  # doctor, scan or backup
    state: Phase
    progress: float  # 0 to 1
    sentence: str
    started: datetime | None  # None while the time of day is not known
    findings: tuple[FindingDocument, ...] = ()  # of a doctor that is done
    heard: tuple[HeardDocument, ...] = ()  # of a scan that is done
    backup: str = ""  # ID of a backup that is done


class OperationsDocument(msgspec.Struct, frozen=True):
    """``GET /api/v1/operations``: the latest first."""

    operations: tuple[OperationDocument, ...]


class DoctorRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /api/v1/diagnostics/doctor``."""


ROUTES: Final = (
    Route(
        name="list_operations",
        method="GET",
        path="/api/v1/operations",
        role=Role.VIEWER,
        answer=OperationsDocument,
        summary="Work that takes long, under way or done lately.",
    ),
    Route(
        name="get_operation",
        method="GET",
        path="/api/v1/operations/{id}",
        role=Role.VIEWER,
        answer=OperationDocument,
        problems=(_NO_OPERATION,),
        summary="How far one has come, and what came of it.",
    ),
    Route(
        name="examine",
        method="POST",
        path="/api/v1/diagnostics/doctor",
        role=Role.OPERATOR,
        body=DoctorRequest,
        answer=OperationDocument,
        status=202,
        problems=(BUSY,),
        summary="Look at this machine and say what to do about it, as `meshgate doctor` does.",
    ),
    Route(
        name="listen",
        method="POST",
        path="/api/v1/diagnostics/scan",
        role=Role.OPERATOR,
        body=ScanRequest,
        answer=OperationDocument,
        status=202,
        problems=(BUSY,),
        summary="Listen for some seconds who is on the air, without keeping the request waiting.",
    ),
    Route(
        name="get_bundle",
        method="GET",
        path="/api/v1/diagnostics/bundle",
        role=Role.OPERATOR,
        media="application/gzip",
        problems=(_NO_BUNDLE,),
        summary="The support archive, without names, IDs and places.",
    ),
)

Progress = Callable[[float, str], None]
"""Told how much is done, 0 to 1, and what is being done."""

Outcome = tuple[str, dict[str, Any]]
"""What came of work: a sentence, and members of its document."""


class Diagnostics(Protocol):
    """What the API wants of whoever examines."""

    async def doctor(self, progress: Progress) -> tuple[FindingDocument, ...]:
        """Look at everything."""

    async def scan(self, request: ScanRequest, progress: Progress) -> tuple[HeardDocument, ...]:
        """Listen; raises `ProblemError`."""

    async def bundle(self) -> bytes | None:
        """Return the support archive; None if there is nothing to pack."""


class Operations:
    """Does long work, and remembers what came of it.

    Args:
        diagnostics: who examines.
        wall: Unix seconds, None while nobody knows them.
        randbytes: source of IDs.

    """

    def __init__(self, diagnostics: Diagnostics, wall: Callable[[], float | None], randbytes: Callable[[int], bytes]) -> None:
        self._diagnostics = diagnostics
        self._wall = wall
        self._randbytes = randbytes
        self._known: OrderedDict[str, OperationDocument] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def answers(self) -> Answers:
        """Return who answers."""
        return {
            "list_operations": self._list,
            "get_operation": self._get,
            "examine": self._examine,
            "listen": self._listen,
            "get_bundle": self._bundle,
        }

    async def close(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _list(self, _call: Call) -> OperationsDocument:
        return OperationsDocument(tuple(reversed(self._known.values())))

    async def _get(self, call: Call) -> OperationDocument:
        found = self._known.get(call["id"])
        if found is None:
            raise ProblemError(_NO_OPERATION, f"There is no work {call['id']!r}.", "It may have ended long ago; begin it anew.")
        return found

    async def _examine(self, _call: Call) -> web.Response:
        async def work(progress: Progress) -> Outcome:
            findings = await self._diagnostics.doctor(progress)
            bad = sum(one.verdict == "fail" for one in findings)
            said = "Nothing is wrong that can be seen from here." if not bad else f"{bad} of {len(findings)} things do not work."
            return said, {"findings": findings}

        return self.begin("doctor", work)

    async def _listen(self, call: Call) -> web.Response:
        wanted = call.body(ScanRequest)

        async def work(progress: Progress) -> Outcome:
            heard = await self._diagnostics.scan(wanted, progress)
            return f"{len(heard)} {'device was' if len(heard) == 1 else 'devices were'} heard.", {"heard": heard}

        return self.begin("scan", work)

    async def _bundle(self, _call: Call) -> web.Response:
        archive = await self._diagnostics.bundle()
        if archive is None:
            raise ProblemError(_NO_BUNDLE, "This gateway was started without a configuration that could be packed.")
        headers = {"Content-Disposition": 'attachment; filename="meshgate-support.tar.gz"'}
        return web.Response(body=archive, content_type="application/gzip", headers=headers)

    def begin(self, kind: str, work: Callable[[Progress], Awaitable[Outcome]]) -> web.Response:
        """Begin work, and answer where it can be followed; raises `ProblemError` if too much is being done."""
        if len(self._tasks) >= MAX_OPERATIONS_RUNNING:
            raise ProblemError(BUSY, "As much work as is done at a time is being done.", "Wait for it: GET /api/v1/operations.")
        wall, name = self._wall(), self._randbytes(8).hex()
        started = None if wall is None else datetime.fromtimestamp(round(wall, 3), UTC)
        begun = self._known[name] = OperationDocument(name, kind, Phase.RUNNING, 0.0, "It has begun.", started)
        ended = [one.id for one in self._known.values() if one.state is not Phase.RUNNING]
        for old in ended[: max(0, len(self._known) - MAX_OPERATIONS)]:
            del self._known[old]
        task = asyncio.create_task(self._do(name, work), name=f"operation {kind}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return document_response(begun, status=202, headers={"Location": f"/api/v1/operations/{name}"})

    async def _do(self, name: str, work: Callable[[Progress], Awaitable[Outcome]]) -> None:
        def note(done: float, sentence: str) -> None:
            self._change(name, progress=round(min(1.0, done), 2), sentence=sentence)

        try:
            sentence, members = await work(note)
            self._change(name, state=Phase.DONE, progress=1.0, sentence=sentence, **members)
        except ProblemError as error:
            self._change(name, state=Phase.FAILED, sentence=str(error))
        except Exception as error:  # noqa: BLE001 -- whoever asked for it reads it there
            self._change(name, state=Phase.FAILED, sentence=f"The gateway made a mistake: {type(error).__name__}.")

    def _change(self, name: str, **members: Any) -> None:
        self._known[name] = msgspec.structs.replace(self._known[name], **members)
