"""Asking a running gateway over its control socket."""

from pathlib import Path

import aiohttp
import msgspec

from gateway.errors import GatewayError
from gateway.status import GatewayStatus

TIMEOUT = aiohttp.ClientTimeout(total=5)


class UnreachableError(GatewayError):
    """No gateway answers on the control socket."""


async def get_status(socket: Path) -> GatewayStatus:
    """Return the running gateway's status; raises `UnreachableError`."""
    try:
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket)), timeout=TIMEOUT) as session,
            session.get("http://meshgate/api/v1/status") as response,
        ):
            response.raise_for_status()
            return msgspec.json.decode(await response.read(), type=GatewayStatus)
    except (aiohttp.ClientError, TimeoutError, OSError, msgspec.ValidationError) as error:
        raise UnreachableError(f"No gateway answers on {socket}.") from error
