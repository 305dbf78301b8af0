"""Asks a running gateway: over its control socket on the same machine, or over HTTPS with a token from another.

>>> client = Client(Path("/run/meshgate/control.sock"))
>>> len(await client.peers())
3
"""

import ssl
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

import aiohttp
import msgspec

from gateway.admin.charts import ChartsDocument
from gateway.admin.client import TIMEOUT_S, Connection, RefusedError, UnreachableError
from gateway.admin.feed import EventDocument, Topic
from gateway.admin.frames import FramesDocument
from gateway.admin.limits import PING_WAIT_S
from gateway.admin.logbook import LogLevel, LogsDocument
from gateway.admin.messages import MessageDocument, MessagesDocument, Stage
from gateway.admin.operations import DoctorRequest, OperationDocument
from gateway.admin.peers import PeerDocument, PeersDocument, TopologyDocument, Where
from gateway.admin.restart import WORD, RestartDocument, RestartRequest
from gateway.admin.rules_file import RulesChangedDocument, RulesFileDocument, RulesText
from gateway.admin.sending import ISLAND, PingDocument, PingRequest, ReceiptDocument, SendRequest
from gateway.admin.settings import ChangedDocument, ConfigChange, ConfigDocument
from gateway.admin.stream import PROTOCOL, Wish
from gateway.admin.transports import TransportsDocument
from gateway.admin.update import UpdatesDocument
from gateway.status import GatewayStatus

__all__ = ["Client", "RefusedError", "UnreachableError"]

API: Final = "/api/v1"


class Client:
    """One gateway; every question raises `UnreachableError` or `RefusedError`.

    Args:
        where: its control socket, or the beginning of its address, such as ``https://gate.example:8443``.
        token: what opens an address; a socket needs none.
        ssl: how an address proves who it is, by default as browsers want it.

    """

    def __init__(self, where: Path | str, token: str = "", ssl: ssl.SSLContext | None = None) -> None:
        self._connection = Connection(where, token, ssl)

    async def status(self) -> GatewayStatus:
        """Return how it is doing."""
        return await self._connection.ask("GET", f"{API}/status", GatewayStatus)

    async def peers(self, where: Where | None = None) -> tuple[PeerDocument, ...]:
        """Return everybody it knows now, the last heard first."""
        found: list[PeerDocument] = []
        cursor: str | None = ""
        while cursor is not None:
            page = await self._connection.ask("GET", f"{API}/peers{_query(where=where, cursor=cursor)}", PeersDocument)
            found += page.peers
            cursor = page.next
        return tuple(found)

    async def topology(self) -> TopologyDocument:
        """Return how everything hangs together."""
        return await self._connection.ask("GET", f"{API}/topology", TopologyDocument)

    async def messages(self, state: Stage | None = None, limit: int = 20, cursor: str = "") -> MessagesDocument:
        """Return what became of messages, a page of them."""
        return await self._connection.ask("GET", f"{API}/messages{_query(state=state, limit=limit, cursor=cursor)}", MessagesDocument)

    async def message(self, message_id: str) -> MessageDocument:
        """Return what became of one."""
        return await self._connection.ask("GET", f"{API}/messages/{quote(message_id, safe='')}", MessageDocument)

    async def send(self, text: str, to: str = ISLAND, *, urgent: bool = False, key: str = "") -> ReceiptDocument:
        """Send a notice to the island, or a private message to a peer; the same `key` sends the same once."""
        headers = {"Idempotency-Key": key} if key else None
        request = SendRequest(text, to, urgent)
        return await self._connection.ask("POST", f"{API}/messages", ReceiptDocument, request, TIMEOUT_S, headers)

    async def ping(self, target: str) -> PingDocument:
        """Ask a peer or a site whether it is there."""
        return await self._connection.ask("POST", f"{API}/ping", PingDocument, PingRequest(target), PING_WAIT_S + TIMEOUT_S)

    async def transports(self) -> TransportsDocument:
        """Return how its transports are doing."""
        return await self._connection.ask("GET", f"{API}/transports", TransportsDocument)

    async def charts(self, hours: int = 24, step_min: int = 5) -> ChartsDocument:
        """Return figures of the last hours."""
        return await self._connection.ask("GET", f"{API}/charts{_query(hours=hours, step_min=step_min)}", ChartsDocument)

    async def logs(self, level: LogLevel = LogLevel.INFO, limit: int = 200, after: int = 0) -> LogsDocument:
        """Return the last entries of its log."""
        return await self._connection.ask("GET", f"{API}/logs{_query(level=level, limit=limit, after=after)}", LogsDocument)

    async def config(self) -> ConfigDocument:
        """Return its settings."""
        return await self._connection.ask("GET", f"{API}/config", ConfigDocument)

    async def change_config(self, change: ConfigChange, tag: str, *, dry_run: bool = False) -> ChangedDocument:
        """Change settings; `tag` is that of the configuration that was looked at."""
        path, headers = f"{API}/config{_query(dry_run=dry_run or None)}", {"If-Match": f'"{tag}"'}
        return await self._connection.ask("PATCH", path, ChangedDocument, change, TIMEOUT_S, headers)

    async def rules_file(self) -> RulesFileDocument:
        """Return the file with its rules."""
        return await self._connection.ask("GET", f"{API}/policy/file", RulesFileDocument)

    async def change_rules(self, text: str, tag: str, *, dry_run: bool = False) -> RulesChangedDocument:
        """Have it go by other rules; `tag` is that of the file that was looked at."""
        path, headers = f"{API}/policy/file{_query(dry_run=dry_run or None)}", {"If-Match": f'"{tag}"'}
        return await self._connection.ask("PUT", path, RulesChangedDocument, RulesText(text), TIMEOUT_S, headers)

    async def frames(self, limit: int = 100) -> FramesDocument:
        """Return headers of the frames that came and went since somebody looks at them."""
        return await self._connection.ask("GET", f"{API}/diagnostics/frames{_query(limit=limit)}", FramesDocument)

    async def updates(self) -> UpdatesDocument:
        """Return which version is installed, and how its machine gets another."""
        return await self._connection.ask("GET", f"{API}/updates", UpdatesDocument)

    async def restart(self) -> RestartDocument:
        """Let it start again; it answers nothing for a while then."""
        return await self._connection.ask("POST", f"{API}/restart", RestartDocument, RestartRequest(WORD))

    async def examine(self) -> OperationDocument:
        """Have it look at its machine; `operation` says how far that is."""
        return await self._connection.ask("POST", f"{API}/diagnostics/doctor", OperationDocument, DoctorRequest())

    async def operation(self, name: str) -> OperationDocument:
        """Return how far some work is."""
        return await self._connection.ask("GET", f"{API}/operations/{quote(name, safe='')}", OperationDocument)

    async def bundle(self) -> bytes:
        """Return the support archive."""
        return await self._connection.fetch("GET", f"{API}/diagnostics/bundle", None, 60.0)

    async def follow(self, topics: Collection[Topic] = (), since: str = "") -> AsyncIterator[EventDocument]:
        """Walk what happens, beginning with the state or with what came after `since`, until the gateway ends it."""
        connection = self._connection
        async with connection.reached(None) as session:
            try:
                async with session.ws_connect(connection.address(f"{API}/events"), protocols=(PROTOCOL,), heartbeat=45.0) as socket:
                    await socket.send_str(msgspec.json.encode(Wish(tuple(topics), since)).decode())
                    async for message in socket:
                        if message.type is aiohttp.WSMsgType.TEXT:
                            yield msgspec.json.decode(message.data, type=EventDocument)
            except aiohttp.WSServerHandshakeError as error:
                raise UnreachableError(f"The gateway on {connection.where} lets nobody follow: {error.status}.") from error


def _query(**asked: object) -> str:
    said = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in asked.items() if value not in (None, "")}
    return f"?{urlencode(said)}" if said else ""
