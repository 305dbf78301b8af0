"""A page that listens on this machine, and somebody who writes to it byte for byte."""

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from argon2.profiles import CHEAPEST

from gateway.admin.access.entrance import Entrance
from gateway.admin.access.gate import PRINCIPAL, asker, bound_to
from gateway.admin.access.principal import Refused
from gateway.admin.access.roles import Role
from gateway.admin.access.tls import PageCertificate
from gateway.admin.page import Page
from gateway.admin.pages import NEEDS, Pages
from gateway.admin.route import Answers
from tests.admin.documents import document
from transports.websocket.address import Address

HERE = Address("127.0.0.1", 0)
GOOD = "correct horse battery staple"
WALL = 1_800_000_000.0


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: str

    def get(self, name: str) -> str:
        return ", ".join(value for found, value in self.headers if found == name.lower())

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def cookies(self) -> dict[str, str]:
        jar: dict[str, str] = {}
        for name, value in self.headers:
            if name == "set-cookie":
                jar |= {key: morsel.value for key, morsel in SimpleCookie(value).items()}
        return jar

    @property
    def seal(self) -> str:
        found = re.search(r'name="form" value="([0-9a-f]{64})"', self.body)
        assert found is not None, self.body
        return found[1]


@dataclass
class Door:
    """The page with everything around it."""

    state: Path
    page: Page
    entrance: Entrance
    told: list[tuple[str, str, str]]
    clock: list[float]
    reports: list[str]
    address: Address = HERE
    secure: bool = False
    calls: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.address.port}"

    @property
    def origin(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.host}"

    def count(self, why: Refused) -> int:
        return self.entrance.refusals[why]

    async def raw(self, data: bytes, *, secure: bool | None = None) -> Reply:
        """Send these bytes, and read everything until the end."""
        reader, writer = await self.connect(secure=secure)
        try:
            writer.write(data)
            await writer.drain()
            return await read_reply(reader)
        finally:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    async def connect(self, *, secure: bool | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = None
        if self.secure if secure is None else secure:
            context = ssl.create_default_context(cafile=str(self.state / "page.crt"))
        return await asyncio.open_connection(self.address.host, self.address.port, ssl=context)

    async def ask(
        self,
        method: str,
        path: str,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        *,
        host: str | None = None,
        origin: str | None = "own",
        secure: bool | None = None,
    ) -> Reply:
        """Ask as a browser would; what is in `headers` comes as it is."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host if host is None else host}", "Connection: close"]
        if origin is not None and method not in {"GET", "HEAD"}:
            lines.append(f"Origin: {self.origin if origin == 'own' else origin}")
        lines += [f"{name}: {value}" for name, value in headers]
        if body or method not in {"GET", "HEAD"}:
            lines.append(f"Content-Length: {len(body)}")
        return await self.raw("\r\n".join([*lines, "", ""]).encode() + body, secure=secure)

    async def form(self, path: str, fields: dict[str, str], cookies: dict[str, str], **options: Any) -> Reply:
        headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Cookie", jar(cookies))]
        return await self.ask("POST", path, headers, urlencode(fields).encode(), **options)

    async def submit(self, path: str, **fields: str) -> Reply:
        """Load a form and send it, as a browser does."""
        shown = await self.ask("GET", path)
        return await self.form(path, {"form": shown.seal, **fields}, shown.cookies)

    async def add(self, name: str = "ada", role: Role = Role.ADMIN) -> None:
        await self.entrance.add_user(name, role, GOOD)

    async def logged_in(self, name: str = "ada", role: Role = Role.ADMIN) -> dict[str, str]:
        """Return the cookies of somebody who has logged in with a passphrase."""
        if self.entrance.vault.accounts.user(name) is None:
            await self.add(name, role)
        reply = await self.submit("/login", name=name, passphrase=GOOD)
        assert reply.status == 303, reply.body
        return {name: value for name, value in reply.cookies.items() if value}

    async def token(self, role: Role = Role.VIEWER, days: int = 1) -> str:
        return (await self.entrance.tokens.make("a program", role, days, "")).shown

    async def api(self, method: str, path: str, cookies: dict[str, str], document: object = None, **options: Any) -> Reply:
        headers = [("Cookie", jar(cookies)), *([("Content-Type", "application/json")] if document is not None else [])]
        return await self.ask(method, path, headers, b"" if document is None else json.dumps(document).encode(), **options)


def jar(cookies: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


async def read_reply(reader: asyncio.StreamReader) -> Reply:
    """Read one answer; status 0 is none."""
    head = (await reader.read(65_536)).decode(errors="replace")
    while "\r\n\r\n" not in head and (more := await reader.read(65_536)):
        head += more.decode(errors="replace")
    if not head:
        return Reply(0, [], "")
    head, _, body = head.partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    length = next((int(value) for name, value in headers if name == "content-length"), 0)
    while len(body.encode()) < length and (more := await reader.read(65_536)):
        body += more.decode(errors="replace")
    return Reply(int(first.split()[1]), headers, body)


def make_door(state: Path, *, secure: bool = False, wall: float | None = WALL, answers: Answers | None = None, **options: Any) -> Door:
    rng, clock, told, reports, calls = Random(7), [1_000.0], [], [], []
    entrance = Entrance(
        state,
        rng.randbytes,
        lambda: clock[0],
        lambda: wall,
        lambda action, actor, detail: told.append((action, actor, detail)),
        CHEAPEST,
    )
    certificate = PageCertificate(state / "page.crt", state / "page.key") if secure else None

    async def send(request: web.Request) -> web.StreamResponse:
        calls.append(f"send:{request[PRINCIPAL].name}")
        return web.json_response({"sent": True})

    async def look(_request: web.Request) -> web.StreamResponse:
        calls.append("look")
        return web.json_response({"seen": True})

    async def events(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        calls.append("events")
        await socket.close()
        return socket

    def needs(request: web.Request) -> Role | None:
        resource = request.match_info.route.resource
        place = (request.method, resource.canonical if resource is not None else "")
        own = {"/api/v1/look": Role.VIEWER, "/api/v1/messages": Role.OPERATOR, "/api/v1/events": Role.VIEWER}
        return NEEDS[place] if place in NEEDS else own.get(request.path, Role.ADMIN)

    def more(own: Answers) -> list[web.RouteDef]:
        return [
            *routes,
            *Pages({**own, **(answers or {})}, asker, document, seal=lambda request: entrance.seals.seal(bound_to(request))).routes(),
        ]

    routes = [
        web.get("/api/v1/look", look),
        web.post("/api/v1/messages", send),
        web.get("/api/v1/events", events),
        web.post("/api/v1/forgotten", send),
    ]
    inside: dict[str, Any] = {"more": more, "needs": needs, **options}
    page = Page(entrance, certificate, [HERE], randbytes=rng.randbytes, report=reports.append, **inside)
    return Door(state, page, entrance, told, clock, reports, secure=secure, calls=calls)


async def until(holds: Callable[[], object]) -> None:
    """Let everything else run as long as something holds: those who are waited for tell nobody."""
    while holds():  # noqa: ASYNC110 -- as the sentence says
        await asyncio.sleep(0)


@asynccontextmanager
async def opened(door: Door) -> AsyncIterator[Door]:
    """Let the page listen while the context lasts."""
    task = asyncio.create_task(door.page.run())
    while not door.page.listener.bound and not task.done():  # noqa: ASYNC110 -- the listener tells nobody
        await asyncio.sleep(0)
    if task.done():
        await task
    door.address = door.page.listener.bound[0]
    try:
        yield door
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
