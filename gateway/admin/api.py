"""The API on the control socket: HTTP over a Unix socket that only its owner and group can open."""

import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from aiohttp import web

from gateway.errors import ConfigError

SOCKET_MODE = 0o660
SHUTDOWN_S = 2.0  # seconds an answer under way may take when the gateway stops


@asynccontextmanager
async def serve(path: Path, status: Callable[[], msgspec.Struct]) -> AsyncIterator[None]:
    """Answer on the control socket while the context lasts.

    Args:
        path: where the socket is made; a socket left behind by a gateway that died is replaced.
        status: makes the document of ``GET /api/v1/status``.

    Raises:
        ConfigError: the socket cannot be made there, or another gateway answers on it.

    """

    async def get_status(_request: web.Request) -> web.Response:
        return web.Response(body=msgspec.json.encode(status()), content_type="application/json")

    listener = _listen(path)
    app = web.Application()
    app.router.add_get("/api/v1/status", get_status)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        yield
    finally:
        await runner.cleanup()
        _remove(path)


def _listen(path: Path) -> socket.socket:
    """Return a bound socket that has its final mode from the first moment."""
    listener = socket.socket(socket.AF_UNIX)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_stale(path)
        mask = os.umask(0o777 & ~SOCKET_MODE)
        try:
            listener.bind(str(path))
        finally:
            os.umask(mask)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise ConfigError(f"The control socket {path} cannot be made: {reason}. Set control.socket to another path.") from error
    return listener


def _remove_stale(path: Path) -> None:
    """Clear away a socket nobody answers on; refuse to take it from a gateway that runs."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(str(path)) == 0:
            raise ConfigError(f"Another gateway is running: it answers on {path}. Stop it first, or set control.socket to another path.")
    path.unlink()


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
