"""What became of messages: ``/api/v1/messages``. It shows neither text nor who wrote it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final, Protocol, TypeVar

import msgspec
from aiohttp import web

from gateway.admin.access.roles import Role
from gateway.admin.answering import document_response
from gateway.admin.limits import MAX_PAGE
from gateway.admin.problems import UNAVAILABLE, Problem, ProblemError
from gateway.admin.route import Answers, Call, Route
from gateway.admin.sentences import REASONS
from gateway.admin.why import candidate_document
from gateway.mesh.records import Verb
from gateway.store.inquiry import Trail, trail_of
from gateway.store.message import State
from gateway.store.overview import page_of
from gateway.store.store import Store

T = TypeVar("T")
NO_MESSAGE: Final = Problem(404, "unknown_message", "nothing is known of that message")
_BAD_CURSOR: Final = Problem(400, "bad_cursor", "no list ends there")


class Stage(StrEnum):
    """How far a message has come."""

    WAITING = "waiting"  # for a phone, a site, a relay or its turn
    LOCAL = "local"  # it was heard, and stays on this island
    CROSSED = "crossed"  # to another island, or from one
    DELIVERED = "delivered"
    READ = "read"
    DROPPED = "dropped"
    EXPIRED = "expired"


class MessageDocument(msgspec.Struct, frozen=True):
    """One message."""

    id: str  # what `why` takes
    state: Stage
    at: datetime  # of the last thing that was done with it
    what: str  # type and size, empty where nobody saw it whole
    reason: str  # why it was dropped, a word; empty if it was not
    because: str  # the same in words
    sentence: str  # the last thing
    steps: int  # things that were done with it


class MessagesDocument(msgspec.Struct, frozen=True):
    """``GET /api/v1/messages``: the latest first; a page may be short, and there may be more behind it."""

    messages: tuple[MessageDocument, ...]
    next: str | None  # the cursor of the next page


class MessagesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which of them."""

    state: Stage | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=32)] = ""


ROUTES: Final = (
    Route(
        name="list_messages",
        method="GET",
        path="/api/v1/messages",
        role=Role.VIEWER,
        query=MessagesQuery,
        answer=MessagesDocument,
        problems=(_BAD_CURSOR, UNAVAILABLE),
        summary="What became of messages, the latest first; the header Link names the next page.",
    ),
    Route(
        name="get_message",
        method="GET",
        path="/api/v1/messages/{id}",
        role=Role.VIEWER,
        answer=MessageDocument,
        problems=(NO_MESSAGE, UNAVAILABLE),
        summary="What became of one message; for one that was sent here, how far it has come.",
    ),
)


class Reader(Protocol):
    """Reads the store (`gateway.runtime.writer.StoreWriter`)."""

    async def ask(self, call: Callable[[Store], T]) -> T:
        """Have something read; raises `StoreError`."""


class Ledger:
    """Answers what became of messages.

    Args:
        reader: of the store.
        flush: hands what was decided lately to the store.
        names: what people call the hops.
        own: what is remembered of a message of the gateway's own, None if it is none.

    """

    def __init__(
        self,
        reader: Reader,
        flush: Callable[[], None],
        names: Callable[[], Mapping[str, str]],
        own: Callable[[str], MessageDocument | None],
    ) -> None:
        self._reader = reader
        self._flush = flush
        self._names = names
        self._own = own

    def answers(self) -> Answers:
        """Return who answers."""
        return {"list_messages": self._list, "get_message": self._get}

    async def _list(self, call: Call) -> web.Response:
        asked = call.query(MessagesQuery)
        before, names = _place(asked.cursor), self._names()
        self._flush()

        def look(store: Store) -> MessagesDocument:
            page = page_of(store, before, asked.limit, lambda trail: asked.state in (None, stage_of(trail)))
            found = tuple(message_document(trail, names) for trail in page.trails)
            return MessagesDocument(found, None if page.next is None else str(page.next))

        document = await self._reader.ask(look)
        return document_response(document, headers=None if document.next is None else {"Link": _link(call, document.next)})

    async def _get(self, call: Call) -> MessageDocument:
        found = await self.find(call["id"]) or self._own(call["id"])
        if found is None:
            raise ProblemError(NO_MESSAGE, f"Nothing is known of the message {call['id']}.", "See: meshgate messages.")
        return found

    async def find(self, message_id: str) -> MessageDocument | None:
        """Return what became of a message, None if nothing is known of it; raises `StoreError`."""
        names = self._names()
        self._flush()

        def look(store: Store) -> MessageDocument | None:
            trail = trail_of(store, message_id.lower())
            return message_document(trail, names) if trail.decisions else None

        return await self._reader.ask(look)


def stage_of(trail: Trail) -> Stage:
    """Say how far a message has come: by the spool if it is there, else by what was done with it."""
    if trail.progress is not None:
        return _OF_STATES[trail.progress.state]
    done = [one.verb for one in trail.decisions]
    for verb, stage in _DECISIVE.items():
        if verb in done:
            return stage
    last = next((one for one in reversed(trail.decisions) if one.verb not in _ASIDE), None)
    if last is not None and last.verb in _LOSSES:
        return Stage.EXPIRED if last.reason == "expired" else Stage.DROPPED
    if any(verb in _CROSSINGS for verb in done):
        return Stage.CROSSED
    return Stage.WAITING if last is not None and last.verb in _WAITING else Stage.LOCAL


def message_document(trail: Trail, names: Mapping[str, str]) -> MessageDocument:
    """Make the document."""
    listed = candidate_document(trail, names, last_name=True)
    stage = stage_of(trail)
    reason = ""
    if stage in (Stage.DROPPED, Stage.EXPIRED):
        reason = next((one.reason for one in reversed(trail.decisions) if one.reason), "")
        if trail.progress is not None and trail.progress.reason is not None:
            reason = trail.progress.reason.value
    return MessageDocument(
        id=listed.id,
        state=stage,
        at=datetime.fromtimestamp(listed.at_ms / 1000, UTC),
        what=listed.what,
        reason=reason,
        because=REASONS.get(reason, reason),
        sentence=listed.last,
        steps=listed.steps,
    )


_OF_STATES: Final[Mapping[State, Stage]] = {
    State.QUEUED: Stage.WAITING,
    State.SENT: Stage.WAITING,
    State.DELIVERED: Stage.DELIVERED,
    State.READ: Stage.READ,
    State.EXPIRED: Stage.EXPIRED,
    State.FAILED: Stage.DROPPED,
}
_DECISIVE: Final[Mapping[str, Stage]] = {Verb.READ: Stage.READ, Verb.DELIVERED: Stage.DELIVERED}
_CROSSINGS: Final = frozenset(
    {Verb.SENT, Verb.ACKNOWLEDGED, Verb.ARRIVED, Verb.PUT_DOWN, Verb.LEFT_TO_OTHERS, Verb.ALREADY_HERE, Verb.NOT_SERVED}
)
_WAITING: Final = frozenset({Verb.WAITING, Verb.HELD, Verb.COPIED, Verb.TAKEN_BACK, Verb.SITE_HOLDS, Verb.DEPOSITED})
_LOSSES: Final = frozenset({Verb.REFUSED, Verb.DROPPED, Verb.LOST, Verb.REJECTED})
_ASIDE: Final = frozenset({Verb.KNOWN_AS, Verb.STAYED, Verb.ON_AIR})


def _place(cursor: str) -> int | None:
    if not cursor:
        return None
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19):
        raise ProblemError(_BAD_CURSOR, "No list ends there.", "Use the cursor of the page before, or none.")
    return int(cursor)


def _link(call: Call, cursor: str) -> str:
    return f'<{call.request.rel_url.update_query(cursor=cursor)}>; rel="next"'
