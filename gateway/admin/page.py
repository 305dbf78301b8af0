"""The page as a whole: who may come in, where it listens, and what it answers."""

import asyncio
import socket
from collections.abc import Callable, Collection, Iterable, Sequence
from ipaddress import ip_address
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.admin import entry, limits
from gateway.admin.access.entrance import Entrance
from gateway.admin.access.gate import Gate, Needs, asker
from gateway.admin.access.principal import Refused
from gateway.admin.access.resources import Resources
from gateway.admin.access.roles import Role
from gateway.admin.access.routes import ROUTES
from gateway.admin.access.tls import PageCertificate
from gateway.admin.answering import as_problems, routed
from gateway.admin.entry import Entry
from gateway.admin.listener import PageListener
from gateway.admin.quiet import quiet
from gateway.admin.route import Answers
from gateway.errors import ConfigError
from hw.network import own_addresses
from transports.websocket.address import Address

SHUTDOWN_S: Final = 2.0  # seconds an answer under way may take when the gateway stops
HOME: Final = "/"
FIRST: Final = "/welcome"
_OWN: Final = {**entry.NEEDS, **{(one.method, one.path): one.role for one in ROUTES}, ("GET", "/healthz"): None}

More = Callable[[Answers], Sequence[web.AbstractRouteDef]]
"""Makes routes, knowing who answers about who may come in."""


class Page:
    """What people and programs reach over a network.

    Args:
        entrance: knows who may come in.
        certificate: None serves this machine only, without encryption.
        addresses: where to listen.
        called: name of the gateway.
        handed: sockets that listen already, systemd's.
        host_names: other names under which this machine is asked for.
        serves_plain: whether other machines are served without encryption as well.
        randbytes: cryptographic randomness.
        more: everything else that is answered; its ``/`` is where people are led who have logged in,
            its ``/welcome`` the first one.
        needs: what somebody must be for one of those.
        middlewares: see every request that may be answered.
        large: paths whose bodies may be larger than `limits.MAX_PAGE_BODY`: whoever answers reads them.
        report: told one sentence about something that must not happen.

    """

    def __init__(
        self,
        entrance: Entrance,
        certificate: PageCertificate | None,
        addresses: Sequence[Address],
        *,
        called: str = "",
        handed: Sequence[socket.socket] = (),
        host_names: Sequence[str] = (),
        serves_plain: bool = False,
        randbytes: Callable[[int], bytes],
        more: More = lambda _own: (),
        needs: Needs = lambda _request: Role.ADMIN,
        middlewares: Sequence[Middleware] = (),
        large: Collection[str] = (),
        report: Callable[[str], None] = lambda _sentence: None,
    ) -> None:
        self.entrance = entrance
        self._certificate = certificate
        self._needs = needs
        self._report = report
        self.listener = PageListener(addresses, handed, lambda: certificate.context if certificate is not None else None, entrance.refusals)
        self.resources = Resources(entrance, certificate, self.addresses)
        routes = more(self.resources.answers())
        paths = {one.path for one in routes if isinstance(one, web.RouteDef)}
        home = HOME if HOME in paths else "/account"
        first = FIRST if FIRST in paths else home
        self._entry = Entry(entrance, lambda: self.fingerprint, randbytes, called=called, home=home, first=first)
        self._gate = Gate(
            entrance,
            self._needed,
            host_names,
            serves_plain=serves_plain,
            secure_port=self._secure_port,
            large=large,
            refused=self._entry.refused,
        )
        self._middlewares = [*middlewares, self.listener.timing, self._gate.middleware, as_problems]
        self._routes = [*self._entry.routes(), *routed(ROUTES, self.resources.answers(), asker), *routes]
        if "/healthz" not in paths:
            self._routes.append(web.get("/healthz", _healthz))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, empty if there is none."""
        return self._certificate.fingerprint if self._certificate is not None else ""

    def certificate_trouble(self) -> tuple[str, str] | None:
        """Return what is wrong with the certificate and what to do, None if nothing is."""
        try:
            if self._certificate is None or not self._certificate.is_over(self.entrance.wall()):
                return None
        except ConfigError as error:
            return (str(error), "Put it back, or the gateway does not start the next time.")
        return (
            f"The time of the certificate of the page, {self._certificate.file}, is over.",
            "Put a new one there, then: systemctl reload meshgate.",
        )

    def addresses(self) -> tuple[str, ...]:
        """Return where the page is, for a browser."""
        return for_browsers(self.listener.bound)

    async def run(self) -> None:
        """Serve until cancelled."""
        app = web.Application(middlewares=self._middlewares, client_max_size=limits.MAX_PAGE_BODY)
        app.on_response_prepare.append(self._gate.dress)
        app.add_routes(self._routes)
        runner = web.AppRunner(
            app,
            access_log=None,
            logger=quiet("The page", lambda: self.entrance.refusals.note(Refused.MALFORMED), self._report),
            keepalive_timeout=limits.PAGE_IDLE_S,
            lingering_time=1.0,
            max_line_size=limits.MAX_PAGE_LINE,
            max_field_size=limits.MAX_PAGE_LINE,
            max_headers=limits.MAX_PAGE_HEADERS,
            shutdown_timeout=SHUTDOWN_S,
        )
        await runner.setup()
        if runner.server is None:
            raise RuntimeError("the runner is not set up")
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep(), name="page file")
                tasks.create_task(self.listener.serve(runner.server), name="page listener")
        finally:
            await runner.cleanup()

    async def _keep(self) -> None:
        """Put on the disk what is counted, now and then and at the end."""
        try:
            while True:
                await asyncio.sleep(limits.FAILURES_KEPT_S)
                await self._keep_now()
        finally:
            await self._keep_now()

    async def _keep_now(self) -> None:
        try:
            await self.entrance.keep()
        except OSError as error:
            self._report(f"What was counted about failed logins cannot be written to the disk: {error.strerror or error}.")

    def _needed(self, request: web.Request) -> Role | None:
        resource = request.match_info.route.resource
        place = (request.method, resource.canonical if resource is not None else "")
        return _OWN[place] if place in _OWN else self._needs(request)

    def _secure_port(self) -> int | None:
        """Return the port to lead to: one that is there for others before one that only this machine can call."""
        found = [address for address in self.listener.bound if address.port not in (0, 80)]
        return next((address.port for address in sorted(found, key=lambda address: ip_address(address.host).is_loopback)), None)


def for_browsers(addresses: Iterable[Address]) -> tuple[str, ...]:
    """Return what browsers call them: without encryption on this machine, over TLS on all others."""
    found = []
    for address in addresses:
        listening = ip_address(address.host)
        hosts = own_addresses() if listening.is_unspecified else [address.host]
        scheme = "http" if listening.is_loopback else "https"
        found += [f"{scheme}://{Address(host, address.port)}/" for host in hosts]
    return tuple(dict.fromkeys(found))


async def _healthz(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="ok\n")
