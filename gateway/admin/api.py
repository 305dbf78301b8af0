"""The API on the control socket: HTTP over a Unix socket that only its owner and group can open."""

import contextlib
import errno
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import msgspec
from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.admin.access.roles import Role
from gateway.admin.answering import as_problems, routed
from gateway.admin.federation import FederationControl
from gateway.admin.limits import MAX_API_BODY
from gateway.admin.openapi import description
from gateway.admin.policy import Rules
from gateway.admin.probes import DESCRIPTION, PROBES
from gateway.admin.radio import RadioControl
from gateway.admin.requests import answers
from gateway.admin.route import JSON, Answers, Call, Who
from gateway.admin.table import TABLE
from gateway.admin.why import Inquiry
from gateway.admin.wipe import Wipe
from gateway.errors import ConfigError

SOCKET_MODE = 0o660
SHUTDOWN_S = 2.0  # seconds an answer under way may take when the gateway stops
PROBE_S = 2.0  # seconds a running gateway may take to accept


class Observed(Protocol):
    """What the API wants of telemetry (`gateway.telemetry.observe`)."""

    @property
    def counting(self) -> Middleware:
        """Counts every answer."""

    def answers(self) -> Answers:
        """Return who answers what machines ask: health and metrics."""


def application(answering: Answers, who: Who, observed: Observed | None = None) -> web.Application:
    """Return the whole API for one listener.

    Args:
        answering: who answers, by the name of the route.
        who: says who asks; a listener of its own has its own way to know.
        observed: answers probes, and counts what is asked; None if nobody does.

    """
    everybody = {DESCRIPTION.name: _describe, **answering}
    table = TABLE
    if observed is None:
        table = tuple(route for route in TABLE if route not in PROBES)
    else:
        everybody |= observed.answers()
    app = web.Application(middlewares=[*([observed.counting] if observed is not None else []), as_problems], client_max_size=MAX_API_BODY)
    app.add_routes(routed(table, everybody, who))
    return app


@asynccontextmanager
async def serve(
    path: Path,
    status: Callable[[], msgspec.Struct],
    radio: RadioControl | None = None,
    record: Inquiry | None = None,
    rules: Rules | None = None,
    federation: FederationControl | None = None,
    observed: Observed | None = None,
    wipe: Wipe | None = None,
    more: Answers | None = None,
) -> AsyncIterator[None]:
    """Answer on the control socket while the context lasts; whoever can open it is an admin.

    Args:
        path: where the socket is made; a socket left behind by a gateway that died is replaced.
        status: makes the document of ``GET /api/v1/status``.
        radio: the Bluetooth radio, None if this gateway has none.
        record: what became of what, None if nobody keeps it.
        rules: the operator's rules, None if nobody goes by any.
        federation: who is a member, None if there is no way to other gateways.
        observed: answers probes, and counts what is asked; None if nobody does.
        wipe: erases what the gateway knows, None if it cannot.
        more: who answers every other route; one that is missing answers that it is not there.

    Raises:
        ConfigError: the socket cannot be made there, or another gateway answers on it.

    """
    listener, inode = _listen(path)
    everybody = {**answers(status, radio, record, rules, federation, wipe), **(more or {})}
    app = application(everybody, lambda _request: Role.ADMIN, observed)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        yield
    finally:
        await runner.cleanup()
        _remove_own(path, inode)


async def _describe(_call: Call) -> web.Response:
    return web.Response(body=msgspec.json.encode(description(TABLE)), content_type=JSON)


def _listen(path: Path) -> tuple[socket.socket, int]:
    """Return a listening socket that has its final mode from the first moment, and its inode."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_stale(path)
        return _bind(path), path.stat().st_ino
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(f"The control socket {path} cannot be made: {reason}. Set control.socket to another path.") from error


def _bind(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o777 & ~SOCKET_MODE)
    try:
        listener.bind(str(path))
        listener.listen()  # at once, so that nobody takes it for a stale one
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(mask)
    return listener


def _remove_stale(path: Path) -> None:
    """Clear away a socket nobody answers on; refuse to take it from a gateway that runs."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(PROBE_S)
        if probe.connect_ex(str(path)) not in (errno.ECONNREFUSED, errno.ENOENT):
            raise ConfigError(f"Another gateway is running: it answers on {path}. Stop it first, or set control.socket to another path.")
    path.unlink(missing_ok=True)


def _remove_own(path: Path, inode: int) -> None:
    """Remove our socket, unless somebody else's is there by now."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_ino == inode:
            path.unlink()
