"""The middleware everything goes through: judges the head, finds out who asks, and lets in who may.

A route nobody has said anything about needs an administrator, and so does a path that does not exist: strangers cannot
tell one from the other.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.admin import limits
from gateway.admin.access.entrance import Entrance
from gateway.admin.access.guards import CHANGING, HEADERS, cookies_called, is_our_host, is_upgrade, objection, source_of
from gateway.admin.access.principal import Principal, Proof, Refused
from gateway.admin.access.problem import AccessProblem
from gateway.admin.access.roles import Role
from gateway.admin.access.sessions import cookie_name
from gateway.admin.answering import problem_response
from gateway.session.rate import KeyedBuckets, TokenBucket

Needs = Callable[[web.Request], Role | None]
"""Says what somebody must be to ask that; None lets everybody."""

PRINCIPAL: Final = web.RequestKey("principal", Principal)
"""Who asks; not there if nobody has been recognized."""
SOURCE: Final = web.RequestKey("source", str)
"""Where from."""
ALWAYS: Final = frozenset({"/setup", "/healthz"})
"""Paths that are answered before somebody has a passphrase, beside those below ``/static/``."""
STATIC: Final = "/static/"
FORM_FIELD: Final = "form"
FORM_COOKIE: Final = "-form"  # behind the name of the session's
_FORM_TYPES: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})

_WORDS: Final[Mapping[Refused, tuple[int, str, str]]] = {
    Refused.ADDRESS: (
        421,
        "wrong_host",
        "Nobody is called that here. Ask by the address, by a name in .local, or by one of page.host_names.",
    ),
    Refused.ORIGIN: (403, "wrong_origin", "Another site's page has sent this, or a program that shows no token."),
    Refused.REPEATED: (400, "repeated_header", "A header stands there twice."),
    Refused.QUERY: (400, "secret_in_address", "Secrets do not belong in an address. Send tokens as Authorization: Bearer."),
    Refused.PATH: (400, "bad_path", "That path is too long, or written in a roundabout way."),
    Refused.BODY: (400, "bad_body", "Whoever reads sends no body."),
    Refused.RATE: (429, "wait", "Too many requests."),
    Refused.LARGE: (413, "too_large", "That is too much."),
    Refused.SLOW: (408, "too_slow", "The rest of the request did not come."),
    Refused.SETUP: (403, "not_set_up", "Nobody has set this gateway up yet."),
    Refused.LOGIN: (401, "no_login", "Log in, or show a token."),
    Refused.ROLE: (403, "not_allowed", "You may not do that."),
    Refused.FORM: (403, "stale_form", "The form is too old, or not ours. Load the page again."),
    Refused.PLAIN: (403, "not_encrypted", "This was sent without encryption. Use https://, and change what you have sent."),
}


def refusal(why: Refused) -> AccessProblem:
    """Return the problem for a refusal."""
    status, code, detail = _WORDS[why]
    return AccessProblem(status, code, detail, wait=1.0 if why is Refused.RATE else 0.0)


class Gate:
    """Judges requests.

    Args:
        entrance: knows who may come in.
        needs: what somebody must be for a route.
        names: other names under which this machine may be asked for.
        serves_plain: whether the page is served without encryption to other machines.
        secure_port: where it is served over TLS, for those who come without; None for the port they came to.
        large: paths whose bodies may be larger than `MAX_PAGE_BODY`: whoever answers reads them, and counts.
        refused: makes the answer to whoever is sent away.

    """

    def __init__(
        self,
        entrance: Entrance,
        needs: Needs,
        names: Sequence[str] = (),
        *,
        serves_plain: bool = False,
        secure_port: Callable[[], int | None] = lambda: None,
        large: Collection[str] = (),
        refused: Callable[[web.Request, AccessProblem], web.Response] = problem_response,
    ) -> None:
        self._answer_refused = refused
        self._entrance = entrance
        self._needs = needs
        self._names = frozenset(name.lower().removesuffix(".") for name in names)
        self._serves_plain = serves_plain
        self._secure_port = secure_port
        self._large = frozenset(large)
        self._budgets = KeyedBuckets(limits.PAGE_RATE, limits.PAGE_BURST, limits.MAX_SOURCES)
        self._everybody = TokenBucket(limits.PAGE_RATE_ALL, limits.PAGE_BURST_ALL)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer, or refuse and count it."""
        try:
            return await self._admitted(request, handler)
        except AccessProblem as error:
            return self._answer_refused(request, error)
        except web.HTTPRequestEntityTooLarge:
            return self._answer_refused(request, self._refused(Refused.LARGE))
        except web.HTTPException as error:
            if error.status < 400:
                raise
            refused = AccessProblem(error.status, error.reason.lower().replace(" ", "_"), f"{error.reason}.")
            if "Allow" in error.headers:
                refused.headers["Allow"] = error.headers["Allow"]
            return self._answer_refused(request, refused)

    async def dress(self, request: web.Request, response: web.StreamResponse) -> None:
        """Put on every answer what keeps browsers from doing more with it."""
        response.headers.update(HEADERS)
        if not request.path.startswith(STATIC):
            response.headers["Cache-Control"] = "no-store"

    async def _admitted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        remote = request.remote or ""
        source = request[SOURCE] = source_of(remote)
        now = self._entrance.now()
        if not (self._budgets.take(source.encode(), now) and self._everybody.take(now)):
            raise self._refused(Refused.RATE)
        if not is_our_host(request.headers.get("Host", ""), self._names):
            raise self._refused(Refused.ADDRESS)
        why = objection(request.method, request.raw_path, request.headers, secure=request.secure)
        if why is not None:
            raise self._refused(why)
        if not (request.secure or self._serves_plain or source_is_here(source)):
            return self._elsewhere(request)
        await self._read(request)
        principal = self._recognize(request, source)
        if principal is not None:
            request[PRINCIPAL] = principal
        if not self._entrance.vault.is_set_up and not (request.path in ALWAYS or request.path.startswith(STATIC)):
            return self._led(request, "/setup", Refused.SETUP)
        unknown = request.match_info.http_exception is not None
        needed = Role.VIEWER if unknown else self._needs(request)
        if needed is not None and principal is None:
            return self._led(request, "/login", Refused.LOGIN)
        if needed is not None and principal is not None and principal.role < needed:
            raise self._refused(Refused.ROLE)
        await self._check_form(request)
        return await handler(request)

    def _recognize(self, request: web.Request, source: str) -> Principal | None:
        """Return who asks. A token that is shown decides alone: a cookie beside it is not looked at."""
        shown = request.headers.get("Authorization")
        if shown is not None:
            kind, _, token = shown.partition(" ")
            found = self._entrance.by_token(token.strip(), source) if kind.lower() == "bearer" else None
            if found is None:
                raise AccessProblem(401, "unknown_token", "That opens nothing.")
            return found
        values = cookies_called(cookie_name(request.secure), request.headers)
        if not values:
            return None
        principal = self._entrance.by_session(values[0], secure=request.secure) if len(values) == 1 else None
        if principal is None:
            self._entrance.refusals.note(Refused.COOKIE)
        return principal

    def _led(self, request: web.Request, to: str, why: Refused) -> web.Response:
        """Lead a person to where they can go on; a program gets a problem."""
        problem = self._refused(why)
        if request.method == "GET" and not request.path.startswith("/api/") and not is_upgrade(request.headers):
            return web.Response(status=303, headers={"Location": to})
        raise problem

    def _elsewhere(self, request: web.Request) -> web.Response:
        """Lead to the encrypted page whoever only reads; who has sent something learns that it was not encrypted."""
        self._entrance.refusals.note(Refused.PLAIN)
        if request.method not in {"GET", "HEAD"} or is_upgrade(request.headers) or "Authorization" in request.headers:
            raise refusal(Refused.PLAIN)
        host, port = request.headers["Host"].rpartition("]"), self._secure_port()
        name, given = host[2].partition(":")[::2]
        place = f"{host[0]}{host[1]}{name}"
        chosen = str(port) if port is not None else given or "80"
        return web.Response(status=307, headers={"Location": f"https://{place}{'' if chosen == '443' else f':{chosen}'}{request.raw_path}"})

    async def _read(self, request: web.Request) -> None:
        """Read the body, which has to come in time: nobody behind this waits for one."""
        if request.method not in CHANGING or request.path in self._large:
            return
        if (request.content_length or 0) > limits.MAX_PAGE_BODY:
            raise self._refused(Refused.LARGE)
        try:
            async with asyncio.timeout(limits.PAGE_BODY_S):
                body = await request.read()
        except TimeoutError:
            raise self._refused(Refused.SLOW) from None
        except (ValueError, web.RequestPayloadError):
            raise self._refused(Refused.BODY) from None
        if len(body) > limits.MAX_PAGE_BODY:
            raise self._refused(Refused.LARGE)

    async def _check_form(self, request: web.Request) -> None:
        """Demand of what only scripts can send that it is JSON or bytes, which other sites cannot send unasked, and of a form its seal."""
        if request.method not in CHANGING or request.path in self._large:
            return
        principal = request.get(PRINCIPAL)
        if principal is not None and principal.proof is not Proof.SESSION:
            return
        body = await request.read()
        kind = request.content_type
        if request.path.startswith("/api/"):
            if body and kind != "application/json":
                raise AccessProblem(415, "not_json", "Send JSON, as application/json.")
            return
        if kind not in _FORM_TYPES:
            raise self._refused(Refused.FORM)
        if body.count(b"&") >= limits.MAX_FORM_FIELDS:
            raise self._refused(Refused.LARGE)
        shown = (await request.post()).get(FORM_FIELD, "")
        if not self._entrance.seals.is_whole(bound_to(request), shown if isinstance(shown, str) else ""):
            raise self._refused(Refused.FORM)

    def _refused(self, why: Refused) -> AccessProblem:
        self._entrance.refusals.note(why)
        return refusal(why)


def asker(request: web.Request) -> Principal | None:
    """Return who has been recognized, for whoever answers behind the gate."""
    return request.get(PRINCIPAL)


def bound_to(request: web.Request) -> str:
    """Return what the seal of a form is bound to: the session, or before there is one, a cookie made for that; empty without either."""
    name = cookie_name(request.secure)
    if PRINCIPAL in request:
        return "".join(cookies_called(name, request.headers)[:1])
    values = cookies_called(name + FORM_COOKIE, request.headers)
    return values[0] if len(values) == 1 else ""


def source_is_here(source: str) -> bool:
    """Whether a source is this machine."""
    return source.startswith("127.") or source == "::/64"
