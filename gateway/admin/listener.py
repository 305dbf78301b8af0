"""Takes connections for the page, and gives up those that only hold a place.

TLS and plain HTTP come to the same port and are told apart by their first byte, so that somebody who has left out the ``s``
is led on instead of being shown an error. What is said without TLS is the gate's business.
"""

import asyncio
import contextlib
import errno
import socket
import ssl
from asyncio.sslproto import SSLProtocol
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.admin import limits
from gateway.admin.access.guards import source_of
from gateway.admin.access.principal import Refusals, Refused
from transports.websocket.address import Address

RETRY_S: Final = 10.0  # seconds before an address that is taken is tried again
_TLS_HANDSHAKE: Final = 0x16  # the first byte of TLS (RFC 8446, 5.1); no method of HTTP begins with it
_BACKLOG: Final = 64
SSLProtocol.max_size = limits.TLS_BUFFER  # before the first connection: each has a buffer of that size for as long as it lasts
_PAUSE_S: Final = 0.5  # seconds without new connections when the system has no room for one


class Connection(asyncio.Protocol):
    """Stands between a connection and what answers on it, with a clock.

    Args:
        inner: answers.
        gone: told when the connection is over.
        refusals: counts.

    """

    def __init__(self, inner: asyncio.Protocol, gone: Callable[["Connection"], None], refusals: Refusals) -> None:
        self.inner = inner
        self._gone = gone
        self._refusals = refusals
        self._transport: asyncio.Transport | None = None
        self._clock: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._answering = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; a head has to come soon."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
        self._expect_head()
        self.inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass on what came."""
        if self._clock is None and not self._answering:
            self._expect_head()
        self.inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on that nothing more will come."""
        return self.inner.eof_received()

    def pause_writing(self) -> None:
        """Give the other end some time to read."""
        self._stall = asyncio.get_running_loop().call_later(limits.PAGE_STALL_S, self._give_up)
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        """It has read."""
        self._stop_stall()
        self.inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Clear up."""
        self._stop_clock()
        self._stop_stall()
        self._gone(self)
        self.inner.connection_lost(exc)

    def began(self) -> None:
        """The head of a request is there."""
        self._answering += 1
        self._stop_clock()

    def ended(self) -> None:
        """It was answered."""
        self._answering -= 1

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _stop_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _expect_head(self) -> None:
        self._clock = asyncio.get_running_loop().call_later(limits.PAGE_HEAD_S, self._give_up)

    def _give_up(self) -> None:
        self._refusals.note(Refused.SLOW)
        if self._transport is not None:
            self._transport.abort()


class PageListener:
    """The addresses of the page.

    Args:
        addresses: where to listen.
        handed: sockets that listen already, systemd's.
        context: of TLS, for the next connection; None while there is none, and everything is plain then.
        refusals: counts.

    Attributes:
        trouble: why it does not listen where it should and what to do, None while it does.
        bound: where it listens, with the ports it was given.

    """

    def __init__(
        self,
        addresses: Sequence[Address],
        handed: Sequence[socket.socket],
        context: Callable[[], ssl.SSLContext | None],
        refusals: Refusals,
    ) -> None:
        self.addresses = tuple(addresses)
        self._handed = list(handed)
        self._context = context
        self._refusals = refusals
        self._sources: Counter[str] = Counter()
        self._connections: dict[object, Connection] = {}
        self.trouble: tuple[str, str] | None = None
        self.bound: list[Address] = []

    @property
    def connections(self) -> int:
        """How many connections are open, those that have said nothing yet included."""
        return self._sources.total()

    @web.middleware
    async def timing(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Tell a connection's clock that a head has come, and that it was answered."""
        connection = self._connections.get(request.protocol)
        if connection is None:
            return await handler(request)
        connection.began()
        try:
            return await handler(request)
        finally:
            connection.ended()

    async def serve(self, server: web.Server) -> None:
        """Take connections for a server until cancelled; an address that is taken is tried again and again."""
        listeners: list[socket.socket] = []
        async with contextlib.AsyncExitStack() as stack:
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            stack.callback(self._close, listeners)
            waiting: list[Address] = []
            for handed in self._handed:
                self._begin(handed, listeners, server, tasks)
            self._handed = []
            waiting = [one for one in self.addresses if not self._listen(one, listeners, server, tasks)]
            while waiting:
                await asyncio.sleep(RETRY_S)
                waiting = [one for one in waiting if not self._listen(one, listeners, server, tasks)]
                self.trouble = self.trouble if waiting else None
            await asyncio.get_running_loop().create_future()

    def _listen(self, address: Address, listeners: list[socket.socket], server: web.Server, tasks: asyncio.TaskGroup) -> bool:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((address.host, address.port))
            listener.listen(_BACKLOG)
        except OSError as error:
            listener.close()
            self.trouble = (
                f"The address of the page, {address}, cannot be listened on: {error.strerror or error}.",
                "Set page.listen to another one.",
            )
            return False
        self._begin(listener, listeners, server, tasks)
        return True

    def _begin(self, listener: socket.socket, listeners: list[socket.socket], server: web.Server, tasks: asyncio.TaskGroup) -> None:
        listener.setblocking(False)
        listeners.append(listener)
        if listener.family in (socket.AF_INET, socket.AF_INET6):
            self.bound.append(Address(*listener.getsockname()[:2]))
        tasks.create_task(self._accept(listener, server, tasks), name="page")

    def _close(self, listeners: list[socket.socket]) -> None:
        for listener in listeners:
            listener.close()
        self.bound.clear()

    async def _accept(self, listener: socket.socket, server: web.Server, tasks: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(listener)
            except OSError as error:
                if error.errno in {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}:
                    self._refusals.note(Refused.CONNECTIONS)
                    await asyncio.sleep(_PAUSE_S)
                continue
            source = source_of(peer[0]) if isinstance(peer, tuple) else ""
            if self._sources.total() >= limits.PAGE_CONNECTIONS or self._sources[source] >= limits.PAGE_CONNECTIONS_OF_ONE:
                self._refusals.note(Refused.CONNECTIONS)
                connection.close()
                continue
            self._sources[source] += 1
            tasks.create_task(self._admit(connection, source, server), name="page connection")

    async def _admit(self, connection: socket.socket, source: str, server: web.Server) -> None:
        """Find out what is spoken, and hand the connection to whoever answers; it counts until it is over."""
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        is_ours = True

        def gone(ended: Connection) -> None:
            self._connections.pop(ended.inner, None)
            if not over.done():
                over.set_result(None)

        try:
            async with asyncio.timeout(limits.PAGE_HANDSHAKE_S):
                first = await _first_byte(connection)
            inner = server()
            made = Connection(inner, gone, self._refusals)
            self._connections[inner] = made
            encrypted = self._context() if first == _TLS_HANDSHAKE else None
            within = {"ssl_handshake_timeout": limits.PAGE_HANDSHAKE_S, "ssl_shutdown_timeout": 1.0} if encrypted is not None else {}
            try:
                await asyncio.get_running_loop().connect_accepted_socket(lambda: made, connection, ssl=encrypted, **within)
            except BaseException:
                gone(made)
                raise
            is_ours = False
            await over
        except TimeoutError:
            self._refusals.note(Refused.SLOW)
        except EOFError:
            pass  # browsers open connections in advance, and close those they do not need
        except (OSError, ssl.SSLError):
            self._refusals.note(Refused.MALFORMED)
        finally:
            if is_ours:
                connection.close()
            self._sources[source] -= 1
            if not self._sources[source]:
                del self._sources[source]


async def _first_byte(connection: socket.socket) -> int:
    """Wait for the first byte and leave it there; raises `EOFError` if none comes any more."""
    loop = asyncio.get_running_loop()
    connection.setblocking(False)
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(connection, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(connection)
    found = connection.recv(1, socket.MSG_PEEK)
    if not found:
        raise EOFError
    return found[0]
