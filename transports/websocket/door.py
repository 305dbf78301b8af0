"""Where other gateways come in: TCP, TLS, HTTP, WebSocket and the hello, each with its cap.

Until a caller has proved who it is, it costs one place of a few, and has a few seconds. Whoever finds
no place is hung up on before TLS. `aiohttp` gives requests no deadline of their own, so each connection has one here.
"""

import asyncio
import contextlib
import os
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import WSMsgType, web
from aiohttp.web_protocol import RequestHandler

from transports.host import host_of
from transports.limits import (
    WS_GOODBYE_S,
    WS_HTTP_HEADERS,
    WS_HTTP_LINE,
    WS_LISTEN_AGAIN_S,
    WS_MESSAGE,
    WS_PENDING,
    WS_PENDING_PER_HOST,
    WS_UNSENT,
)
from transports.websocket.address import PATH, Address
from transports.websocket.certificate import Certificate
from transports.websocket.errors import Refusal, RefusedError
from transports.websocket.protocol import ADMITTED, MAX_HELLO, NONCE, Listener, encode_refusal
from transports.websocket.stream import Socket

SUBPROTOCOL = "meshgate.link.1"
_BACKLOG = 64

LetIn = Callable[[str, bytes], Awaitable[None]]
"""Returns if the gateway with this peer ID, which it has proved, may link, perhaps for the ticket it shows; else raises `RefusedError`."""

Welcome = Callable[[str, Socket, Callable[[], None]], Awaitable[None]]
"""Takes a proved and admitted peer ID, its connection, and what aborts it; returns when the connection is over."""


class _Visitors(web.Server):
    """Tells when a connection is over, which `web.Server` keeps to itself."""

    def __init__(self, serve: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], gone: Callable[[object], None]) -> None:
        super().__init__(
            serve, access_log=None, max_line_size=WS_HTTP_LINE, max_field_size=WS_HTTP_LINE, max_headers=WS_HTTP_HEADERS, lingering_time=0
        )
        self._gone = gone

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self._gone(handler)


class Door:
    """Listens, and hands over who was let in.

    Args:
        addresses: where to listen.
        certificate: what is shown to callers.
        seed: the gateway's Ed25519 seed.
        admit: who is let in.
        welcome: takes who was let in.
        hello_s: seconds from the connection to the end of the hello.
        count: told the name of a counter for everything that is refused.
        tell: told ``(level, sentence)`` where it listens, and where it cannot.

    """

    def __init__(
        self,
        addresses: Sequence[Address],
        certificate: Certificate,
        seed: bytes,
        admit: LetIn,
        welcome: Welcome,
        *,
        hello_s: float,
        count: Callable[[str], None],
        tell: Callable[[str, str], None],
    ) -> None:
        self._addresses = addresses
        self._certificate = certificate
        self._seed = seed
        self._admit = admit
        self._welcome = welcome
        self._hello_s = hello_s
        self._count = count
        self._tell = tell
        self._waiting: dict[object, tuple[str, asyncio.TimerHandle]] = {}  # by protocol: host, and the deadline
        self._hosts: Counter[str] = Counter()
        self._listening: dict[Address, Address] = {}
        self._faults: dict[Address, str] = {}

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where it listens right now, with the ports that were taken."""
        return tuple(self._listening.values())

    @property
    def faults(self) -> tuple[str, ...]:
        """Why it does not listen where it should, a sentence each."""
        return tuple(self._faults.values())

    @property
    def waiting(self) -> int:
        """Callers that have not proved who they are."""
        return sum(self._hosts.values())

    async def run(self) -> None:
        """Listen until cancelled; afterwards no connection is left."""
        visitors = _Visitors(self._serve, self._forget)
        try:
            async with asyncio.TaskGroup() as tasks:
                for address in self._addresses:
                    tasks.create_task(self._listen(address, visitors, tasks), name=f"websocket listens on {address}")
        finally:
            for _, deadline in self._waiting.values():
                deadline.cancel()
            await visitors.shutdown(WS_GOODBYE_S)

    async def _listen(self, address: Address, visitors: _Visitors, tasks: asyncio.TaskGroup) -> None:
        while True:
            try:
                with _bound(address) as listener:
                    host, port = listener.getsockname()[:2]
                    self._listening[address] = Address(host, port)
                    self._faults.pop(address, None)
                    self._tell("info", f"WebSocket listens on {self._listening[address]}.")
                    await self._accept(listener, visitors, tasks)
            except OSError as error:
                fault = f"{address} cannot be listened on: {error.strerror or error}."
                if self._faults.get(address) != fault:
                    self._tell("error", fault)
                self._faults[address] = fault
            finally:
                self._listening.pop(address, None)
            await asyncio.sleep(WS_LISTEN_AGAIN_S)

    async def _accept(self, listener: socket.socket, visitors: _Visitors, tasks: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        while True:
            visitor, where = await loop.sock_accept(listener)
            host = host_of(where[0])
            if self.waiting >= WS_PENDING or self._hosts[host] >= WS_PENDING_PER_HOST:
                self._count("refused_full")
                visitor.close()
                continue
            hold_little(visitor)
            self._hosts[host] += 1
            tasks.create_task(self._let_in(visitor, host, visitors), name="websocket takes a call")

    async def _let_in(self, visitor: socket.socket, host: str, visitors: _Visitors) -> None:
        """TLS; afterwards the connection is aiohttp's, under a deadline of ours."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            transport, protocol = await loop.connect_accepted_socket(
                visitors,
                visitor,
                ssl=self._certificate.context,
                ssl_handshake_timeout=self._hello_s,
                ssl_shutdown_timeout=WS_GOODBYE_S,
            )
        except OSError:  # of which ssl.SSLError and TimeoutError are kinds
            self._count("refused_tls")
            self._leave(host)
            return
        except asyncio.CancelledError:
            self._leave(host)
            raise
        if transport.is_closing():
            self._leave(host)
            return
        deadline = loop.call_at(begun + self._hello_s, self._too_late, transport)
        self._waiting[protocol] = host, deadline

    def _too_late(self, transport: asyncio.Transport) -> None:
        self._count("refused_late")
        transport.abort()

    def _forget(self, protocol: object) -> None:
        """A connection is over, or is not a stranger's any more."""
        host, deadline = self._waiting.pop(protocol, ("", None))
        if deadline is not None:
            deadline.cancel()
            self._leave(host)

    def _leave(self, host: str) -> None:
        self._hosts[host] -= 1
        if not self._hosts[host]:
            del self._hosts[host]

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = web.WebSocketResponse(timeout=WS_GOODBYE_S, max_msg_size=WS_MESSAGE, compress=False, protocols=(SUBPROTOCOL,))
        if request.path != PATH or not connection.can_prepare(request).ok:
            self._count("refused_http")
            answer = web.Response(status=404)
            answer.force_close()
            return answer
        transport, protocol = request.transport, request.protocol
        await connection.prepare(request)
        try:
            peer_id = await self._hello(connection)
            if transport is None or transport.is_closing():
                return connection
            self._forget(protocol)
            await connection.send_bytes(ADMITTED)
        except RefusedError as error:
            self._count(f"refused_{error.refusal.name.lower()}")
            with contextlib.suppress(OSError, RuntimeError):
                await connection.send_bytes(encode_refusal(error.refusal, error.said))
                await connection.close()
            return connection
        except (OSError, RuntimeError):
            return connection
        await self._welcome(peer_id, connection, transport.abort)
        return connection

    async def _hello(self, connection: web.WebSocketResponse) -> str:
        listener = Listener(self._seed, self._certificate.fingerprint, os.urandom(NONCE), lambda _peer_id, _ticket: True)
        await connection.send_bytes(listener.called(await _message(connection)))
        peer_id = listener.proved(await _message(connection))
        await self._admit(peer_id, listener.ticket)
        return peer_id


async def _message(connection: web.WebSocketResponse) -> bytes:
    message = await connection.receive()
    if message.type is not WSMsgType.BINARY or len(message.data) > MAX_HELLO:
        raise RefusedError(Refusal.MALFORMED)
    data: bytes = message.data
    return data


def hold_little(connection: socket.socket) -> None:
    """Let a connection that is not read from be noticed, and not hide in the kernel's buffers."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, WS_UNSENT)


def _bound(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # so that 0.0.0.0 and [::] may stand side by side
        listener.bind((address.host, address.port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
