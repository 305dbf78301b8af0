"""What is asked and answered over HTTP. An error is a document as of RFC 9457, with a word for programs and what to do."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from aiohttp import web

from gateway.admin.audit import Changes, RequestWitness, unseen
from gateway.admin.federation import FederationControl, FederationRefusal, InviteRequest, JoinRequest, LeaveRequest, RevokeRequest
from gateway.admin.policy import Rules
from gateway.admin.radio import (
    RadioControl,
    ResetDocument,
    ResetRequest,
    ScanDocument,
    ScanRequest,
    heard_document,
    radio_document,
)
from gateway.admin.why import Inquiry
from gateway.admin.wipe import WORD, Wipe, WipeRequest
from gateway.errors import StoreError
from gateway.limits import MAX_AUDIT_PAGE, MAX_WHY_LATEST
from gateway.store.audit import Action

T = TypeVar("T")
MAX_ROW = 2**63 - 1  # what SQLite takes for a number


class ProblemDocument(msgspec.Struct, frozen=True):
    """Why a request was not answered."""

    title: str
    status: int
    detail: str
    code: str  # for programs
    hint: str = ""  # what to do
    type: str = "about:blank"


class ProblemError(Exception):
    """A request that is answered with a problem."""

    def __init__(self, status: int, code: str, detail: str, hint: str = "") -> None:
        super().__init__(detail)
        self.document = ProblemDocument(code.replace("_", " "), status, detail, code, hint)


def routes(
    status: Callable[[], msgspec.Struct],
    radio: RadioControl | None,
    record: Inquiry | None,
    rules: Rules | None,
    federation: FederationControl | None = None,
    wipe: Wipe | None = None,
    changes: Changes | None = None,
    witness: RequestWitness = unseen,
) -> list[web.RouteDef]:
    """Return every route of the API; `witness` notes what each request has changed."""
    asked, told, joined = RadioRequests(radio, witness), RecordRequests(record, changes), FederationRequests(federation, witness)

    async def get_policy(_request: web.Request) -> msgspec.Struct:
        if rules is None:
            raise ProblemError(404, "no_policy", "This gateway goes by no rules.")
        return rules.document()

    async def erase(request: web.Request) -> msgspec.Struct:
        if (await _body(request, WipeRequest)).confirm != WORD:
            raise ProblemError(400, "not_confirmed", f"Nothing was erased: confirm must be {WORD!r}.")
        if wipe is None:
            raise ProblemError(404, "no_wipe", "This gateway keeps nothing that could be erased.")
        witness(request, Action.WIPE_ASKED, "")  # before it: afterwards there is no log
        return await wipe()

    async def get_status(_request: web.Request) -> msgspec.Struct:
        return status()

    return [
        web.get("/api/v1/status", _answering(get_status)),
        web.get("/api/v1/radio", _answering(asked.show)),
        web.post("/api/v1/radio/scan", _answering(asked.scan)),
        web.post("/api/v1/radio/reset", _answering(asked.reset)),
        web.get("/api/v1/policy", _answering(get_policy)),
        web.get("/api/v1/policy/history", _answering(told.history)),
        web.get("/api/v1/why", _answering(told.latest)),
        web.get("/api/v1/why/{id}", _answering(told.why)),
        web.get("/api/v1/audit", _answering(told.changes)),
        web.get("/api/v1/federation", _answering(joined.show)),
        web.post("/api/v1/federation/invite", _answering(joined.invite)),
        web.post("/api/v1/federation/join", _answering(joined.join)),
        web.post("/api/v1/federation/revoke", _answering(joined.revoke)),
        web.post("/api/v1/federation/leave", _answering(joined.leave)),
        web.post("/api/v1/wipe", _answering(erase)),
    ]


class RadioRequests:
    """What can be asked of the radio."""

    def __init__(self, radio: RadioControl | None, witness: RequestWitness) -> None:
        self._radio = radio
        self._witness = witness

    async def show(self, _request: web.Request) -> msgspec.Struct:
        """Answer how the adapters and their links are doing."""
        return radio_document(self._usable().radio(), asyncio.get_running_loop().time())

    async def scan(self, request: web.Request) -> msgspec.Struct:
        """Listen, and answer who is on the air."""
        wanted = await _body(request, ScanRequest)
        radio = self._usable()
        if not any(adapter.central for adapter in radio.radio().adapters):
            raise ProblemError(409, "no_adapter", "No adapter of this gateway searches for phones.", "See: meshgate radio links.")
        rows = await radio.scan_report(wanted.seconds)
        return ScanDocument(wanted.seconds, tuple(heard_document(row, peer_ids=wanted.peer_ids) for row in rows))

    async def reset(self, request: web.Request) -> msgspec.Struct:
        """Take a step of the recovery ladder, and answer how it went."""
        wanted = await _body(request, ResetRequest)
        radio = self._usable()
        from hw.bluez.steps import Outcome, Step  # noqa: PLC0415 -- only a gateway with a radio needs them

        names = [adapter.name for adapter in radio.radio().adapters]
        if not names or wanted.adapter not in (None, *names):
            detail = f"There is no adapter {wanted.adapter} in use." if names else "There is no Bluetooth adapter in use."
            raise ProblemError(404, "no_adapter", detail, "See: meshgate radio links.")
        if wanted.step not in set(Step):
            raise ProblemError(400, "bad_request", f"There is no step {wanted.step!r}.", f"One of: {', '.join(Step)}.")
        step, began = Step(wanted.step), asyncio.get_running_loop().time()
        sentences = await radio.reset(wanted.adapter, step)
        done = all(
            any(one.step is step and one.started >= began and one.outcome is Outcome.OK for one in adapter.history)
            for adapter in radio.radio().adapters
            if adapter.name in names and wanted.adapter in (None, adapter.name)
        )
        self._witness(request, Action.RADIO_RESET, f"{step.value}, {wanted.adapter or 'every adapter'}, {'done' if done else 'failed'}")
        return ResetDocument(done, tuple(sentences))

    def _usable(self) -> RadioControl:
        if self._radio is None:
            hint = "It was started with --simulate, radio.enabled is false, or Meshgate was installed without the extra ble."
            raise ProblemError(404, "no_radio", "This gateway has no Bluetooth radio.", hint)
        return self._radio


class RecordRequests:
    """What can be asked about what became of things."""

    def __init__(self, record: Inquiry | None, changes: Changes | None) -> None:
        self._record = record
        self._changes = changes

    async def why(self, request: web.Request) -> msgspec.Struct:
        """Answer what is known of one ID."""
        try:
            story = await self._usable().why(request.match_info["id"])
        except ValueError as error:
            raise ProblemError(400, "bad_request", f"{error}.".capitalize(), "Write more of the ID.") from error
        except StoreError as error:
            raise ProblemError(503, "store_unavailable", error.sentence, error.remedy) from error
        if not story.id and not story.candidates:
            hint = "See: meshgate why --last 20. It may also be too long ago, or have happened elsewhere."
            raise ProblemError(404, "unknown_id", f"This gateway knows nothing of {story.wanted}.", hint)
        return story

    async def latest(self, request: web.Request) -> msgspec.Struct:
        """Answer what something was done with last."""
        count = request.query.get("last", "20")
        if not (count.isdecimal() and 1 <= int(count) <= MAX_WHY_LATEST):
            raise ProblemError(400, "bad_request", f"last is a number from 1 to {MAX_WHY_LATEST}.")
        try:
            return await self._usable().latest(int(count))
        except StoreError as error:
            raise ProblemError(503, "store_unavailable", error.sentence, error.remedy) from error

    async def history(self, request: web.Request) -> msgspec.Struct:
        """Answer what rules could have seen of the past."""
        asked = [request.query.get(name, "0") for name in ("from_ms", "to_ms", "after")]
        if not all(map(_is_number, asked)):
            raise ProblemError(400, "bad_request", "from_ms, to_ms and after are numbers.")
        try:
            return await self._usable().history(*map(int, asked))
        except StoreError as error:
            raise ProblemError(503, "store_unavailable", error.sentence, error.remedy) from error

    async def changes(self, request: web.Request) -> msgspec.Struct:
        """Answer what was changed, and by which way."""
        limit, cursor = request.query.get("limit", "50"), request.query.get("cursor", str(MAX_ROW))
        if not (_is_number(limit) and 1 <= int(limit) <= MAX_AUDIT_PAGE):
            raise ProblemError(400, "bad_request", f"limit is a number from 1 to {MAX_AUDIT_PAGE}.")
        if not _is_number(cursor):
            raise ProblemError(400, "bad_request", "cursor is the one of the page before.")
        if self._changes is None:
            raise ProblemError(404, "no_record", "This gateway keeps no log of changes.")
        try:
            return await self._changes.page(int(limit), int(cursor))
        except StoreError as error:
            raise ProblemError(503, "store_unavailable", error.sentence, error.remedy) from error

    def _usable(self) -> Inquiry:
        if self._record is None:
            raise ProblemError(404, "no_record", "This gateway keeps no record.")
        return self._record


class FederationRequests:
    """What can be asked of the federation."""

    def __init__(self, federation: FederationControl | None, witness: RequestWitness) -> None:
        self._federation = federation
        self._witness = witness

    async def show(self, request: web.Request) -> msgspec.Struct:
        """Answer who is a member."""
        return await self._usable().show(ask=request.query.get("ask") == "1")

    async def invite(self, request: web.Request) -> msgspec.Struct:
        """Make a ticket."""
        made = await self._usable().invite(await _body(request, InviteRequest))
        self._witness(
            request, Action.MEMBER_INVITED, f"for {made.uses} {'gateway' if made.uses == 1 else 'gateways'}, {' '.join(made.scope)}"
        )
        return made

    async def join(self, request: web.Request) -> msgspec.Struct:
        """Use a ticket."""
        came = await self._usable().join(await _body(request, JoinRequest))
        self._witness(request, Action.FEDERATION_JOINED, came.state)
        return came

    async def revoke(self, request: web.Request) -> msgspec.Struct:
        """Shut somebody out, or take that back."""
        wanted = await _body(request, RevokeRequest)
        done = await self._usable().revoke(wanted)
        self._witness(request, Action.MEMBER_PARDONED if wanted.pardon else Action.MEMBER_REVOKED, "")
        return done

    async def leave(self, request: web.Request) -> msgspec.Struct:
        """Leave."""
        await _body(request, LeaveRequest)
        left = await self._usable().leave()
        self._witness(request, Action.FEDERATION_LEFT, "")
        return left

    def _usable(self) -> FederationControl:
        if self._federation is None:
            hint = "Set transports.libp2p.enabled or transports.websocket.enabled to true, and start the gateway again."
            raise ProblemError(404, "no_federation", "This gateway has no way to other gateways.", hint)
        return self._federation


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= MAX_ROW


async def _body(request: web.Request, kind: type[T]) -> T:
    """Read the request's document; nothing at all means its defaults."""
    data = await request.read() or b"{}"
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise ProblemError(400, "bad_request", f"The request makes no sense: {error}.") from error


def _answering(ask: Callable[[web.Request], Awaitable[msgspec.Struct]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return what aiohttp calls: the document as JSON, or the problem."""

    async def answer(request: web.Request) -> web.Response:
        try:
            return web.Response(body=msgspec.json.encode(await ask(request)), content_type="application/json")
        except FederationRefusal as error:
            document = ProblemDocument(error.code.replace("_", " "), error.status, str(error), error.code, error.hint)
            return web.Response(status=error.status, body=msgspec.json.encode(document), content_type="application/problem+json")
        except ProblemError as error:
            body = msgspec.json.encode(error.document)
            return web.Response(status=error.document.status, body=body, content_type="application/problem+json")

    return answer
