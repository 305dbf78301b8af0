"""Asking a running gateway over its control socket."""

import errno
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import aiohttp
import msgspec

from gateway.admin.access.documents import Done, NewToken, SetupCodeDocument, SetupCodeRequest, TokenRequest, TokensDocument
from gateway.admin.audit import AuditDocument
from gateway.admin.federation import (
    FederationDocument,
    InviteDocument,
    InviteRequest,
    JoinDocument,
    JoinRequest,
    LeaveDocument,
    LeaveRequest,
    RevokeDocument,
    RevokeRequest,
)
from gateway.admin.policy import HistoryDocument, PolicyDocument
from gateway.admin.problems import ProblemDocument
from gateway.admin.radio import RadioDocument, ResetDocument, ResetRequest, ScanDocument, ScanRequest
from gateway.admin.why import LatestDocument, WhyDocument
from gateway.admin.wipe import WipeDocument, WipeRequest
from gateway.errors import GatewayError
from gateway.limits import STATUS_WAIT_S
from gateway.status import GatewayStatus

TIMEOUT_S = 5.0
WIPE_TIMEOUT_S = 120.0  # seconds for overwriting a full store on a slow card
STEP_TIMEOUT_S = 200.0  # seconds for a step of the recovery ladder, which gives itself up after 180

T = TypeVar("T")


class UnreachableError(GatewayError):
    """No gateway answers on the control socket; the text says what happens there instead.

    `absent` says that none runs there at all: nobody listens.
    """

    def __init__(self, text: str, *, absent: bool = False) -> None:
        super().__init__(text)
        self.absent = absent


class RefusedError(GatewayError):
    """The gateway answers that it will not or cannot; `document` says why and what to do."""

    def __init__(self, document: ProblemDocument) -> None:
        super().__init__(document.detail)
        self.document = document


async def get_status(socket: Path) -> GatewayStatus:
    """Return the running gateway's status; raises `UnreachableError`."""
    return await _ask(socket, "status", GatewayStatus)


async def get_radio(socket: Path) -> RadioDocument:
    """Return how its adapters are doing; raises `UnreachableError` and `RefusedError`."""
    return await _ask(socket, "radio", RadioDocument)


async def scan(socket: Path, request: ScanRequest) -> ScanDocument:
    """Let it listen and tell who is on the air; raises `UnreachableError` and `RefusedError`."""
    return await _ask(socket, "radio/scan", ScanDocument, request, request.seconds + TIMEOUT_S)


async def reset(socket: Path, request: ResetRequest) -> ResetDocument:
    """Let it take a step against a radio that does not work; raises `UnreachableError` and `RefusedError`."""
    return await _ask(socket, "radio/reset", ResetDocument, request, STEP_TIMEOUT_S)


async def get_why(socket: Path, wanted: str) -> WhyDocument:
    """Return what is known of an ID; raises `UnreachableError` and `RefusedError`."""
    return await _ask(socket, f"why/{quote(wanted, safe='')}", WhyDocument)


async def get_latest(socket: Path, count: int) -> LatestDocument:
    """Return the IDs something was done with last; raises `UnreachableError` and `RefusedError`."""
    return await _ask(socket, f"why?last={count}", LatestDocument)


async def get_audit(socket: Path, limit: int, cursor: int | None = None) -> AuditDocument:
    """Return what was changed, the latest first; raises `UnreachableError` and `RefusedError`."""
    return await _ask(socket, f"audit?limit={limit}{'' if cursor is None else f'&cursor={cursor}'}", AuditDocument)


async def get_policy(socket: Path) -> PolicyDocument:
    """Return the rules it goes by; raises `UnreachableError` and `RefusedError`."""
    return await _ask(socket, "policy", PolicyDocument)


async def get_history(socket: Path, from_ms: int, to_ms: int, after: int = 0) -> HistoryDocument:
    """Return a page of what rules could have seen of the past; raises `UnreachableError` and `RefusedError`."""
    return await _ask(socket, f"policy/history?from_ms={from_ms}&to_ms={to_ms}&after={after}", HistoryDocument)


async def get_federation(socket: Path, *, ask: bool = False) -> FederationDocument:
    """Return who is a member, and with `ask` how the others are; raises `UnreachableError` and `RefusedError`."""
    return await _ask(socket, "federation?ask=1" if ask else "federation", FederationDocument, None, TIMEOUT_S + STATUS_WAIT_S)


async def invite(socket: Path, request: InviteRequest) -> InviteDocument:
    """Let it make a ticket; raises `UnreachableError` and `RefusedError`."""
    return await _ask(socket, "federation/invite", InviteDocument, request)


async def join(socket: Path, request: JoinRequest) -> JoinDocument:
    """Let it use a ticket; raises `UnreachableError` and `RefusedError`."""
    return await _ask(socket, "federation/join", JoinDocument, request, request.patience_s + TIMEOUT_S)


async def revoke(socket: Path, request: RevokeRequest) -> RevokeDocument:
    """Let it shut somebody out; raises `UnreachableError` and `RefusedError`."""
    return await _ask(socket, "federation/revoke", RevokeDocument, request)


async def leave(socket: Path) -> LeaveDocument:
    """Let it leave; raises `UnreachableError` and `RefusedError`."""
    return await _ask(socket, "federation/leave", LeaveDocument, LeaveRequest())


async def get_metrics(socket: Path) -> str:
    """Return what Prometheus would read; raises `UnreachableError`."""
    async with _reached(socket, TIMEOUT_S) as session, session.get("http://meshgate/metrics") as response:
        response.raise_for_status()
        return await response.text()


async def wipe(socket: Path, request: WipeRequest) -> WipeDocument:
    """Let it erase what it knows and end; raises `UnreachableError` and `RefusedError`."""
    return await _ask(socket, "wipe", WipeDocument, request, WIPE_TIMEOUT_S)


async def make_setup_code(socket: Path) -> SetupCodeDocument:
    """Let it make a setup code for the page; raises `UnreachableError` and `RefusedError`."""
    return await _ask(socket, "setup-code", SetupCodeDocument, SetupCodeRequest())


async def make_token(socket: Path, request: TokenRequest) -> NewToken:
    """Let it make a token; raises `UnreachableError` and `RefusedError`."""
    return await _ask(socket, "tokens", NewToken, request)


async def get_tokens(socket: Path) -> TokensDocument:
    """Return which tokens there are; raises `UnreachableError` and `RefusedError`."""
    return await _ask(socket, "tokens", TokensDocument)


async def revoke_token(socket: Path, token_id: str) -> Done:
    """Let it take a token back; raises `UnreachableError` and `RefusedError`."""
    return await _ask(socket, f"tokens/{quote(token_id, safe='')}", Done, method="DELETE")


async def _ask(
    socket: Path, what: str, kind: type[T], request: msgspec.Struct | None = None, patience: float | None = None, method: str = ""
) -> T:
    """Ask for what is there, or send a request; the answer is of the type given."""
    method = method or ("GET" if request is None else "POST")
    return await Connection(socket).ask(method, f"/api/v1/{what}", kind, request, TIMEOUT_S if patience is None else patience)


@asynccontextmanager
async def _reached(socket: Path, seconds: float) -> AsyncIterator[aiohttp.ClientSession]:
    async with Connection(socket).reached(seconds) as session:
        yield session


class Connection:
    """The way to one gateway.

    Args:
        where: its control socket, or the beginning of its address, such as ``https://gate.example:8443``.
        token: shown with every request over an address; empty shows none.
        ssl: how an address proves who it is, by default as browsers want it.

    """

    def __init__(self, where: Path | str, token: str = "", ssl: ssl.SSLContext | None = None) -> None:
        self.where = where
        self._base = "http://meshgate" if isinstance(where, Path) else where.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._ssl = ssl

    async def ask(
        self,
        method: str,
        path: str,
        kind: type[T],
        request: msgspec.Struct | None = None,
        patience: float = TIMEOUT_S,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """Ask, and return the answer in the type given; raises `UnreachableError` and `RefusedError`."""
        body = None if request is None else msgspec.json.encode(request)
        data = await self.fetch(method, path, body, patience, headers)
        try:
            return msgspec.json.decode(data, type=kind)
        except msgspec.DecodeError as error:
            raise UnreachableError(f"What answers on {self.where} is no gateway of this version, or a broken one.") from error

    async def fetch(self, method: str, path: str, body: bytes | None, patience: float, headers: Mapping[str, str] | None = None) -> bytes:
        """Ask, and return the answer as it comes; raises `UnreachableError` and `RefusedError`."""
        async with self.reached(patience) as session, session.request(method, self._base + path, data=body, headers=headers) as response:
            data = await response.read()
            if response.content_type == "application/problem+json":
                raise RefusedError(msgspec.json.decode(data, type=ProblemDocument))
            response.raise_for_status()
            return data

    @asynccontextmanager
    async def reached(self, seconds: float | None) -> AsyncIterator[aiohttp.ClientSession]:
        """Talk to it; whatever keeps it from an answer becomes an `UnreachableError`. None waits for ever."""
        where = self.where
        try:
            connector: aiohttp.BaseConnector
            connector = aiohttp.UnixConnector(str(where)) if isinstance(where, Path) else aiohttp.TCPConnector(ssl=self._ssl or True)
            timeout = aiohttp.ClientTimeout(total=seconds)
            async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=self._headers) as session:
                yield session
        except TimeoutError as error:
            raise UnreachableError(f"The gateway on {where} does not answer within {seconds or 0:.0f} s.") from error
        except (aiohttp.ClientConnectionError, OSError) as error:
            if isinstance(error, OSError) and error.errno == errno.EACCES:
                raise UnreachableError(f"You may not open {where}: only its owner and its group may.") from error
            nobody = isinstance(error, OSError) and error.errno in {errno.ENOENT, errno.ECONNREFUSED}
            raise UnreachableError(f"No gateway answers on {where}.", absent=nobody) from error
        except (aiohttp.ClientError, msgspec.DecodeError) as error:
            raise UnreachableError(f"What answers on {where} is no gateway of this version, or a broken one.") from error

    def address(self, path: str) -> str:
        """Return the address of a path there."""
        return self._base + path
