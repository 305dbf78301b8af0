"""The API on the control socket: HTTP over a Unix socket that only its owner and group can open."""

import contextlib
import errno
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import msgspec
from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.admin.access.principal import LOCAL
from gateway.admin.answering import as_problems, routed
from gateway.admin.limits import MAX_API_BODY
from gateway.admin.openapi import description
from gateway.admin.probes import DESCRIPTION, PROBES
from gateway.admin.route import JSON, Answers, Call, Who
from gateway.admin.table import TABLE
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
    everybody = {DESCRIPTION.name: describe, **answering}
    table = TABLE
    if observed is None:
        table = tuple(route for route in TABLE if route not in PROBES)
    else:
        everybody |= observed.answers()
    app = web.Application(middlewares=[*([observed.counting] if observed is not None else []), as_problems], client_max_size=MAX_API_BODY)
    app.add_routes(routed(table, everybody, who))
    return app


@asynccontextmanager
async def serve(path: Path, answering: Answers, observed: Observed | None = None) -> AsyncIterator[None]:
    """Answer on the control socket while the context lasts; whoever can open it is an admin.

    Args:
        path: where the socket is made; a socket left behind by a gateway that died is replaced.
        answering: who answers, by the name of the route; one that is missing answers that it is not there.
        observed: answers probes, and counts what is asked; None if nobody does.

    Raises:
        ConfigError: the socket cannot be made there, or another gateway answers on it.

    """
    listener, inode = _listen(path)
    app = application(answering, lambda _request: LOCAL, observed)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        yield
    finally:
        await runner.cleanup()
        _remove_own(path, inode)


async def describe(_call: Call) -> web.Response:
    """Answer the description of the API."""
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
