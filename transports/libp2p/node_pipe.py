"""The child's end of the pipe: a bounded queue of messages and one task that writes them."""

import logging
import time
from typing import Any

import trio

from transports.libp2p.pipe import Kind, encode
from transports.limits import HEARTBEAT_S, NOTICE_CHARS, NOTICES_PER_BURST, PIPE_QUEUE


class Pipe:
    """Messages to the gateway, in the order they were told.

    Whoever tells more than the gateway reads waits; that is what slows a fast member down.
    """

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._send, self._receive = trio.open_memory_channel[bytes](PIPE_QUEUE)
        self._written = trio.Event()  # replaced whenever the queue ran empty

    async def run(self) -> None:
        """Write, several messages at a time when they have piled up."""
        async for message in self._receive:
            parts = [message]
            try:
                while len(parts) < PIPE_QUEUE:
                    parts.append(self._receive.receive_nowait())
            except trio.WouldBlock:
                pass
            try:
                await self._stream.send_all(b"".join(parts))
            except trio.BrokenResourceError:
                return  # the reading side notices and ends the process
            if not self._receive.statistics().current_buffer_used:
                self._written.set()
                self._written = trio.Event()

    async def tell(self, kind: Kind, *fields: Any) -> None:
        """Send a message, waiting while the queue is full."""
        await self._send.send(encode(kind, *fields))

    def tell_if_room(self, kind: Kind, *fields: Any) -> bool:
        """Send a message unless the queue is full."""
        try:
            self._send.send_nowait(encode(kind, *fields))
        except trio.WouldBlock:
            return False
        return True

    async def tell_last(self, kind: Kind, *fields: Any) -> None:
        """Send a message and wait until it is written (or a second has passed)."""
        with trio.move_on_after(1.0):
            written = self._written
            await self.tell(kind, *fields)
            await written.wait()


class NoticeLog(logging.Handler):
    """Passes log lines on as notices: the library's as debug, our own with their level, and never a flood."""

    def __init__(self, pipe: Pipe) -> None:
        super().__init__()
        self._pipe = pipe
        self._left = NOTICES_PER_BURST
        self._burst_ends = 0.0
        self._dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Called by `logging` with each line."""
        now = time.monotonic()
        if now >= self._burst_ends:
            self._burst_ends = now + HEARTBEAT_S
            self._left = NOTICES_PER_BURST
            if self._dropped:
                self._pipe.tell_if_room(Kind.NOTICE, "debug", f"{self._dropped} log lines of the libp2p process were left out.")
                self._dropped = 0
        self._left -= 1
        own = record.name.startswith("transports.")
        level = record.levelname.lower() if own else "debug"
        text = record.getMessage() if own else f"{record.name}: {record.getMessage()}"
        if self._left < 0 or not self._pipe.tell_if_room(Kind.NOTICE, level, text[:NOTICE_CHARS]):
            self._dropped += 1
