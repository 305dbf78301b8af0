"""``/api/v1/events``: what happens, over a WebSocket or as server-sent events, at the same path."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Annotated, Final

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from gateway.admin.access.roles import Role
from gateway.admin.feed import Feed, Follower, FullError, Topic
from gateway.admin.limits import MAX_EVENT_REQUEST
from gateway.admin.problems import BAD_REQUEST, Problem, ProblemError
from gateway.admin.route import Answers, Call, Route

PROTOCOL: Final = "meshgate.v1"
PING_S: Final = 30.0  # seconds between two signs of life
SEND_S: Final = 30.0  # seconds somebody may take nothing of what it is sent
FIRST_S: Final = 1.0  # seconds to say over a WebSocket what is to be followed, before it is everything
_TOO_MANY: Final = Problem(503, "too_many_listeners", "so many follow already that nobody else can")


class EventsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is followed, with commas between the topics, and the ID after which to go on."""

    subscribe: Annotated[str, msgspec.Meta(max_length=200)] = ""
    since: Annotated[str, msgspec.Meta(max_length=64)] = ""


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same, as it is said over a WebSocket at any time."""

    subscribe: tuple[Topic, ...] = ()
    since: Annotated[str, msgspec.Meta(max_length=64)] = ""


ROUTES: Final = (
    Route(
        name="follow_events",
        method="GET",
        path="/api/v1/events",
        role=Role.VIEWER,
        query=EventsQuery,
        media="text/event-stream",
        also=(101,),
        problems=(_TOO_MANY,),
        headers=(("Last-Event-ID", "the same as `since`, as browsers send it"),),
        summary="What happens: a WebSocket (subprotocol meshgate.v1) if one is asked for, else server-sent events.",
    ),
)


class Stream:
    """Serves those who follow.

    Args:
        feed: what happens.

    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def answers(self) -> Answers:
        """Return who answers."""
        return {"follow_events": self.follow}

    async def follow(self, call: Call) -> web.StreamResponse:
        """Let somebody follow until it goes."""
        asked = call.query(EventsQuery)
        topics, since = _topics(asked.subscribe), asked.since or call.request.headers.get("Last-Event-ID", "")
        try:
            follower = self._feed.follow(topics, since, names=call.sees_names)
        except FullError as error:
            raise ProblemError(_TOO_MANY, f"{error}.", "Close a page, or try again later.", {"Retry-After": "30"}) from error
        try:
            if call.request.headers.get("Upgrade", "").lower() == "websocket":
                return await _over_websocket(call.request, follower, said=bool(topics or since))
            return await _as_lines(call.request, follower)
        finally:
            self._feed.leave(follower)


async def _over_websocket(request: web.Request, follower: Follower, *, said: bool) -> web.StreamResponse:
    socket = web.WebSocketResponse(protocols=(PROTOCOL,), heartbeat=PING_S, timeout=1.0, max_msg_size=MAX_EVENT_REQUEST)
    await socket.prepare(request)
    heard = asyncio.Event()
    if said:
        heard.set()
    reading = asyncio.create_task(_read(socket, follower, heard), name="events")
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_S):
                await heard.wait()
        await _pass_on(follower, lambda text: socket.send_str(text.decode()))
        await socket.close(code=WSCloseCode.GOING_AWAY)
    except TimeoutError:
        await socket.close(code=WSCloseCode.TRY_AGAIN_LATER)
    finally:
        reading.cancel()
    return socket


async def _read(socket: web.WebSocketResponse, follower: Follower, heard: asyncio.Event) -> None:
    """Take what is said until the other end goes."""
    try:
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                wish = msgspec.json.decode(message.data, type=Wish)
            except msgspec.DecodeError as error:
                await socket.close(code=WSCloseCode.INVALID_TEXT, message=str(error).encode()[:100])
                return
            follower.choose(wish.subscribe, wish.since)
            heard.set()
    finally:
        heard.set()
        follower.end()


async def _as_lines(request: web.Request, follower: Follower) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)

    with suppress(ConnectionError, TimeoutError):
        while not follower.has_ended:
            try:
                async with asyncio.timeout(PING_S):
                    news = await follower.next()
            except TimeoutError:
                await _in_time(response.write(b": still here\n\n"))
                continue
            await _in_time(response.write(b"".join(map(_lines, news))))
    return response


def _lines(text: bytes) -> bytes:
    """Return an event as it is sent to a browser."""
    event = msgspec.json.decode(text, type=_Head)
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (event.id.encode(), event.type.encode(), text)


async def _pass_on(follower: Follower, send: Callable[[bytes], Awaitable[None]]) -> None:
    """Send news until there are no more; raises `TimeoutError` if the other end takes nothing."""
    with suppress(ConnectionError):
        while news := await follower.next():
            for text in news:
                await _in_time(send(text))


async def _in_time(sending: Awaitable[None]) -> None:
    async with asyncio.timeout(SEND_S):
        await sending


class _Head(msgspec.Struct, frozen=True):
    id: str
    type: str


def _topics(text: str) -> tuple[Topic, ...]:
    try:
        return tuple(Topic(one.strip()) for one in text.split(",") if one.strip())
    except ValueError as error:
        raise ProblemError(BAD_REQUEST, f"{error}.".capitalize(), f"The topics are: {', '.join(Topic)}.") from error
