"""Asking a running gateway over its control socket."""

import errno
from pathlib import Path

import aiohttp
import msgspec

from gateway.errors import GatewayError
from gateway.status import GatewayStatus

TIMEOUT_S = 5.0


class UnreachableError(GatewayError):
    """No gateway answers on the control socket; the text says what happens there instead."""


async def get_status(socket: Path) -> GatewayStatus:
    """Return the running gateway's status; raises `UnreachableError`."""
    try:
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket)), timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session,
            session.get("http://meshgate/api/v1/status") as response,
        ):
            response.raise_for_status()
            return msgspec.json.decode(await response.read(), type=GatewayStatus)
    except TimeoutError as error:
        raise UnreachableError(f"The gateway on {socket} does not answer within {TIMEOUT_S:.0f} s.") from error
    except (aiohttp.ClientConnectionError, OSError) as error:
        if isinstance(error, OSError) and error.errno == errno.EACCES:
            raise UnreachableError(f"You may not open {socket}: only its owner and its group may.") from error
        raise UnreachableError(f"No gateway answers on {socket}.") from error
    except (aiohttp.ClientError, msgspec.DecodeError) as error:
        raise UnreachableError(f"What answers on {socket} is no gateway of this version, or a broken one.") from error
