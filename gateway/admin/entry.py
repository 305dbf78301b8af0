"""Setting up, logging in and out: who comes to the door, and where they are led."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.admin.access.entrance import Entrance
from gateway.admin.access.gate import FORM_COOKIE, PRINCIPAL, SOURCE, bound_to, source_is_here
from gateway.admin.access.guards import is_local
from gateway.admin.access.principal import Refused
from gateway.admin.access.problem import AccessProblem
from gateway.admin.access.roles import Role
from gateway.admin.access.sessions import cookie, cookie_name
from gateway.admin.answering import problem_response
from gateway.admin.route import API
from gateway.admin.views import door
from gateway.admin.views.door import Step
from gateway.admin.views.spoken import keep_language, spoken
from gateway.store.audit import Action

NEEDS: Final[Mapping[tuple[str, str], Role | None]] = {
    ("GET", "/setup"): None,
    ("POST", "/setup"): None,
    ("GET", "/login"): None,
    ("POST", "/login"): None,
    ("POST", "/logout"): Role.VIEWER,
}
"""What somebody must be for these routes."""
_SEAL_BYTES: Final = 16
_SHOWN: Final = 64  # characters of a name that is shown again
_FIRST_NAME: Final = "admin"  # what is offered to the first one


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who has chosen a passphrase last, and has not used it yet.

    Args:
        bound: what the seal of their form was bound to, by which the same browser is known.
        name: theirs.
        is_first: whether nobody had one before.

    """

    bound: str
    name: str
    is_first: bool


class Entry:
    """The pages at the door.

    Args:
        entrance: knows who may come in.
        fingerprint: of the certificate, empty if there is none.
        randbytes: cryptographic randomness.
        called: name of the gateway.
        home: where somebody is led who has logged in.
        first: where the first one is led, who has only just set the gateway up.

    """

    def __init__(
        self,
        entrance: Entrance,
        fingerprint: Callable[[], str],
        randbytes: Callable[[int], bytes],
        *,
        called: str = "",
        home: str = "/account",
        first: str = "/account",
    ) -> None:
        self._entrance = entrance
        self._fingerprint = fingerprint
        self._randbytes = randbytes
        self._called = called
        self._home = home
        self._first = first
        self._newcomer: Newcomer | None = None

    def routes(self) -> list[web.RouteDef]:
        """Return what is answered here."""
        return [
            web.get("/setup", self.show_setup),
            web.post("/setup", self.set_up),
            web.get("/login", self.show_login),
            web.post("/login", self.log_in),
            web.post("/logout", self.log_out),
        ]

    async def show_setup(self, request: web.Request) -> web.StreamResponse:
        """Show the form for the setup code."""
        self._check_place(request)
        if self._is_closed():
            return web.Response(status=303, headers={"Location": "/login"})
        return self._form(request, door.setup, name=_FIRST_NAME)

    async def set_up(self, request: web.Request) -> web.StreamResponse:
        """Use the setup code."""
        self._check_place(request)
        given = await request.post()
        code, name, chosen = (_text(given.get(field)) for field in ("code", "name", "passphrase"))
        is_first = not self._entrance.vault.is_set_up
        try:
            user = await self._entrance.set_up(code, name, chosen, request[SOURCE])
        except AccessProblem as error:
            return self._form(request, door.setup, error, name[:_SHOWN])
        self._newcomer = Newcomer(bound_to(request), user.name, is_first=is_first)
        return web.Response(status=303, headers={"Location": "/login"})

    async def show_login(self, request: web.Request) -> web.StreamResponse:
        """Show the form for a name and a passphrase."""
        if PRINCIPAL in request:
            return web.Response(status=303, headers={"Location": self._home})
        newcomer, bound = self._newcomer, bound_to(request)
        if newcomer is not None and bound and newcomer.bound == bound:
            return self._form(request, door.login, name=newcomer.name, fresh=True)
        return self._form(request, door.login)

    async def log_in(self, request: web.Request) -> web.StreamResponse:
        """Log somebody in: always a new session, whatever stood in the cookie before."""
        given = await request.post()
        name, passphrase = (_text(given.get(field)) for field in ("name", "passphrase"))
        before = request.get(PRINCIPAL)
        try:
            session, text = await self._entrance.log_in(name, passphrase, request[SOURCE], secure=request.secure)
        except AccessProblem as error:
            return self._form(request, door.login, error, name[:_SHOWN])
        if before is not None:
            self._entrance.sessions.end(before.id)
        response = web.Response(status=303, headers={"Location": self._after(session.user)})
        called = cookie_name(request.secure)
        response.headers.add("Set-Cookie", cookie(called, text, secure=request.secure))
        response.headers.add("Set-Cookie", cookie(called + FORM_COOKIE, "", secure=request.secure, seconds=0))
        return response

    async def log_out(self, request: web.Request) -> web.StreamResponse:
        """Log somebody out."""
        principal = request[PRINCIPAL]
        self._entrance.sessions.end(principal.id)
        self._entrance.audit(Action.LOGOUT, principal.actor, request[SOURCE])
        response = web.Response(status=303, headers={"Location": "/login", "Clear-Site-Data": '"cache", "storage"'})
        response.headers.add("Set-Cookie", cookie(cookie_name(request.secure), "", secure=request.secure, seconds=0))
        return response

    def refused(self, request: web.Request, error: AccessProblem) -> web.Response:
        """Return why somebody was sent away: a page for people, a document for programs."""
        if request.path.startswith(f"{API}/") or "text/html" not in request.headers.get("Accept", ""):
            return problem_response(request, error)
        shown = door.refused(Step(spoken(request), self._called, ""), error.document)
        return web.Response(status=error.document.status, text=shown, content_type="text/html", headers=error.headers)

    def _form(
        self,
        request: web.Request,
        render: Callable[[Step], str],
        error: AccessProblem | None = None,
        name: str = "",
        *,
        fresh: bool = False,
    ) -> web.Response:
        """Return a page with a sealed form, and where the seal needs one, a cookie for it."""
        bound, made = bound_to(request), ""
        if not bound:
            bound = made = base64.urlsafe_b64encode(self._randbytes(_SEAL_BYTES)).decode().rstrip("=")
        status = error.document.status if error is not None else 200
        seal, private = self._entrance.seals.seal(bound), _is_private(request)
        shown = render(Step(spoken(request), self._called, seal, self._fingerprint(), private, name, error, fresh))
        response = web.Response(status=status, text=shown, content_type="text/html")
        if made:
            response.headers.add("Set-Cookie", cookie(cookie_name(request.secure) + FORM_COOKIE, made, secure=request.secure))
        keep_language(request, response)
        if error is not None and error.wait > 0:
            response.headers["Retry-After"] = str(int(error.wait) + 1)
        return response

    def _after(self, name: str) -> str:
        """Return where somebody is led who has logged in; the first one has choices to make, once."""
        newcomer = self._newcomer
        if newcomer is None or newcomer.name != name:
            return self._home
        self._newcomer = None
        return self._first if newcomer.is_first else self._home

    def _is_closed(self) -> bool:
        """Whether there is nothing to set up."""
        return self._entrance.vault.is_set_up and not self._entrance.code.is_open(self._entrance.now())

    def _check_place(self, request: web.Request) -> None:
        """Let only those set up who are in a network of the house."""
        transport = request.transport
        called = transport.get_extra_info("sockname") if transport is not None else None
        if not is_local(request.remote or "", called[0] if isinstance(called, tuple) else ""):
            self._entrance.refusals.note(Refused.NETWORK)
            raise AccessProblem(403, "not_local", "A gateway is set up from its own network.", "Come closer, or use a passphrase.")


def _is_private(request: web.Request) -> bool:
    """Whether nobody in between can read along."""
    return request.secure or source_is_here(request[SOURCE])


def _text(value: object) -> str:
    """Return a field of a form; a file in its place is nothing."""
    return value if isinstance(value, str) else ""
