"""Sending as the gateway itself, and asking whether somebody is there: ``POST /api/v1/messages`` and ``POST /api/v1/ping``."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec
from aiohttp import web

from gateway.admin.access.roles import Role
from gateway.admin.answering import document_response
from gateway.admin.audit import CallWitness, not_noted
from gateway.admin.limits import MAX_NOTICE, MAX_PINGS, MAX_RECEIPTS_KEPT, PING_WAIT_S, SEND_BURST, SEND_RATE
from gateway.admin.messages import MessageDocument, Stage
from gateway.admin.peers import NO_PEER
from gateway.admin.problems import BAD_REQUEST, Problem, ProblemError
from gateway.admin.route import Answers, Call, Route
from gateway.mesh.effects import Effect, Pong, Receipt
from gateway.mesh.events import MeshEvent, Ping, Say, Whisper
from gateway.mesh.peers import PeerTable
from gateway.mesh.records import Decided, Verb
from gateway.session.rate import TokenBucket
from gateway.store.audit import Action

ISLAND: Final = "island"
MAX_WHISPER: Final = 255  # bytes of UTF-8 of a private message
_KEY: Final = "Idempotency-Key"
_ANOTHER: Final = Problem(409, "key_used", "that Idempotency-Key was used for another message")
_TOO_MANY: Final = Problem(429, "too_many", "so much was sent lately that the phones would suffer")
_SILENT: Final = Problem(503, "silent", "the gateway does not speak yet, because it does not know the time of day")
_NO_ANSWER: Final = Problem(504, "no_answer", "nobody answered in time")


class Sent(StrEnum):
    """How far a message of the gateway's own has come."""

    QUEUED = "queued"  # it leaves when there is a session with whom it is for
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"


class SendRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be sent, and to whom."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NOTICE)]
    to: Annotated[str, msgspec.Meta(max_length=64)] = ISLAND  # or a peer ID: then it is a private message
    urgent: bool = False  # goes ahead of what others say, on busy links


class ReceiptDocument(msgspec.Struct, frozen=True):
    """A message of the gateway's own; `why` and ``GET /api/v1/messages`` know it by its ID."""

    id: str
    to: str
    state: Sent
    at: datetime | None  # None while the time of day is not known


class PingRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to ask."""

    target: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]  # a peer ID, or the peer ID of a linked site


class PingDocument(msgspec.Struct, frozen=True):
    """Somebody answered."""

    target: str
    kind: str  # peer or site
    seconds: float
    hops: int | None  # over the radio; None where that makes no sense


ROUTES: Final = (
    Route(
        name="send_message",
        method="POST",
        path="/api/v1/messages",
        role=Role.OPERATOR,
        body=SendRequest,
        answer=ReceiptDocument,
        status=202,
        problems=(NO_PEER, _ANOTHER, _TOO_MANY, _SILENT),
        changes=True,
        headers=((_KEY, "a word of your own: the same message with the same word is sent once"),),
        summary="Send a notice to the island, or a private message to one peer, as the gateway; answers with a receipt.",
    ),
    Route(
        name="ping",
        method="POST",
        path="/api/v1/ping",
        role=Role.OPERATOR,
        body=PingRequest,
        answer=PingDocument,
        problems=(NO_PEER, _TOO_MANY, _SILENT, _NO_ANSWER),
        summary="Ask a peer or a site whether it is there, and wait for the answer.",
    ),
)

AskSite = Callable[[str], Awaitable[bool]]
"""Asks a linked site how it is; false if it does not answer. Raises `KeyError` if no such site is linked."""


class Sending:
    """Sends, and remembers what came of it.

    Args:
        give: hands the engine an event; None while the gateway is not running.
        peers: who is there.
        ask_site: see `AskSite`.
        wall: Unix seconds, None while nobody knows them.
        randbytes: source of IDs.
        note: notes that something was sent, and neither what nor to whom.

    """

    def __init__(
        self,
        give: Callable[[], Callable[[MeshEvent], None] | None],
        peers: PeerTable,
        ask_site: AskSite,
        wall: Callable[[], float | None],
        randbytes: Callable[[int], bytes],
        note: CallWitness = not_noted,
    ) -> None:
        self._give = give
        self._peers = peers
        self._ask_site = ask_site
        self._wall = wall
        self._randbytes = randbytes
        self._note = note
        self._receipts: OrderedDict[str, ReceiptDocument] = OrderedDict()
        self._keys: OrderedDict[str, tuple[bytes, str]] = OrderedDict()
        self._budget = TokenBucket(SEND_RATE, SEND_BURST)
        self._said: list[str] = []  # IDs of what was said lately; one at most
        self._pings: dict[bytes, list[asyncio.Future[Pong]]] = {}

    def answers(self) -> Answers:
        """Return who answers."""
        return {"send_message": self._send, "ping": self._ping}

    def take(self, effect: Effect) -> None:
        """Note what the engine says of messages of our own, and of pongs."""
        match effect:
            case Decided(verb=Verb.SAID):
                subject = effect.subject
                self._said = [subject.hex() if isinstance(subject, bytes) else subject]
            case Receipt(_, message_id, kind) if message_id.lower() in self._receipts:
                before = self._receipts[message_id.lower()]
                if before.state is not Sent.READ:
                    self._receipts[before.id] = msgspec.structs.replace(before, state=Sent(kind))
            case Pong(sender_id):
                for waiting in self._pings.pop(sender_id, ()):
                    if not waiting.done():
                        waiting.set_result(effect)

    async def _send(self, call: Call) -> web.Response:
        wanted = call.body(SendRequest)
        key, digest = call.request.headers.get(_KEY, "")[:64], hashlib.sha256(msgspec.json.encode(wanted)).digest()
        if key and key in self._keys:
            before, known = self._keys[key]
            if before != digest:
                raise ProblemError(_ANOTHER, "That Idempotency-Key was used for another message.", "Take a new one.")
            return self._accepted(self._receipts[known])
        recipient = self._recipient(wanted)
        give = self._ready()
        receipt = self._notice(wanted, give) if recipient is None else self._whisper(wanted, recipient, give)
        self._note(call, Action.NOTICE_SENT, "to everybody near" if recipient is None else "to one peer")
        self._receipts[receipt.id] = receipt
        if key:
            self._keys[key] = (digest, receipt.id)
        while len(self._receipts) > MAX_RECEIPTS_KEPT:
            gone, _ = self._receipts.popitem(last=False)
            self._keys = OrderedDict((name, value) for name, value in self._keys.items() if value[1] != gone)
        return self._accepted(receipt)

    def _recipient(self, wanted: SendRequest) -> bytes | None:
        most = MAX_NOTICE if wanted.to == ISLAND else MAX_WHISPER
        if len(wanted.text.encode(errors="replace")) > most or not wanted.text.isprintable():
            hint = "Line breaks and control characters are not sent."
            raise ProblemError(BAD_REQUEST, f"The text has more than {most} bytes, or something in it that cannot be shown.", hint)
        return None if wanted.to == ISLAND else self._known(wanted.to)

    def _notice(self, wanted: SendRequest, give: Callable[[MeshEvent], None]) -> ReceiptDocument:
        self._said.clear()
        give(Say(wanted.text, urgent=wanted.urgent))
        if not self._said:
            raise ProblemError(_SILENT, "The gateway does not speak, because nobody vouches for its time of day.", "See: meshgate status.")
        return ReceiptDocument(self._said[0], ISLAND, Sent.SENT, self._time())

    def _whisper(self, wanted: SendRequest, recipient: bytes, give: Callable[[MeshEvent], None]) -> ReceiptDocument:
        name = str(UUID(bytes=self._randbytes(16), version=4)).upper()
        give(Whisper(recipient, name, wanted.text))
        return ReceiptDocument(name.lower(), wanted.to, Sent.QUEUED, self._time())

    async def _ping(self, call: Call) -> PingDocument:
        target = call.body(PingRequest).target.strip()
        began = asyncio.get_running_loop().time()
        with suppress(KeyError):
            if not await self._ask_site(target):
                raise ProblemError(_NO_ANSWER, f"The site {target} did not answer.", "See: meshgate transports.")
            return PingDocument(target, "site", round(asyncio.get_running_loop().time() - began, 3), None)
        peer = self._known(target)
        if sum(map(len, self._pings.values())) >= MAX_PINGS:
            raise ProblemError(_TOO_MANY, "Several pings wait for their answer.", "Ask again in a moment.", {"Retry-After": "10"})
        give = self._ready()
        waiting: asyncio.Future[Pong] = asyncio.get_running_loop().create_future()
        self._pings.setdefault(peer, []).append(waiting)
        try:
            give(Ping(peer))
            async with asyncio.timeout(PING_WAIT_S):
                pong = await waiting
        except TimeoutError as error:
            detail = f"{target} did not answer within {PING_WAIT_S:.0f} s."
            raise ProblemError(_NO_ANSWER, detail, "It may be out of reach; some phones do not answer at all.") from error
        finally:
            left = [one for one in self._pings.pop(peer, ()) if one is not waiting]
            if left:
                self._pings[peer] = left
        return PingDocument(target, "peer", round(pong.round_trip, 3), pong.hops)

    def _known(self, text: str) -> bytes:
        try:
            peer_id = bytes.fromhex(text)
        except ValueError:
            peer_id = b""
        if self._peers.get(peer_id) is None:
            raise ProblemError(NO_PEER, f"Nobody with the ID {text!r} is known now.", "See: meshgate peers.")
        return peer_id

    def _ready(self) -> Callable[[MeshEvent], None]:
        give = self._give()
        if give is None:
            raise ProblemError(_SILENT, "The gateway does not run yet.", "Ask again in a moment.")
        if not self._budget.take(asyncio.get_running_loop().time()):
            detail = "So much was sent lately that the phones would suffer."
            raise ProblemError(_TOO_MANY, detail, "Ask again in a few seconds.", {"Retry-After": str(int(1 / SEND_RATE))})
        return give

    def _accepted(self, receipt: ReceiptDocument) -> web.Response:
        return document_response(receipt, status=202, headers={"Location": f"/api/v1/messages/{receipt.id}"})

    def _time(self) -> datetime | None:
        wall = self._wall()
        return None if wall is None else datetime.fromtimestamp(round(wall, 3), UTC)

    def message(self, message_id: str) -> MessageDocument | None:
        """Return a message of our own of which nobody else has heard anything yet, None if there is none like that."""
        found = self._receipts.get(message_id.lower())
        if found is None or found.at is None:
            return None
        sentence = f"It waits until {found.to} has proved to be there, or says that it has it."
        return MessageDocument(found.id, Stage.WAITING, found.at, "private message", "", "", sentence, 0)
