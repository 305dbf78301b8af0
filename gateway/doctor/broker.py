"""Whether an MQTT broker lets the gateway in: one CONNECT, one CONNACK, and good-bye (MQTT 3.1.1, sections 3.1, 3.2 and 3.14)."""

import asyncio
import ssl

from gateway.doctor.host_facts import Login
from gateway.doctor.reach import PATIENCE_S, hang_up

_KEEP_ALIVE_S = 10
_CLEAN, _HAS_USER, _HAS_PASSWORD = 0x02, 0x80, 0x40
_REFUSALS = frozenset({4, 5})  # bad user name or password, not authorised


async def login(host: str, port: int, *, user: str = "", password: str = "", tls: ssl.SSLContext | None = None) -> Login:
    """Log in and out again under a client name of its own, so that a running gateway keeps its place; never raises for what is there.

    Args:
        host: of the broker.
        port: of the broker.
        user: empty if none is configured.
        password: never shown; empty if none is configured.
        tls: None for a connection in clear.

    """
    try:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection(host, port, ssl=tls)
    except ssl.SSLError:
        return Login.NO_BROKER
    except (OSError, TimeoutError):
        return Login.UNREACHABLE
    try:
        async with asyncio.timeout(PATIENCE_S):
            writer.write(connect_packet(user, password))
            await writer.drain()
            answer = await reader.readexactly(4)
            writer.write(b"\xe0\x00")
            await writer.drain()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return Login.NO_BROKER
    finally:
        await hang_up(writer)
    if answer[:2] != b"\x20\x02":
        return Login.NO_BROKER
    return Login.WELCOME if answer[3] == 0 else Login.REFUSED if answer[3] in _REFUSALS else Login.NO_BROKER


def connect_packet(user: str, password: str) -> bytes:
    """Return the bytes of a CONNECT that leaves nothing behind at the broker."""
    flags = _CLEAN | (_HAS_USER if user else 0) | (_HAS_PASSWORD if user and password else 0)
    body = _text("MQTT") + bytes((4, flags)) + _KEEP_ALIVE_S.to_bytes(2, "big") + _text("")
    if user:
        body += _text(user) + (_text(password) if password else b"")
    length, size = b"", len(body)
    while True:
        size, rest = divmod(size, 128)
        length += bytes((rest | (0x80 if size else 0),))
        if not size:
            return b"\x10" + length + body


def _text(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(2, "big") + data
