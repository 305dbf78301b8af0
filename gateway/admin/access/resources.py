"""People, tokens and sessions over the API: on the page for administrators, on the control socket for whoever may open it.

A token cannot make another one, nor people: one that leaks can be taken back with everything it has done.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Final, TypeVar

import msgspec
from aiohttp import web

from gateway.admin.access import documents as docs
from gateway.admin.access.entrance import Entrance
from gateway.admin.access.gate import PRINCIPAL, SOURCE
from gateway.admin.access.guards import cookies_called
from gateway.admin.access.principal import LOCAL, ROLE_WORDS, SCOPES, WORDS, Principal, Proof, Refused, scope_of
from gateway.admin.access.problem import AccessProblem, answer
from gateway.admin.access.roles import Role
from gateway.admin.access.sessions import Session, cookie_name
from gateway.admin.access.tls import PageCertificate
from gateway.admin.access.vault import Token, User
from gateway.admin.limits import CODE_S
from gateway.store.audit import Action

T = TypeVar("T")
Ask = Callable[[web.Request], Awaitable[msgspec.Struct]]

NEEDS: Final[Mapping[tuple[str, str], Role | None]] = {
    ("GET", "/api/v1/session"): Role.VIEWER,
    ("GET", "/api/v1/sessions"): Role.VIEWER,
    ("DELETE", "/api/v1/sessions/{id}"): Role.VIEWER,
    ("GET", "/api/v1/users"): Role.ADMIN,
    ("POST", "/api/v1/users"): Role.ADMIN,
    ("DELETE", "/api/v1/users/{name}"): Role.ADMIN,
    ("PUT", "/api/v1/users/{name}/passphrase"): Role.VIEWER,
    ("GET", "/api/v1/tokens"): Role.ADMIN,
    ("POST", "/api/v1/tokens"): Role.ADMIN,
    ("DELETE", "/api/v1/tokens/{id}"): Role.ADMIN,
    ("GET", "/api/v1/certificate"): Role.VIEWER,
}
"""What somebody must be for these routes."""


class Resources:
    """Answers about who may come in.

    Args:
        entrance: knows who may.
        certificate: of the page, None if it has none.
        addresses: where the page is.

    """

    def __init__(self, entrance: Entrance, certificate: PageCertificate | None, addresses: Callable[[], tuple[str, ...]]) -> None:
        self._entrance = entrance
        self._certificate = certificate
        self._addresses = addresses

    def routes(self) -> list[web.RouteDef]:
        """Return what is answered on the page; the gate has found out who asks."""
        return [web.route(method, path, _answering(ask)) for (method, path), ask in self._asks().items()]

    def local_routes(self) -> list[web.RouteDef]:
        """Return what is answered on the control socket, to whoever may open it, and on no other."""
        shown = {place: ask for place, ask in self._asks().items() if place[1] != "/api/v1/session"}
        shown["POST", "/api/v1/setup-code"] = self.make_code
        return [web.route(method, path, _locally(ask)) for (method, path), ask in shown.items()]

    def _asks(self) -> dict[tuple[str, str], Ask]:
        asks = (self.who, self.sessions, self.end_session, self.users, self.add_user, self.remove_user, self.change_passphrase)
        return dict(zip(NEEDS, (*asks, self.tokens, self.make_token, self.revoke_token, self.certificate), strict=True))

    async def who(self, request: web.Request) -> docs.Who:
        """Answer who asks."""
        principal = request[PRINCIPAL]
        bound = "".join(cookies_called(cookie_name(request.secure), request.headers)[:1]) if principal.proof is Proof.SESSION else ""
        seal = self._entrance.seals.seal(bound) if bound else ""
        return docs.Who(principal.name, WORDS[principal.role], principal.proof.value, principal.id, seal)

    async def sessions(self, request: web.Request) -> docs.SessionsDocument:
        """Answer who is logged in; who is no administrator sees their own."""
        principal, now = request[PRINCIPAL], self._entrance.now()
        self._entrance.sessions.expire(now)
        seen = [one for one in self._entrance.sessions if _may_see(principal, one.user)]
        return docs.SessionsDocument(tuple(_session(one, now, yours=one.id == principal.id) for one in seen))

    async def end_session(self, request: web.Request) -> docs.Done:
        """Log somebody out."""
        principal, wanted = request[PRINCIPAL], request.match_info["id"]
        found = next((one for one in self._entrance.sessions if one.id == wanted and _may_see(principal, one.user)), None)
        if found is None:
            raise AccessProblem(404, "unknown_session", "There is no such session.")
        self._entrance.sessions.end(wanted)
        self._tell(request, Action.SESSION_ENDED, found.user)
        return docs.Done("That session is over.")

    async def users(self, _request: web.Request) -> docs.UsersDocument:
        """Answer who has a passphrase."""
        return docs.UsersDocument(tuple(map(_user, self._entrance.vault.accounts.users)))

    async def add_user(self, request: web.Request) -> docs.UserDocument:
        """Give somebody a passphrase."""
        wanted = await _body(request, docs.UserRequest)
        role = ROLE_WORDS.get(wanted.role)  # type: ignore[call-overload]
        if role is None:
            raise AccessProblem(400, "bad_request", "There is no such role.", f"One of: {', '.join(ROLE_WORDS)}.")
        await self._confirm(request, wanted.current)
        user = await self._entrance.add_user(wanted.name, role, wanted.passphrase)
        self._tell(request, Action.USER_ADDED, f"{user.name} as {user.role}")
        return _user(user)

    async def remove_user(self, request: web.Request) -> docs.Done:
        """Take everything back from somebody."""
        self._refuse_tokens(request)
        name = request.match_info["name"]
        await self._entrance.remove_user(name)
        self._tell(request, Action.USER_REMOVED, name)
        return docs.Done("Removed; every session and token of theirs is over.")

    async def change_passphrase(self, request: web.Request) -> docs.Done:
        """Give somebody, or oneself, another passphrase."""
        principal, name = request[PRINCIPAL], request.match_info["name"]
        if not _may_see(principal, name):
            self._entrance.refusals.note(Refused.ROLE)
            raise AccessProblem(403, "not_allowed", "You may change your own passphrase.")
        wanted = await _body(request, docs.PassphraseRequest)
        await self._confirm(request, wanted.current)
        await self._entrance.change_passphrase(name, wanted.passphrase, principal.id)
        self._tell(request, Action.PASSPHRASE_CHANGED, name)
        return docs.Done("Changed; every other session is over.")

    async def tokens(self, _request: web.Request) -> docs.TokensDocument:
        """Answer which tokens there are."""
        return docs.TokensDocument(tuple(map(self._token, self._entrance.vault.accounts.tokens)))

    async def make_token(self, request: web.Request) -> docs.NewToken:
        """Make a token, and show it this once."""
        self._refuse_tokens(request)
        wanted = await _body(request, docs.TokenRequest)
        if wanted.scope not in SCOPES:
            raise AccessProblem(400, "bad_request", "There is no such scope.", f"One of: {', '.join(SCOPES)}.")
        principal = request[PRINCIPAL]
        by = "" if principal.proof is Proof.LOCAL else principal.name
        made = await self._kept(self._entrance.tokens.make(wanted.name, SCOPES[wanted.scope], wanted.days, by))
        self._tell(request, Action.TOKEN_MADE, f"{made.token.id} {made.token.name} ({wanted.scope})")
        return docs.NewToken(made.shown, self._token(made.token))

    async def revoke_token(self, request: web.Request) -> docs.Done:
        """Take a token back."""
        self._refuse_tokens(request)
        token = await self._kept(self._entrance.tokens.revoke(request.match_info["id"]))
        self._tell(request, Action.TOKEN_REVOKED, f"{token.id} {token.name}")
        return docs.Done(f"The token {token.name} opens nothing any more.")

    async def certificate(self, _request: web.Request) -> docs.CertificateDocument:
        """Answer by what the page can be recognized."""
        if self._certificate is None:
            raise AccessProblem(404, "no_certificate", "The page has no certificate.")
        return docs.CertificateDocument(self._certificate.fingerprint, self._certificate.ends().isoformat(), str(self._certificate.file))

    async def make_code(self, request: web.Request) -> docs.SetupCodeDocument:
        """Make a setup code; also for a passphrase that was forgotten."""
        await _body(request, docs.SetupCodeRequest)
        code = self._entrance.code.issue(self._entrance.now(), forgive=True)
        self._tell(request, Action.SETUP_CODE_MADE, "made")
        fingerprint = self._certificate.fingerprint if self._certificate is not None else ""
        return docs.SetupCodeDocument(code, int(CODE_S), self._addresses(), fingerprint)

    def _token(self, token: Token) -> docs.TokenDocument:
        used = self._entrance.tokens.last_used(token)
        scope = scope_of(ROLE_WORDS[token.role])
        return docs.TokenDocument(token.id, token.name, scope, token.by, _moment(token.made), _moment(token.expires), _moment(used))

    def _tell(self, request: web.Request, action: Action, detail: str) -> None:
        self._entrance.audit(action, request[PRINCIPAL].actor, detail)

    def _refuse_tokens(self, request: web.Request) -> None:
        if request[PRINCIPAL].proof is Proof.TOKEN:
            self._entrance.refusals.note(Refused.ROLE)
            raise AccessProblem(403, "not_by_token", "A token cannot decide who comes in.", "Log in, or use the command line at the box.")

    async def _confirm(self, request: web.Request, current: str) -> None:
        """Have whoever asks show their own passphrase: a browser left open is not enough."""
        self._refuse_tokens(request)
        await self._entrance.confirm(request[PRINCIPAL], current, request.get(SOURCE, ""))

    async def _kept(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except OSError as error:
            raise AccessProblem(503, "not_kept", f"That could not be written to the disk: {error.strerror or error}.") from error


def _may_see(principal: Principal, name: str) -> bool:
    return principal.role is Role.ADMIN or (principal.proof is Proof.SESSION and principal.name == name)


def _user(user: User) -> docs.UserDocument:
    return docs.UserDocument(user.name, user.role, _moment(user.made))


def _session(session: Session, now: float, *, yours: bool) -> docs.SessionDocument:
    age, idle = int(now - session.began), int(now - session.seen)
    return docs.SessionDocument(session.id, session.user, session.source, age, idle, session.secure, yours)


def _moment(unix: int) -> str | None:
    """Return Unix seconds as of RFC 3339, None for never or not known."""
    return datetime.fromtimestamp(unix, UTC).isoformat().replace("+00:00", "Z") if unix else None


async def _body(request: web.Request, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(await request.read() or b"{}", type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise AccessProblem(400, "bad_request", "The request makes no sense.", "See the description of the API for its fields.") from error


def _answering(ask: Ask) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def respond(request: web.Request) -> web.Response:
        return web.Response(body=msgspec.json.encode(await ask(request)), content_type="application/json")

    return respond


def _locally(ask: Ask) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return what answers where no gate stands."""
    respond = _answering(ask)

    async def respond_locally(request: web.Request) -> web.Response:
        request[PRINCIPAL] = LOCAL
        try:
            return await respond(request)
        except AccessProblem as error:
            return answer(error)

    return respond_locally
