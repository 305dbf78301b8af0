"""A small real Nostr relay, NIP-01 over aiohttp, and how it behaves when it is not kind.

As a program it listens on a free port of 127.0.0.1, prints its address, and serves until it is stopped:
``python relays.py``. What it is asked over HTTP at ``/seen`` it answers with everything that was published.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from gateway.errors import DecodeError
from gateway.wire.nostr import NostrEvent, decode_event
from gateway.wire.nostr_signing import is_authentic

Socket = web.WebSocketResponse
Manner = Callable[["TestRelay", Socket, list], Awaitable[bool]]
"""Told of each message before the relay acts on it; True if that was all there is to do."""


class TestRelay:
    """What was published, who has subscribed to what."""

    __test__ = False

    def __init__(self, manner: Manner | None = None) -> None:
        self.url = ""
        self.manner = manner
        self.events: list[dict] = []
        self.said: list[list] = []  # by clients
        self.headers: list[dict[str, str]] = []
        self.subscriptions: dict[Socket, dict[str, list[dict]]] = {}
        self.calls = 0
        self.news = asyncio.Event()
        self._waiting: list[asyncio.Event] = []

    async def connect(self, request: web.Request) -> Socket:
        self.calls += 1
        self.headers.append(dict(request.headers))
        socket = web.WebSocketResponse(max_msg_size=1 << 20)
        await socket.prepare(request)
        self.subscriptions[socket] = {}
        self.tell()
        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    await self.take(socket, json.loads(message.data))
        finally:
            del self.subscriptions[socket]
            self.tell()
        return socket

    async def take(self, socket: Socket, message: list) -> None:
        self.said.append(message)
        if self.manner is None or not await self.manner(self, socket, message):
            match message:
                case ["REQ", subscription, *filters]:
                    self.subscriptions[socket][subscription] = filters
                    for event in [event for event in self.events if fits(event, filters)][-filters[0]["limit"] :]:
                        await socket.send_json(["EVENT", subscription, event])
                    await socket.send_json(["EOSE", subscription])
                case ["EVENT", event]:
                    await socket.send_json(["OK", event["id"], *self.judge(event)])
                case ["CLOSE", subscription]:
                    self.subscriptions[socket].pop(subscription, None)
        self.tell()

    def judge(self, event: dict) -> tuple[bool, str]:
        """Take an event if it is what its author signed."""
        if any(known["id"] == event["id"] for known in self.events):
            return True, "duplicate: already have this event"
        try:
            true = is_authentic(decode_event(json.dumps(event).encode()))
        except DecodeError:
            true = False
        if not true:
            return False, "invalid: not what somebody signed"
        self.spread(event)
        return True, ""

    def spread(self, event: dict) -> None:
        """Keep an event and send it to everybody who asked for such; nothing is checked."""
        self.events.append(event)
        for socket, subscriptions in self.subscriptions.items():
            for subscription, filters in subscriptions.items():
                if fits(event, filters):
                    self._later(socket.send_json(["EVENT", subscription, event]))

    async def say(self, text: str) -> None:
        """Say this to everybody."""
        for socket in list(self.subscriptions):
            await socket.send_str(text)

    def _later(self, sending: Awaitable[None]) -> None:
        task = asyncio.ensure_future(sending)
        _SENDING.add(task)
        task.add_done_callback(_SENDING.discard)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    def tell(self) -> None:
        self.news.set()
        self.news = asyncio.Event()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(8):
            while not condition():
                await self.news.wait()

    def published(self) -> list[str]:
        return [message[1]["id"] for message in self.said if message[0] == "EVENT"]


_SENDING: set[asyncio.Future] = set()


def fits(event: dict, filters: list[dict]) -> bool:
    """NIP-01's rule: any filter, all of its conditions."""
    return any(
        event["kind"] in one["kinds"]
        and event["created_at"] >= one.get("since", 0)
        and all(
            any(tag[:1] == [name[1:]] and tag[1] in values for tag in event["tags"] if len(tag) > 1)
            for name, values in one.items()
            if name.startswith("#")
        )
        for one in filters
    )


def as_json(event: NostrEvent) -> dict:
    """An event as relays write it."""
    return {
        "id": event.event_id,
        "pubkey": event.pubkey,
        "created_at": event.created_at,
        "kind": event.kind,
        "tags": [list(tag) for tag in event.tags],
        "content": event.content,
        "sig": event.sig,
    }


@asynccontextmanager
async def serving(relay: TestRelay, tls: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[TestRelay]:
    """Let a relay listen on loopback."""
    app = web.Application()

    async def seen(_request: web.Request) -> web.Response:
        return web.json_response(relay.events)

    app.add_routes([web.get("/", relay.connect), web.get("/seen", seen)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls)
    await site.start()
    where = runner.addresses[0]
    relay.url = f"{'wss' if tls else 'ws'}://{where[0]}:{where[1]}"
    try:
        yield relay
    finally:
        for socket in list(relay.subscriptions):
            await socket.close()
        await runner.cleanup()


async def main() -> None:
    async with serving(TestRelay()) as relay:
        print(relay.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
