"""One `/meshgate/link/1` stream: a task that reads it, a task that writes it, and a watch over both.

A write is never cancelled: half a Noise message would ruin the connection in a way that looks like an
attack. A write that stalls ends when its socket is closed under it.
"""

from contextlib import suppress

import trio
from libp2p.abc import INetStream

from transports.libp2p.node_host import hang_up
from transports.libp2p.node_pipe import Pipe
from transports.libp2p.pipe import Kind
from transports.limits import CHILD_STOP_S, STREAM_QUEUE, STREAM_READ, STREAM_WRITE


class LinkStream:
    """A stream with one member."""

    def __init__(self, number: int, stream: INetStream, pipe: Pipe, stall: float) -> None:
        self._number = number
        self._stream = stream
        self._pipe = pipe
        self._stall = stall
        self._queue, self._queued = trio.open_memory_channel[bytes](STREAM_QUEUE)
        self._writing_since: float | None = None
        self._drained = trio.Event()
        self._ending = trio.Event()
        self.ended = trio.Event()
        self.began = trio.current_time()
        self.why = "the member hung up"
        self.stalled = False

    def put(self, data: bytes) -> None:
        """Queue bytes to be written; the gateway's credit keeps the queue short."""
        with suppress(trio.ClosedResourceError):
            try:
                self._queue.send_nowait(data)
            except trio.WouldBlock:
                self.finish("the gateway wrote more than its credit")

    def finish(self, why: str) -> None:
        """Write what is queued, give the member a moment to hang up, then hang up."""
        if not self._ending.is_set():
            self.why = why
            self._ending.set()
            self._queue.close()

    async def run(self) -> None:
        """Serve until the stream or its connection ends; afterwards the connection is closed."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write)
            watch = trio.CancelScope()
            nursery.start_soon(self._watch, watch)
            with suppress(Exception):  # however it ended, the connection is done for
                await self._read()
            self._queue.close()
            watch.cancel()
            await self._hang_up()
        self.ended.set()

    async def _read(self) -> None:
        while True:
            data = await self._stream.read(STREAM_READ)
            await self._pipe.tell(Kind.DATA, self._number, data)

    async def _write(self) -> None:
        async for data in self._queued:
            parts, size = [data], len(data)
            with suppress(trio.WouldBlock, trio.EndOfChannel):
                while size < STREAM_WRITE:
                    parts.append(self._queued.receive_nowait())
                    size += len(parts[-1])
            whole = memoryview(b"".join(parts))
            try:
                for at in range(0, size, STREAM_WRITE):
                    self._writing_since = trio.current_time()
                    await self._stream.write(bytes(whole[at : at + STREAM_WRITE]))
            except Exception:  # noqa: BLE001 - the reading task finds out what happened to the connection
                await self._hang_up()
                break
            finally:
                self._writing_since = None
            await self._pipe.tell(Kind.WRITTEN, self._number, size)
        self._drained.set()

    async def _watch(self, scope: trio.CancelScope) -> None:
        """Hang up when a write stalls, or when the stream is to be finished and has been."""
        with scope:
            while not self._ending.is_set():
                with trio.move_on_after(self._stall / 4):
                    await self._ending.wait()
                since = self._writing_since
                if since is not None and trio.current_time() - since > self._stall:
                    self.stalled = True
                    self.why = f"the member took nothing for {self._stall:g} seconds"
                    await self._hang_up()
                    return
            with trio.move_on_after(self._stall):
                await self._drained.wait()
            await trio.sleep(CHILD_STOP_S / 3)
            await self._hang_up()

    async def _hang_up(self) -> None:
        connection = getattr(self._stream, "swarm_conn", None)
        if connection is not None:
            await hang_up(connection)
