"""Calling relays: TCP, TLS, WebSocket. The certificate must be valid for the name that was called."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import ClientWSTimeout

from transports.limits import DIAL_TIMEOUT_S, NOSTR_MESSAGE, NOSTR_PING_S, WS_GOODBYE_S, WS_HTTP_LINE
from transports.nostr.address import RelayAddress
from transports.nostr.errors import RelayError


def default_context() -> ssl.SSLContext:
    """TLS as a browser wants it: an authority this machine trusts, and the name that was called."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class RelayCalls:
    """Makes calls; all of them end when the context does.

    Args:
        context: TLS as the calling side wants it.

    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def ready(self) -> AsyncIterator[None]:
        """Make calls possible."""
        trace = aiohttp.TraceConfig()
        trace.on_request_redirect.append(_refuse_redirect)
        connector = aiohttp.TCPConnector(ssl=self._context, limit=0, force_close=True, resolver=aiohttp.ThreadedResolver())
        async with aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),  # a relay must not know us again by more than our address
            skip_auto_headers=("User-Agent",),
            trace_configs=[trace],
            max_line_size=WS_HTTP_LINE,
            max_field_size=WS_HTTP_LINE,
            timeout=aiohttp.ClientTimeout(total=None),
        ) as self._session:
            yield

    async def call(self, address: RelayAddress) -> "aiohttp.ClientWebSocketResponse":
        """Call a relay; raises `RelayError`."""
        if self._session is None:
            raise RelayError("the transport is not running", "unreached")
        try:
            async with asyncio.timeout(DIAL_TIMEOUT_S):
                return await self._session.ws_connect(
                    address.url,
                    compress=0,  # what unpacks to much more than it is cannot be sent
                    max_msg_size=NOSTR_MESSAGE,
                    heartbeat=NOSTR_PING_S,
                    timeout=ClientWSTimeout(ws_close=WS_GOODBYE_S),
                )
        except TimeoutError:
            raise RelayError(f"no answer within {DIAL_TIMEOUT_S:g} seconds", "unreached") from None
        except aiohttp.WSServerHandshakeError as error:
            raise RelayError(f"what answers there is no relay (HTTP status {error.status})", "unreached") from error
        except (aiohttp.ClientError, OSError) as error:
            raise RelayError(_reason(error), "unreached") from error


async def _refuse_redirect(_session: object, _context: object, _parameters: object) -> None:
    """A relay is where the operator said; who sends us elsewhere could send us anywhere."""
    raise RelayError("it sends us elsewhere", "unreached")


def _reason(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {cause.verify_message}"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return type(error).__name__
