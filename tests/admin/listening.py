"""The API on a port of this machine, for tests that ask as somebody else than the owner of the socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from gateway.admin.access.principal import Principal, Proof
from gateway.admin.access.roles import Role
from gateway.admin.route import Who


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """Serve while the context lasts; yields the beginning of its addresses."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def known(role: Role | None) -> Who:
    """Return what recognizes everybody as the same person, or nobody."""
    return lambda _request: None if role is None else Principal("ada", role, Proof.SESSION)
