"""Calling other gateways: TCP, TLS, WebSocket, the hello. One call at a time for each member."""

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

import aiohttp
from aiohttp import ClientWSTimeout, WSMsgType

from transports.limits import DIAL_TIMEOUT_S, WS_GOODBYE_S, WS_HTTP_LINE, WS_MESSAGE
from transports.websocket.address import Address
from transports.websocket.door import SUBPROTOCOL, hold_little
from transports.websocket.errors import Refusal, RefusedError
from transports.websocket.protocol import MAX_HELLO, NONCE, Caller


class CallError(Exception):
    """A gateway could not be reached; the text says why."""


if TYPE_CHECKING:
    _Connection = aiohttp.ClientWebSocketResponse[Literal[True]]  # older versions of aiohttp take no argument when they run
else:
    _Connection = aiohttp.ClientWebSocketResponse


class _Socket(_Connection):
    """A WebSocket that can be ended without another word."""

    def abort(self) -> None:
        connection = self._response.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        self._response.close()


class Calls:
    """Makes calls; all of them end when the context does.

    Args:
        seed: the gateway's Ed25519 seed.
        context: TLS as the calling side wants it.
        hello_s: seconds the hello may take.
        ticket_for: the ticket to show to a gateway, empty for none.

    """

    def __init__(self, seed: bytes, context: ssl.SSLContext, *, hello_s: float, ticket_for: Callable[[str], bytes]) -> None:
        self._seed = seed
        self._context = context
        self._hello_s = hello_s
        self._ticket_for = ticket_for
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def ready(self) -> AsyncIterator[None]:
        """Make calls possible."""
        trace = aiohttp.TraceConfig()
        trace.on_request_redirect.append(_refuse_redirect)
        connector = aiohttp.TCPConnector(
            ssl=self._context, limit=0, force_close=True, resolver=aiohttp.ThreadedResolver(), socket_factory=_socket
        )
        async with aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[trace],
            ws_response_class=_Socket,
            max_line_size=WS_HTTP_LINE,
            max_field_size=WS_HTTP_LINE,
            timeout=aiohttp.ClientTimeout(total=None),
        ) as self._session:
            yield

    async def call(self, address: Address) -> tuple[_Socket, Callable[[], None]]:
        """Call a gateway; returns the connection and what aborts it once both have proved who they are.

        Raises:
            CallError: nobody answers there, or not as a gateway.
            RefusedError: one of the two refuses the other.
        """
        connection = await self._connected(address)
        try:
            async with asyncio.timeout(self._hello_s):
                await self._hello(connection, address.peer_id)
        except TimeoutError:
            connection.abort()
            raise RefusedError(Refusal.LATE) from None
        except (OSError, RuntimeError) as error:
            connection.abort()
            raise CallError(f"the connection ended in the middle of the hello: {error}") from error
        except BaseException:
            connection.abort()
            raise
        return connection, connection.abort

    async def _connected(self, address: Address) -> _Socket:
        if self._session is None:
            raise CallError("the transport is not running")
        try:
            async with asyncio.timeout(DIAL_TIMEOUT_S):
                connection = await self._session.ws_connect(
                    address.url,
                    protocols=(SUBPROTOCOL,),
                    compress=0,
                    max_msg_size=WS_MESSAGE,
                    timeout=ClientWSTimeout(ws_close=WS_GOODBYE_S),
                )
        except TimeoutError:
            raise CallError(f"no answer within {DIAL_TIMEOUT_S:g} seconds") from None
        except aiohttp.WSServerHandshakeError as error:
            raise CallError(f"what answers there is no gateway (HTTP status {error.status})") from error
        except (aiohttp.ClientError, OSError) as error:
            raise CallError(_reason(error)) from error
        if not isinstance(connection, _Socket):
            raise TypeError("aiohttp made another connection than it was asked for")
        return connection

    async def _hello(self, connection: _Socket, listener: str) -> None:
        tls = connection.get_extra_info("ssl_object")
        shown = tls.getpeercert(binary_form=True) if tls is not None else None
        if not shown:
            raise CallError("the connection is not encrypted")
        caller = Caller(self._seed, listener, sha256(shown).digest(), os.urandom(NONCE), self._ticket_for(listener))
        try:
            await connection.send_bytes(caller.hello())
            await connection.send_bytes(caller.answered(await _message(connection)))
            caller.admitted(await _message(connection))
        except RefusedError as error:
            if not error.by_them:
                with contextlib.suppress(OSError, RuntimeError):
                    await connection.close()
            raise


async def _message(connection: _Socket) -> bytes:
    message = await connection.receive()
    if message.type is not WSMsgType.BINARY:
        raise CallError("the other gateway hung up in the middle of the hello")
    data: bytes = message.data
    if len(data) > MAX_HELLO:
        raise RefusedError(Refusal.MALFORMED)
    return data


async def _refuse_redirect(_session: object, _context: object, _parameters: object) -> None:
    """A gateway is where it was said to be; who sends us elsewhere could send us anywhere, even to http."""
    raise CallError("what answers there is no gateway (it sends us elsewhere)")


def _socket(where: tuple[Any, ...]) -> socket.socket:
    made = socket.socket(*where[:3])
    hold_little(made)
    return made


def _reason(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {cause.verify_message}"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(error) or type(error).__name__
