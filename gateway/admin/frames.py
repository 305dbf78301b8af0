"""The packet monitor: headers of the frames that come and go, ``/api/v1/diagnostics/frames``.

Nobody's words are in it, and a peer ID only where an admin asks for it. Frames are watched while somebody looks: a look begins it, and
`WATCH_S` after the last one it ends. Until then and after that it costs a comparison a frame.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final, NamedTuple

import msgspec

from gateway.admin.access.roles import Role
from gateway.admin.limits import MAX_FRAMES_WATCHED, MAX_LINKS_WATCHED, WATCH_S
from gateway.admin.problems import ROLE_NEEDED, Problem, ProblemError
from gateway.admin.route import Answers, Call, Route
from gateway.errors import DecodeError, Reason
from gateway.mesh.effects import Effect, SendFrame
from gateway.mesh.records import Decided
from gateway.wire.packet import peek
from gateway.wire.types import MessageType
from transports.link import FrameReceived, LinkId

NOT_RUNNING: Final = Problem(503, "not_running", "the gateway does not move frames yet")
_NAMES: Final = {one.value: one.name.lower() for one in MessageType}
_SITE: Final = "site"  # what a link between gateways carries is not one packet


class Way(StrEnum):
    """Whether a frame came or went."""

    IN = "in"
    OUT = "out"


class FrameDocument(msgspec.Struct, frozen=True):
    """The header of one frame."""

    at: datetime | None  # None while the time of day is not known
    ago_s: float
    way: Way
    link: int | None  # its number; None for several
    links: int  # how many it went to
    over: str  # the transport
    kind: str  # name of the type, 0x.. for one without a name, site for what goes between gateways, empty if it has no header
    size: int  # bytes
    ttl: int | None
    directed: bool | None
    signed: bool | None
    verdict: str  # taken, sent, or what was done with it
    reason: str  # why not, empty otherwise
    sender: str | None = None  # peer ID, hexadecimal; None where nobody asked


class FramesDocument(msgspec.Struct, frozen=True):
    """``GET /api/v1/diagnostics/frames``: the latest first."""

    watched_s: float  # since when frames are watched; 0 if this look begins it
    passed: int  # frames since then
    frames: tuple[FrameDocument, ...]


class FramesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which frames."""

    kind: Annotated[str, msgspec.Meta(max_length=32)] = ""
    way: Way | None = None
    link: Annotated[int, msgspec.Meta(ge=1)] | None = None
    verdict: Annotated[str, msgspec.Meta(max_length=32)] = ""  # or a reason
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_FRAMES_WATCHED)] = 100
    peer_ids: bool = False  # whether to tell them, to an admin


ROUTES: Final = (
    Route(
        name="watch_frames",
        method="GET",
        path="/api/v1/diagnostics/frames",
        role=Role.OPERATOR,
        query=FramesQuery,
        answer=FramesDocument,
        problems=(NOT_RUNNING,),
        summary="Headers of the frames that come and go while somebody looks, without what they say.",
    ),
)


class Seen(NamedTuple):
    """What is kept of one frame."""

    at: float  # monotonic seconds
    way: Way
    link: int | None
    links: int
    over: str
    kind: str
    size: int
    ttl: int | None
    directed: bool | None
    signed: bool | None
    verdict: str
    reason: str
    sender: bytes


class FrameMonitor:
    """Keeps the last headers, for as long as somebody looks at them.

    Args:
        drops: how many frames the mesh has dropped, by reason.

    """

    def __init__(self, drops: Mapping[Reason, int]) -> None:
        self._drops = drops
        self._ring: deque[Seen] = deque(maxlen=MAX_FRAMES_WATCHED)
        self._numbers: dict[LinkId, int] = {}
        self.passed = 0

    def __iter__(self) -> "reversed[Seen]":
        """Return an iterator over what is kept, the latest first."""
        return reversed(self._ring)

    def came(self, event: FrameReceived, now: float, handle: Callable[[FrameReceived, float], list[Effect]], *, wide: bool) -> list[Effect]:
        """See what becomes of a frame."""
        before = dict(self._drops)
        effects = handle(event, now)
        reason = next((one for one, count in self._drops.items() if count != before.get(one, 0)), None)
        refused = next((one for one in effects if type(one) is Decided and one.reason is not None), None)
        verdict = "dropped" if reason is not None else "taken" if refused is None else refused.verb.value
        said = reason or (refused.reason if refused is not None else None)
        self._note(event.frame, Way.IN, (event.link,), now, verdict, "" if said is None else said.value, wide=wide)
        return effects

    def went(self, effect: SendFrame, now: float, *, wide: bool) -> None:
        """See a frame leave."""
        self._note(effect.frame, Way.OUT, effect.links, now, "sent", "", wide=wide)

    def _note(self, frame: bytes, way: Way, links: tuple[LinkId, ...], now: float, verdict: str, reason: str, *, wide: bool) -> None:
        kind, ttl, directed, signed, sender = _SITE, None, None, None, b""
        if not wide:
            try:
                header = peek(frame)
            except DecodeError:
                kind = ""
            else:
                kind, ttl, sender = _NAMES.get(header.type, f"0x{header.type:02x}"), header.ttl, header.sender_id
                directed, signed = not header.is_broadcast, header.has_signature
        number = self._number(links[0]) if len(links) == 1 else None
        over = links[0].partition(":")[0]
        self.passed += 1
        self._ring.append(Seen(now, way, number, len(links), over, kind, len(frame), ttl, directed, signed, verdict, reason, sender))

    def _number(self, link: LinkId) -> int:
        if link not in self._numbers and len(self._numbers) >= MAX_LINKS_WATCHED:
            self._numbers.clear()
        return self._numbers.setdefault(link, len(self._numbers) + 1)


class Frames:
    """Answers with what was seen, and sees to it that somebody looks only while somebody asks.

    Args:
        drops: how many frames the mesh has dropped, by reason.
        attach: begins or, with None, ends the watching; false while there is nothing to watch.
        wall: Unix seconds, None while nobody knows them.

    """

    def __init__(
        self, drops: Mapping[Reason, int], attach: Callable[[FrameMonitor | None], bool], wall: Callable[[], float | None]
    ) -> None:
        self._drops = drops
        self._attach = attach
        self._wall = wall
        self._monitor: FrameMonitor | None = None
        self._began = 0.0
        self._end: asyncio.TimerHandle | None = None

    def answers(self) -> Answers:
        """Return who answers."""
        return {"watch_frames": self._get}

    def close(self) -> None:
        """Watch no longer."""
        if self._end is not None:
            self._end.cancel()
        self._end = self._monitor = None
        self._attach(None)

    async def _get(self, call: Call) -> FramesDocument:
        asked, loop = call.query(FramesQuery), asyncio.get_running_loop()
        if asked.peer_ids and (call.role is None or call.role < Role.ADMIN):
            raise ProblemError(ROLE_NEEDED, "Only an admin is told peer IDs.")
        if self._monitor is None:
            monitor = FrameMonitor(self._drops)
            if not self._attach(monitor):
                raise ProblemError(NOT_RUNNING, "The gateway does not move frames yet.", "Ask again in a moment.")
            self._monitor, self._began = monitor, loop.time()
        if self._end is not None:
            self._end.cancel()
        self._end = loop.call_later(WATCH_S, self.close)
        now, wall = loop.time(), self._wall()
        found = [one for one in self._monitor if _fits(one, asked)][: asked.limit]
        shown = tuple(_document(one, now, wall, peer_ids=asked.peer_ids) for one in found)
        return FramesDocument(round(now - self._began, 1), self._monitor.passed, shown)


def _fits(one: Seen, asked: FramesQuery) -> bool:
    return (
        asked.kind in ("", one.kind)
        and asked.way in (None, one.way)
        and asked.link in (None, one.link)
        and asked.verdict in ("", one.verdict, one.reason)
    )


def _document(one: Seen, now: float, wall: float | None, *, peer_ids: bool) -> FrameDocument:
    ago = max(0.0, now - one.at)
    at = None if wall is None else datetime.fromtimestamp(round(wall - ago, 3), UTC)
    sender = one.sender.hex() if peer_ids and one.sender else None
    return FrameDocument(
        at,
        round(ago, 3),
        one.way,
        one.link,
        one.links,
        one.over,
        one.kind,
        one.size,
        one.ttl,
        one.directed,
        one.signed,
        one.verdict,
        one.reason,
        sender,
    )
