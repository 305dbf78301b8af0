"""Who answers about people, tokens and sessions: on the page to administrators, on the control socket to whoever may open it.

A token cannot make another one, nor people: one that leaks can be taken back with everything it has done.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from gateway.admin.access import documents as docs
from gateway.admin.access.entrance import Entrance
from gateway.admin.access.gate import SOURCE, bound_to
from gateway.admin.access.principal import ROLE_WORDS, SCOPES, WORDS, Principal, Proof, Refused, scope_of
from gateway.admin.access.problem import AccessProblem
from gateway.admin.access.roles import Role
from gateway.admin.access.sessions import Session
from gateway.admin.access.tls import PageCertificate
from gateway.admin.access.vault import Token, User
from gateway.admin.limits import CODE_S
from gateway.admin.route import Answers, Call
from gateway.errors import ConfigError
from gateway.store.audit import Action

T = TypeVar("T")


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

    def answers(self) -> Answers:
        """Return who answers the routes of `gateway.admin.access.routes`."""
        return {
            "get_session": self.who,
            "list_sessions": self.sessions,
            "end_session": self.end_session,
            "list_users": self.users,
            "add_user": self.add_user,
            "remove_user": self.remove_user,
            "change_passphrase": self.change_passphrase,
            "list_tokens": self.tokens,
            "make_token": self.make_token,
            "revoke_token": self.revoke_token,
            "get_certificate": self.certificate,
            "make_setup_code": self.make_code,
        }

    async def who(self, call: Call) -> docs.Who:
        """Answer who asks."""
        principal = _asks(call)
        bound = bound_to(call.request) if principal.proof is Proof.SESSION else ""
        seal = self._entrance.seals.seal(bound) if bound else ""
        return docs.Who(principal.name, WORDS[principal.role], principal.proof.value, principal.id, seal)

    async def sessions(self, call: Call) -> docs.SessionsDocument:
        """Answer who is logged in; who is no administrator sees their own."""
        principal, now = _asks(call), self._entrance.now()
        self._entrance.sessions.expire(now)
        seen = [one for one in self._entrance.sessions if _may_see(principal, one.user)]
        return docs.SessionsDocument(tuple(_session(one, now, yours=one.id == principal.id) for one in seen))

    async def end_session(self, call: Call) -> docs.Done:
        """Log somebody out."""
        principal, wanted = _asks(call), call["id"]
        found = next((one for one in self._entrance.sessions if one.id == wanted and _may_see(principal, one.user)), None)
        if found is None:
            raise AccessProblem(404, "unknown_session", "There is no such session.")
        self._entrance.sessions.end(wanted)
        self._tell(call, Action.SESSION_ENDED, found.user)
        return docs.Done("That session is over.")

    async def users(self, _call: Call) -> docs.UsersDocument:
        """Answer who has a passphrase."""
        return docs.UsersDocument(tuple(map(_user, self._entrance.vault.accounts.users)))

    async def add_user(self, call: Call) -> docs.UserDocument:
        """Give somebody a passphrase."""
        wanted = call.body(docs.UserRequest)
        role = ROLE_WORDS.get(wanted.role)  # type: ignore[call-overload]
        if role is None:
            raise AccessProblem(400, "bad_request", "There is no such role.", f"One of: {', '.join(ROLE_WORDS)}.")
        await self._confirm(call, wanted.current)
        user = await self._entrance.add_user(wanted.name, role, wanted.passphrase)
        self._tell(call, Action.USER_ADDED, f"{user.name} as {user.role}")
        return _user(user)

    async def remove_user(self, call: Call) -> docs.Done:
        """Take everything back from somebody."""
        self._refuse_tokens(call)
        name = call["name"]
        await self._entrance.remove_user(name)
        self._tell(call, Action.USER_REMOVED, name)
        return docs.Done("Removed; every session and token of theirs is over.")

    async def change_passphrase(self, call: Call) -> docs.Done:
        """Give somebody, or oneself, another passphrase."""
        principal, name = _asks(call), call["name"]
        if not _may_see(principal, name):
            self._entrance.refusals.note(Refused.ROLE)
            raise AccessProblem(403, "not_allowed", "You may change your own passphrase.")
        wanted = call.body(docs.PassphraseRequest)
        await self._confirm(call, wanted.current)
        await self._entrance.change_passphrase(name, wanted.passphrase, principal.id)
        self._tell(call, Action.PASSPHRASE_CHANGED, name)
        return docs.Done("Changed; every other session is over.")

    async def tokens(self, _call: Call) -> docs.TokensDocument:
        """Answer which tokens there are."""
        return docs.TokensDocument(tuple(map(self._token, self._entrance.vault.accounts.tokens)))

    async def make_token(self, call: Call) -> docs.NewToken:
        """Make a token, and show it this once."""
        wanted = call.body(docs.TokenRequest)
        if wanted.scope not in SCOPES:
            raise AccessProblem(400, "bad_request", "There is no such scope.", f"One of: {', '.join(SCOPES)}.")
        await self._confirm(call, wanted.current)
        principal = _asks(call)
        by = "" if principal.proof is Proof.LOCAL else principal.name
        made = await self._kept(self._entrance.tokens.make(wanted.name, SCOPES[wanted.scope], wanted.days, by))
        self._tell(call, Action.TOKEN_MADE, f"{made.token.id} {made.token.name} ({wanted.scope})")
        return docs.NewToken(made.shown, self._token(made.token))

    async def revoke_token(self, call: Call) -> docs.Done:
        """Take a token back."""
        self._refuse_tokens(call)
        token = await self._kept(self._entrance.tokens.revoke(call["id"]))
        self._tell(call, Action.TOKEN_REVOKED, f"{token.id} {token.name}")
        return docs.Done(f"The token {token.name} opens nothing any more.")

    async def certificate(self, _call: Call) -> docs.CertificateDocument:
        """Answer by what the page can be recognized."""
        if self._certificate is None:
            raise AccessProblem(404, "no_certificate", "The page has no certificate.")
        try:
            ends = self._certificate.ends()
        except ConfigError as error:
            raise AccessProblem(503, "unreadable", str(error), "Put it back, then: systemctl reload meshgate.") from error
        return docs.CertificateDocument(self._certificate.fingerprint, ends.isoformat(), str(self._certificate.file))

    async def make_code(self, call: Call) -> docs.SetupCodeDocument:
        """Make a setup code; also for a passphrase that was forgotten."""
        if _asks(call).proof is not Proof.LOCAL:
            self._entrance.refusals.note(Refused.ROLE)
            raise AccessProblem(403, "only_at_the_box", "A setup code is made at the box.", "There: meshgate setup-code.")
        code = self._entrance.code.issue(self._entrance.now(), forgive=True)
        self._tell(call, Action.SETUP_CODE_MADE, "made")
        fingerprint = self._certificate.fingerprint if self._certificate is not None else ""
        return docs.SetupCodeDocument(code, int(CODE_S), self._addresses(), fingerprint)

    def _token(self, token: Token) -> docs.TokenDocument:
        used = self._entrance.tokens.last_used(token)
        scope = scope_of(ROLE_WORDS[token.role])
        return docs.TokenDocument(token.id, token.name, scope, token.by, _moment(token.made), _moment(token.expires), _moment(used))

    def _tell(self, call: Call, action: Action, detail: str) -> None:
        self._entrance.audit(action, _asks(call).actor, detail)

    def _refuse_tokens(self, call: Call) -> None:
        if _asks(call).proof is Proof.TOKEN:
            self._entrance.refusals.note(Refused.ROLE)
            raise AccessProblem(403, "not_by_token", "A token cannot decide who comes in.", "Log in, or use the command line at the box.")

    async def _confirm(self, call: Call, current: str) -> None:
        """Have whoever asks show their own passphrase: a browser left open is not enough."""
        self._refuse_tokens(call)
        await self._entrance.confirm(_asks(call), current, call.request.get(SOURCE, ""))

    async def _kept(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except OSError as error:
            raise AccessProblem(503, "not_kept", f"That could not be written to the disk: {error.strerror or error}.") from error


def _asks(call: Call) -> Principal:
    if call.principal is None:
        raise RuntimeError("routes that nobody has to be known for do not lead here")
    return call.principal


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
