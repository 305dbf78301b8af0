"""Another version on a box that is kept in versions: ``/api/v1/updates/bundles``, ``upload``, ``apply`` and ``rollback``.

The gateway hands an open bundle over to whoever may put it in place, and is ended by that soon after it has answered.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, BinaryIO, Final, TypeVar

import msgspec
from aiohttp import web

from gateway.admin.access.roles import Role
from gateway.admin.answering import document_response
from gateway.admin.audit import CallWitness
from gateway.admin.inbox import Inbox
from gateway.admin.problems import Problem, ProblemError
from gateway.admin.route import Answers, Call, Route
from gateway.store.audit import Action
from gateway.update.client import begin
from gateway.update.errors import Refusal, UpdateError
from gateway.update.journal import Wish
from gateway.update.keys import KEYS, trusted_keys
from gateway.update.limits import MAX_NAME
from gateway.update.protocol import SOCKET, Request
from gateway.update.search import MOUNTS, Candidate, candidates
from gateway.update.staging import box_of
from gateway.update.tree import HOME, Tree

T = TypeVar("T")
UPLOAD: Final = "/api/v1/updates/upload"
"""The path that takes a body as large as a bundle may be."""
BYTES: Final = "application/octet-stream"

_NONE: Final = Problem(404, "not_here", "this box is not kept in versions, or `no_key`, `no_previous`: there is nothing to go to")
_NO: Final = Problem(403, "not_allowed", "the bundle is refused; the code is the reason, such as `key`, `tampered` or `older`")
_NOT_NOW: Final = Problem(409, "busy", "another version is on trial, or this was asked for too often")
_NOTHING: Final = Problem(503, "failed", "whoever puts versions in place cannot do it now, or `no_room`, `not_made`")
_NOT_BYTES: Final = Problem(415, "not_bytes", "the body is not application/octet-stream")
_PROBLEMS: Final = (_NONE, _NO, _NOT_NOW, _NOTHING)
_MISSING: Final = frozenset({Refusal.NOT_HERE, Refusal.NO_KEY, Refusal.NO_PREVIOUS})
_BROKEN: Final = frozenset({Refusal.FAILED, Refusal.NO_ROOM, Refusal.NOT_MADE})


class BundleDocument(msgspec.Struct, frozen=True):
    """One bundle, on a stick or sent."""

    path: str
    version: str  # empty where it is not for this box
    refusal: str  # a word for programs; empty where it is
    why: str  # a sentence; empty where it is
    sent: bool = False  # over the API, and it waits for half an hour


class BundlesDocument(msgspec.Struct, frozen=True):
    """``GET /api/v1/updates/bundles``: the newest first."""

    bundles: tuple[BundleDocument, ...]


class ApplyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Put a version in place that is on a stick, or was sent."""

    version: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]


class RollbackRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Go back to the version before."""


class BegunDocument(msgspec.Struct, frozen=True):
    """It has begun; the gateway ends soon, and ``GET /api/v1/updates`` of the next one tells what came of it."""

    sentence: str


ROUTES: Final = (
    Route(
        name="list_bundles",
        method="GET",
        path="/api/v1/updates/bundles",
        role=Role.ADMIN,
        answer=BundlesDocument,
        problems=(_NONE,),
        summary="Which bundles are on mounted sticks or were sent, each read to its end, and whether they can be believed.",
    ),
    Route(
        name="send_bundle",
        method="POST",
        path=UPLOAD,
        role=Role.ADMIN,
        answer=BundleDocument,
        status=201,
        takes=BYTES,
        problems=(*_PROBLEMS, _NOT_BYTES),
        changes=True,
        summary="Send a bundle that is to be put in place; one that is refused is not kept.",
    ),
    Route(
        name="apply_update",
        method="POST",
        path="/api/v1/updates/apply",
        role=Role.ADMIN,
        body=ApplyRequest,
        answer=BegunDocument,
        status=202,
        problems=_PROBLEMS,
        changes=True,
        summary="Put a newer version in place that is on a mounted stick or was sent; it goes back by itself if it does worse.",
    ),
    Route(
        name="roll_back_update",
        method="POST",
        path="/api/v1/updates/rollback",
        role=Role.ADMIN,
        body=RollbackRequest,
        answer=BegunDocument,
        status=202,
        problems=_PROBLEMS,
        changes=True,
        summary="Go back to the version that ran before.",
    ),
)

Begin = Callable[[Request, BinaryIO | None], str]
"""Asks for something; returns what is done first. Raises `UpdateError`."""


def _begin(request: Request, file: BinaryIO | None) -> str:
    return begin(request, file, Path(SOCKET))


class Versions:
    """Answers for bundles and what is to be done with them.

    Args:
        note: told what was asked for.
        inbox: holds what is sent.
        tree: where the versions are.
        keys: directory of the release keys.
        places: where sticks are.
        ask: asks whoever puts versions in place.

    """

    def __init__(
        self,
        note: CallWitness,
        inbox: Inbox,
        tree: Tree | None = None,
        keys: Path = KEYS,
        places: tuple[Path, ...] = MOUNTS,
        ask: Begin = _begin,
    ) -> None:
        self._note = note
        self._inbox = inbox
        self._tree = tree or Tree(HOME)
        self._keys = keys
        self._places = places
        self._ask = ask
        self._one_at_a_time = asyncio.Lock()

    def answers(self) -> Answers:
        """Return who answers."""
        return {
            "list_bundles": self._list,
            "send_bundle": self._send,
            "apply_update": self._apply,
            "roll_back_update": self._roll_back,
        }

    async def _list(self, _call: Call) -> BundlesDocument:
        found = await self._told(self._found)
        return BundlesDocument(tuple(map(self._document, found)))

    async def _send(self, call: Call) -> web.Response:
        if not call.is_streamed and call.request.content_type != BYTES:
            raise ProblemError(_NOT_BYTES, f"The body has to be {BYTES}.", "Send the file as it is.")
        try:
            box_of(self._tree), trusted_keys(self._keys)  # whoever could not use it takes nothing in
            await self._inbox.take(call.stream())
        except UpdateError as error:
            raise _problem(error) from error
        one = await self._told(self._sent)
        return document_response(self._document(one), status=201)

    async def _apply(self, call: Call) -> BegunDocument:
        version = call.body(ApplyRequest).version

        def ask() -> str:
            wanted = next((one for one in self._found() if one.version == version), None)
            if wanted is None:
                raise UpdateError(Refusal.NOT_HERE, f"There is no bundle of {version} for this box.", "See: meshgate update check.")
            with wanted.path.open("rb") as file:
                return self._ask(Request(Wish.APPLY), file)

        sentence = await self._told(ask)
        self._note(call, Action.UPDATE_ASKED, version)
        return BegunDocument(sentence)

    async def _roll_back(self, call: Call) -> BegunDocument:
        call.body(RollbackRequest)
        sentence = await self._told(lambda: self._ask(Request(Wish.ROLLBACK), None))
        self._note(call, Action.UPDATE_ASKED, "the one before")
        return BegunDocument(sentence)

    def _document(self, one: Candidate) -> BundleDocument:
        return BundleDocument(str(one.path), one.version, one.refusal, one.why, one.path == self._inbox.path)

    def _sent(self) -> Candidate:
        (one,) = candidates((self._inbox.path,), trusted_keys(self._keys), box_of(self._tree))
        if one.refusal:
            self._inbox.forget()
            raise UpdateError(Refusal(one.refusal), one.why, one.hint)
        return one

    def _found(self) -> list[Candidate]:
        return candidates((*self._places, self._inbox.folder), trusted_keys(self._keys), box_of(self._tree))

    async def _told(self, work: Callable[[], T]) -> T:
        async with self._one_at_a_time:  # each reads a stick
            try:
                return await asyncio.to_thread(work)
            except UpdateError as error:
                raise _problem(error) from error
            except OSError as error:
                raise ProblemError(_NOTHING, f"The bundle cannot be read: {error.strerror}.") from error


def _problem(error: UpdateError) -> ProblemError:
    kind = (
        _NONE if error.refusal in _MISSING else _NOT_NOW if error.refusal is Refusal.BUSY else _NOTHING if error.refusal in _BROKEN else _NO
    )
    return ProblemError(kind._replace(code=error.refusal.value), str(error), error.hint)
