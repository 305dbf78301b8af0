"""One relay: called again and again, asked once for each connection, and a link for as long as it answers.

The link comes up with the first answer to what was asked, an event or the end of the stored ones;
a relay that gives none is hung up on. It goes down with the connection.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

import aiohttp
from aiohttp import WebSocketError, WSCloseCode, WSMessage, WSMsgType

from transports.backoff import Backoff
from transports.limits import (
    NOSTR_ANSWER_S,
    NOSTR_BACKOFF_CAP_S,
    NOSTR_BACKOFF_FIRST_S,
    NOSTR_BURST,
    NOSTR_CLOCK_S,
    NOSTR_FAULTS,
    NOSTR_FRAME,
    NOSTR_HEALTHY_S,
    NOSTR_QUEUE,
    NOSTR_RATE,
    NOSTR_SEND_BURST,
    NOSTR_SEND_RATE,
    STALL_S,
)
from transports.link import Capability, FrameReceived, LinkDown, LinkId, LinkUp, Post, Writable
from transports.nostr.address import RelayAddress
from transports.nostr.calls import RelayCalls
from transports.nostr.errors import RelayError
from transports.nostr.pace import Pace
from transports.nostr.protocol import (
    Answer,
    Aside,
    Closed,
    Event,
    Filter,
    Message,
    NostrError,
    answer_frame,
    decode_message,
    event_frame,
    request,
)

Wall = Callable[[], int | None]
"""Unix seconds, None while the time of day is not known."""


class Relay:
    """One relay of the configuration.

    Args:
        address: where it is.
        filters: what it is asked for.
        calls: makes the connection.
        wall: see `Wall`.
        rng: names of subscriptions, and the jitter between calls.
        post: told what happens.
        counts: what was done, by name; shared by all relays.
        changed: told when the link came up, and whenever a call has ended.
        answer_s: seconds it has for the first answer.

    `why` says why it is not linked, and is empty while it is.

    """

    def __init__(
        self,
        address: RelayAddress,
        filters: Sequence[Filter],
        calls: RelayCalls,
        wall: Wall,
        rng: random.Random,
        post: Post,
        counts: Counter[str],
        changed: Callable[["Relay"], None],
        answer_s: float = NOSTR_ANSWER_S,
    ) -> None:
        self.address = address
        self.link = LinkId(f"nostr:{address.place}")
        self.why = "not called yet"
        self._filters = filters
        self._calls = calls
        self._wall = wall
        self._rng = rng
        self._post = post
        self._counts = counts
        self._changed = changed
        self._answer_s = answer_s
        self._loop = asyncio.get_running_loop()
        self._up_since: float | None = None
        self._queue: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._refused = False  # somebody waits for `Writable`
        self._closing = ""  # why the gateway wants it to end
        self._faults = 0
        self._talking: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        """Whether there is a link."""
        return self._up_since is not None

    def offer(self, frame: bytes) -> bool:
        """Take a frame to send; False if it must wait or there is no link."""
        if not self.is_up:
            return False
        if len(self._queue) >= NOSTR_QUEUE:
            self._refused = True
            return False
        self._queue.append(frame)
        self._news.set()
        return True

    def close(self, why: str) -> None:
        """End the connection; the relay is called again later."""
        if self.is_up and self._talking is not None and not self._closing:
            self._closing = why
            self._talking.cancel()

    async def keep_calling(self) -> NoReturn:
        """Have a link whenever that is possible, until cancelled."""
        backoff = Backoff(self._rng, first=NOSTR_BACKOFF_FIRST_S, cap=NOSTR_BACKOFF_CAP_S)
        while True:
            now_s = await self._time()
            began = self._loop.time()
            talking = self._talking = asyncio.create_task(self._talk(now_s), name=f"relay {self.address.place}")
            try:
                await asyncio.wait([talking])
            finally:
                talking.cancel()
                await asyncio.gather(talking, return_exceptions=True)
            try:
                talking.result()
            except RelayError as error:
                self.why = str(error)
                self._counts[error.count] += 1
            except asyncio.CancelledError:  # only `close` does that, for whoever cancels this has cancelled `wait`
                self.why = self._closing
            self._closing = ""
            self._changed(self)
            if self._loop.time() - began >= NOSTR_HEALTHY_S:
                backoff.reset()
            await asyncio.sleep(backoff.next())

    async def _time(self) -> int:
        """Return the time of day, once it is known."""
        now_s = self._wall()
        while now_s is None:
            await asyncio.sleep(NOSTR_CLOCK_S)
            now_s = self._wall()
        return now_s

    async def _talk(self, now_s: int) -> None:
        """One connection from its beginning to its end."""
        socket = await self._calls.call(self.address)
        writing: asyncio.Task[None] | None = None
        why = "this gateway stops"
        self._faults = 0
        try:
            subscription = self._rng.randbytes(8).hex()
            pace = Pace(NOSTR_RATE, NOSTR_BURST)
            await _send(socket, request(subscription, self._filters, now_s))
            await self._until_it_answers(socket, subscription, pace)
            writing = asyncio.create_task(self._write(socket), name=f"writes to relay {self.address.place}")
            while True:
                self._take(await self._next(socket, pace), subscription)
        except RelayError as error:
            why = str(error)
            raise
        except asyncio.CancelledError:
            why = self._closing or why
            raise
        finally:
            if writing is not None:
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)
            if self.is_up:
                self._up_since = None
                self._queue.clear()
                self._refused = False
                self._post(LinkDown(self.link, why))
            with suppress(OSError, RuntimeError, TimeoutError):
                await socket.close()

    async def _until_it_answers(self, socket: aiohttp.ClientWebSocketResponse, subscription: str, pace: Pace) -> None:
        try:
            async with asyncio.timeout(self._answer_s):
                while not self.is_up:
                    self._take(await self._next(socket, pace), subscription)
        except TimeoutError:
            raise RelayError(f"no answer to what was asked within {self._answer_s:g} seconds", "unanswered") from None

    async def _next(self, socket: aiohttp.ClientWebSocketResponse, pace: Pace) -> Message | None:
        """Return what the relay says next, None if that is no message of the protocol."""
        try:
            message = await socket.receive()
        except (OSError, RuntimeError):  # aiohttp raises the latter on a connection that is closed
            raise RelayError("the connection broke", "lost") from None
        if message.type is not WSMsgType.TEXT and message.type is not WSMsgType.BINARY:
            raise _ended(message)
        if pace.wait(self._loop.time()):
            raise RelayError("it sends too much", "flooded")
        self._counts["messages"] += 1
        try:
            return decode_message(message.data if message.type is WSMsgType.TEXT else "")
        except NostrError:
            self._fault("garbage")
            return None

    def _take(self, message: Message | None, subscription: str) -> None:
        if message is None:
            return
        if isinstance(message, Aside):
            self._counts[message.kind.lower()] += 1
            return
        if isinstance(message, Answer):
            self._counts["answers"] += 1
            if self.is_up:
                self._post(FrameReceived(self.link, answer_frame(message)))
            return
        if message.subscription != subscription:
            self._fault("stray")
            return
        if isinstance(message, Closed):
            raise RelayError(f"it ends the subscription ({message.word})", "closed")
        if not self.is_up:
            self.why = ""
            self._up_since = self._loop.time()
            self._counts["links_up"] += 1
            self._changed(self)
            self._post(LinkUp(self.link, NOSTR_FRAME, Capability.RELAY))
        if isinstance(message, Event):
            self._counts["events"] += 1
            self._post(FrameReceived(self.link, event_frame(message.event)))

    def _fault(self, count: str) -> None:
        self._counts[count] += 1
        self._faults += 1
        if self._faults > NOSTR_FAULTS:
            raise RelayError("it does not keep to the protocol", "nonsense")

    async def _write(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        pace = Pace(NOSTR_SEND_RATE, NOSTR_SEND_BURST)
        try:
            while True:
                while not self._queue:
                    self._news.clear()
                    await self._news.wait()
                if wait := pace.wait(self._loop.time()):
                    await asyncio.sleep(wait)
                    continue
                async with asyncio.timeout(STALL_S):
                    await socket.send_str(self._queue[0].decode())
                self._queue.popleft()
                self._counts["sent"] += 1
                if self._refused:
                    self._refused = False
                    self._post(Writable(self.link))
        except (OSError, RuntimeError, TimeoutError):
            self.close("it takes nothing")


async def _send(socket: aiohttp.ClientWebSocketResponse, text: str) -> None:
    try:
        async with asyncio.timeout(STALL_S):
            await socket.send_str(text)
    except (OSError, RuntimeError, TimeoutError):
        raise RelayError("the connection broke", "lost") from None


def _ended(message: WSMessage) -> RelayError:
    error = message.data
    if message.type is WSMsgType.ERROR and isinstance(error, WebSocketError) and error.code == WSCloseCode.MESSAGE_TOO_BIG:
        return RelayError("it sent something too large", "oversized")
    if message.type is WSMsgType.ERROR:
        return RelayError("it broke the rules of WebSocket, or does not answer a ping", "lost")
    return RelayError("it hung up", "lost")
