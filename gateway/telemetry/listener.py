"""Listens for those who ask for metrics: on this machine only, unless they have to show a token.

Whoever asks too much, or opens too many connections, is sent away; the gateway's own work never waits for an asker.
"""

import asyncio
import hmac
import ipaddress
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from aiohttp import web

from gateway.admin.quiet import quiet
from gateway.errors import ConfigError
from gateway.session.rate import TokenBucket
from gateway.telemetry.limits import MAX_TOKEN, METRICS_BURST, METRICS_CONNECTIONS, METRICS_RATE
from gateway.telemetry.meter import Meter
from gateway.telemetry.probes import Answer, Probes, counting
from transports.websocket.address import Address

RETRY_S: Final = 10.0  # seconds before an address that is taken is tried again
KEEP_ALIVE_S: Final = 15.0  # seconds an idle connection is kept
SHORTEST_TOKEN: Final = 16  # characters
_OPEN: Final = frozenset({"/healthz"})
"""Paths that need no token: they say nothing."""


class Listener:
    """The addresses for metrics.

    Args:
        addresses: where to listen.
        tokens: one of them an asker has to show; if there are none, all addresses are on this machine.
        probes: who answers.
        meter: counts.
        now: monotonic seconds.
        report: told one sentence about something that must not happen.

    Attributes:
        trouble: why it does not listen where it should and what to do, None while it does.
        bound: where it listens, with the ports it was given.

    """

    def __init__(
        self,
        addresses: Sequence[Address],
        tokens: Callable[[], Sequence[str]],
        probes: Probes,
        meter: Meter,
        now: Callable[[], float],
        report: Callable[[str], None] = lambda _sentence: None,
    ) -> None:
        self.addresses = tuple(addresses)
        self._tokens = tokens
        self._probes = probes
        self._meter = meter
        self._now = now
        self._report = report
        self._budget = TokenBucket(METRICS_RATE, METRICS_BURST)
        self.trouble: tuple[str, str] | None = None
        self.bound: list[str] = []

    async def run(self) -> None:
        """Serve until cancelled; an address that is taken is tried again and again."""
        app = web.Application(middlewares=[counting(self._meter), self._guard], client_max_size=0)
        app.add_routes(self._probes.routes())
        logger = quiet("The address for metrics", self._count_malformed, self._report)
        runner = web.AppRunner(app, access_log=None, logger=logger, keepalive_timeout=KEEP_ALIVE_S, shutdown_timeout=1.0)
        await runner.setup()
        servers: list[asyncio.Server] = []
        try:
            waiting = list(self.addresses)
            while waiting:
                waiting = [address for address in waiting if not await self._listen(address, runner, servers)]
                await asyncio.sleep(RETRY_S if waiting else 0)
            self.trouble = None
            await asyncio.get_running_loop().create_future()
        finally:
            for server in servers:
                server.close()
            self.bound.clear()
            await runner.cleanup()

    async def _listen(self, address: Address, runner: web.AppRunner, servers: list[asyncio.Server]) -> bool:
        serve = runner.server
        if serve is None:
            raise RuntimeError("the runner is not set up")

        def admit() -> asyncio.BaseProtocol:
            if len(serve.connections) >= METRICS_CONNECTIONS:
                self._meter.refused += 1
                return _Closed()
            return serve()

        try:
            server = await asyncio.get_running_loop().create_server(admit, address.host, address.port)
        except OSError as error:
            reason = error.strerror or str(error)
            self.trouble = (f"The address for metrics, {address}, cannot be listened on: {reason}.", "Set metrics.listen to another one.")
            return False
        servers.append(server)
        self.bound += [str(Address(*socket.getsockname()[:2])) for socket in server.sockets]
        return True

    def _count_malformed(self) -> None:
        self._meter.malformed += 1

    @web.middleware
    async def _guard(self, request: web.Request, handler: Answer) -> web.StreamResponse:
        """Let in who may ask."""
        if not self._budget.take(self._now()):
            self._meter.refused += 1
            return web.Response(status=429, text="Too many requests.\n", headers={"Retry-After": "1"})
        tokens = self._tokens()
        if not tokens:
            if not names_this_machine(request.host):  # a page in a browser that was lied to about its own address
                return web.Response(status=421, text="Ask by the address, such as 127.0.0.1.\n")
        elif request.path not in _OPEN and not _shows(request, tokens):
            return web.Response(status=401, text="Show the token: Authorization: Bearer ...\n", headers={"WWW-Authenticate": "Bearer"})
        return await handler(request)


def _shows(request: web.Request, tokens: Sequence[str]) -> bool:
    """Whether a request shows a token; the time it takes tells nothing of them."""
    shown = request.headers.get("Authorization", "").encode()
    return sum(hmac.compare_digest(shown, f"Bearer {token}".encode()) for token in tokens) > 0


class _Closed(asyncio.Protocol):
    """Closes a connection at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close it."""
        if isinstance(transport, asyncio.Transport):
            transport.abort()


def names_this_machine(host: str) -> bool:
    """Whether a ``Host`` header names the machine itself by address, or by the one name nobody can point elsewhere."""
    name = host.rpartition(":")[0] if ":" in host.rpartition("]")[2] else host
    return name == "localhost" or is_loopback(name.strip("[]"))


def is_loopback(host: str) -> bool:
    """Whether an address reaches this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_token(path: Path) -> str:
    """Return the token in a file.

    Raises:
        ConfigError: it cannot be read, others can read it, or it is too short to be one.

    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            token = file.read(MAX_TOKEN + 1).decode(errors="replace").strip()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(f"The token for metrics, {path}, cannot be read: {reason}.") from error
    if mode & 0o007:
        raise ConfigError(f"{path} opens the metrics and can be read by everybody (mode {mode:04o}). Run: chmod 640 {path}")
    if not SHORTEST_TOKEN <= len(token) <= MAX_TOKEN or not token.isascii() or not token.isprintable():
        hint = f"Make one with: openssl rand -hex 32 > {path}"
        raise ConfigError(f"{path} is no token: one line of {SHORTEST_TOKEN} to {MAX_TOKEN} letters and digits. {hint}")
    return token
