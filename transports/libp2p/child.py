"""The child process as the gateway sees it: started, spoken to, watched, ended."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable
from typing import Any

from transports.libp2p.framing import Deframer
from transports.libp2p.pipe import Kind, Settings, decode, encode
from transports.limits import CHILD_START_S, CHILD_STDERR, CHILD_STOP_S, HEARTBEAT_LOST_S, HEARTBEAT_S, MAX_PIPE_MESSAGE

_COMMAND = (sys.executable, "-P", "-W", "ignore", "-m", "transports.libp2p.node", "--fd")


class _Pipe(asyncio.Protocol):
    """Our end of the socket pair. `ended` is done when it closes, and holds the exception of whoever took a message badly."""

    def __init__(self, on_message: Callable[[list[Any]], None]) -> None:
        self._on_message = on_message
        self._deframer = Deframer(MAX_PIPE_MESSAGE)
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self.heard = self._loop.time()

    def data_received(self, data: bytes) -> None:
        self.heard = self._loop.time()
        try:
            for message in self._deframer.feed(data):
                self._on_message(decode(message))
        except Exception as error:  # noqa: BLE001 - asyncio would only log it
            if not self.ended.done():
                self.ended.set_exception(error)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        if not self.ended.done():
            self.ended.set_result(None)


class Child:
    """One run of the child process. It cannot outlive the gateway: it leaves when its socket is closed."""

    def __init__(self, settings: Settings, on_message: Callable[[list[Any]], None], farewell: Callable[[], None]) -> None:
        self._settings = settings
        self._on_message = on_message
        self._farewell = farewell
        self._process: asyncio.subprocess.Process | None = None
        self._transport: asyncio.Transport | None = None
        self._listening: asyncio.Task[None] | None = None
        self._ready = False
        self._last_words = b""

    @property
    def pid(self) -> int | None:
        """Its process ID, None before it starts and after it ended."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def tell(self, kind: Kind, *fields: Any) -> None:
        """Send a message; it is lost if the child is gone, and then its streams are gone too."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(encode(kind, *fields))

    async def run(self) -> str:
        """Start it and stay until it ends; returns a sentence about why it ended.

        Cancelling ends it, after the farewell; so does an exception of `on_message`, which is raised again.
        """
        patience = CHILD_STOP_S
        try:
            pipe = await self._start()
            why = await self._watch(pipe)
            if why:
                patience = 0.0
        except OSError as error:
            why = f"The libp2p process cannot be started: {error.strerror}."
        except asyncio.CancelledError:
            self._farewell()
            raise
        finally:
            await asyncio.shield(self._end(patience))
        return why or self._epitaph()

    async def _start(self) -> _Pipe:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with theirs:
            self._transport, pipe = await loop.create_unix_connection(lambda: _Pipe(self._heed), sock=ours)
            self._process = await asyncio.create_subprocess_exec(
                *_COMMAND,
                str(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,  # a Ctrl-C is for the gateway, which then says good-bye to the members
            )
        self._listening = asyncio.create_task(self._listen(self._process))
        self.tell(Kind.CONFIG, self._settings)
        return pipe

    def _heed(self, message: list[Any]) -> None:
        if message[0] == Kind.READY:
            self._ready = True
        self._on_message(message)

    async def _watch(self, pipe: _Pipe) -> str:
        """Stay until the child closes its end or hangs."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.wait({pipe.ended}, timeout=HEARTBEAT_S)
            if pipe.ended.done():
                pipe.ended.result()
                return ""
            if loop.time() - pipe.heard > (HEARTBEAT_LOST_S if self._ready else CHILD_START_S):
                return "The libp2p process hangs and was ended."
            self.tell(Kind.BEAT)

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Keep the end of what it writes to stderr: the reason, if it dies of an exception."""
        while process.stderr is not None and (data := await process.stderr.read(CHILD_STDERR)):
            self._last_words = (self._last_words + data)[-CHILD_STDERR:]

    async def _end(self, patience: float) -> None:
        self.tell(Kind.STOP)
        process = self._process
        if process is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), patience)
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if self._listening is not None:
            await self._listening
        if self._transport is not None:
            self._transport.abort()

    def _epitaph(self) -> str:
        code = self._process.returncode if self._process is not None else None
        lines = self._last_words.decode(errors="replace").strip().splitlines()
        words = f": {lines[-1]}" if lines else ""
        return f"The libp2p process ended (exit status {code}){words}."
