"""Somebody who calls a gateway by hand, one message at a time, with whatever manners a test wants."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from socket import SO_RCVBUF, SOL_SOCKET
from socket import socket as connection

import aiohttp

from transports.limits import WS_MESSAGE
from transports.websocket.address import PATH, Address
from transports.websocket.certificate import calling_context
from transports.websocket.door import SUBPROTOCOL
from transports.websocket.errors import Refusal
from transports.websocket.protocol import NONCE, Caller, Kind


class Visit:
    """A WebSocket to a gateway, and the certificate that was shown."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.channel = sha256(socket.get_extra_info("ssl_object").getpeercert(binary_form=True)).digest()

    async def say(self, message: bytes) -> None:
        await self.socket.send_bytes(message)

    async def hear(self) -> bytes:
        """The next message; empty once the gateway has hung up."""
        try:
            message = await self.socket.receive()
        except ConnectionError:
            return b""
        return message.data if message.type is aiohttp.WSMsgType.BINARY else b""

    async def refusal(self) -> Refusal | None:
        """Why the gateway does not talk on; it must have hung up afterwards."""
        message = await self.hear()
        assert await self.hear() == b""
        if not message:
            return None
        assert message[0] == Kind.REFUSE
        return Refusal(message[1])

    def caller(self, seed: bytes, listener: str, *, nonce: bytes | None = None, ticket: bytes = b"") -> Caller:
        return Caller(seed, listener, self.channel, nonce or os.urandom(NONCE), ticket)

    async def prove(self, seed: bytes, listener: str, *, ticket: bytes = b"") -> bytes:
        """The whole hello, as an honest gateway would; returns the gateway's last word."""
        caller = self.caller(seed, listener, ticket=ticket)
        await self.say(caller.hello())
        await self.say(caller.answered(await self.hear()))
        return await self.hear()


@asynccontextmanager
async def visit(place: Address, *, source: str = "127.0.0.1", buffer: int | None = None, **options: object) -> AsyncIterator[Visit]:
    """Open a WebSocket to a gateway; `buffer` is what the kernel takes in for it, in bytes."""

    def made(where: tuple) -> connection:
        one = connection(*where[:3])
        one.bind((source, 0))
        if buffer is not None:
            one.setsockopt(SOL_SOCKET, SO_RCVBUF, buffer)
        return one

    connector = aiohttp.TCPConnector(ssl=calling_context(), socket_factory=made)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.ws_connect(
            f"wss://{place.place}{PATH}", protocols=(SUBPROTOCOL,), autoclose=True, max_msg_size=WS_MESSAGE, timeout=_SHORT, **options
        ) as socket,
    ):
        yield Visit(socket)


@asynccontextmanager
async def raw(
    place: Address, *, source: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a TCP or TLS connection."""
    reader, writer = await asyncio.open_connection(place.host, place.port, ssl=tls, local_addr=(source, 0))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def ends(reader: asyncio.StreamReader) -> bytes:
    """Wait until the other end hangs up; returns what it said before."""
    try:
        return await reader.read()
    except ConnectionError:
        return b""


_SHORT = aiohttp.ClientWSTimeout(ws_close=0.5)
