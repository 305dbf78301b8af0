"""One connection whose both ends are proved: a task that reads it, a task that writes it.

What is written is a stream of bytes (`docs/protocol/sites.md`); how it is cut into messages means nothing.
A write that stalls ends the connection, because the member does not read.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from aiohttp import WSMessage, WSMsgType

from transports.limits import WS_GOODBYE_S, WS_PIECE


class Socket(Protocol):
    """What `aiohttp` gives to the caller and to the listener alike."""

    async def receive(self) -> WSMessage:
        """The next message; a message of type CLOSED once there are no more."""

    async def send_bytes(self, data: bytes) -> None:
        """Write a message; returns when there is room for the next."""

    async def close(self, *, code: int = 1000, message: bytes = b"") -> bool:
        """Say that nothing more comes, and wait a moment for the other end to say so."""


Feed = Callable[["Stream", bytes], None]
Written = Callable[["Stream", int], None]


class Stream:
    """A connection with one member.

    Args:
        number: names it for as long as the transport runs.
        peer_id: who is at the other end; proved.
        dialled: whether this gateway called.
        socket: the connection.
        abort: ends it without another word.
        stall_s: seconds one write may take.

    """

    def __init__(self, number: int, peer_id: str, socket: Socket, abort: Callable[[], None], *, dialled: bool, stall_s: float) -> None:
        self.number = number
        self.peer_id = peer_id
        self.dialled = dialled
        self.began = asyncio.get_running_loop().time()
        self.why = ""  # once it is over
        self.stalled = False
        self._socket = socket
        self._abort = abort
        self._stall = stall_s
        self._queue: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._finishing = False
        self._last_call: asyncio.TimerHandle | None = None
        self._ended = asyncio.Event()

    def put(self, data: bytes) -> None:
        """Queue bytes to be written; whoever calls keeps the queue within STREAM_CREDIT."""
        self._queue.append(data)
        self._news.set()

    def finish(self, why: str) -> None:
        """Write what is queued, as far as that is done at once, then hang up."""
        if not self._finishing:
            self._finishing = True
            self._end(why)
            self._news.set()
            self._last_call = asyncio.get_running_loop().call_later(WS_GOODBYE_S, self._abort)

    async def ended(self) -> None:
        """Wait until nothing is left of it."""
        await self._ended.wait()

    async def serve(self, feed: Feed, written: Written) -> None:
        """Carry bytes both ways until the connection ends; never raises what the network does."""
        writing = asyncio.create_task(self._write(written), name=f"websocket writes to {self.peer_id}")
        try:
            await self._read(feed)
            if self._finishing:
                await asyncio.wait([writing])
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            if self._last_call is not None:
                self._last_call.cancel()
            self._abort()
            self._ended.set()

    async def _read(self, feed: Feed) -> None:
        while True:
            try:
                message = await self._socket.receive()
            except (OSError, RuntimeError):  # aiohttp raises the latter on a connection that is closed
                break
            if message.type is not WSMsgType.BINARY:
                self._end(_unfit(message))
                break
            feed(self, message.data)
        self._end("the member hung up")

    async def _write(self, written: Written) -> None:
        try:
            while self._queue or not self._finishing:
                if not self._queue:
                    self._news.clear()
                    await self._news.wait()
                    continue
                data = self._take()
                for at in range(0, len(data), WS_PIECE):
                    async with asyncio.timeout(self._stall):
                        await self._socket.send_bytes(data[at : at + WS_PIECE])
                written(self, len(data))
            await self._socket.close()
        except TimeoutError:
            self.stalled = True
            self._end(f"the member took nothing for {self._stall:g} seconds")
        except (OSError, RuntimeError):
            pass  # the reading task finds out what happened to the connection
        finally:
            self._abort()

    def _take(self) -> bytes:
        """As much of the queue as fits one message, or one whole write if that is longer."""
        parts = [self._queue.popleft()]
        size = len(parts[0])
        while self._queue and size + len(self._queue[0]) <= WS_PIECE:
            parts.append(self._queue.popleft())
            size += len(parts[-1])
        return b"".join(parts)

    def _end(self, why: str) -> None:
        self.why = self.why or why


def _unfit(message: WSMessage) -> str:
    if message.type is WSMsgType.TEXT:
        return "the member sent text"
    return f"the member broke the rules of WebSocket: {message.data}" if message.type is WSMsgType.ERROR else ""
