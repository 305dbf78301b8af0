"""The ways in: the first passphrase, a login, a session, a token; and the accounts behind them.

Every answer to somebody who is not in yet is the same whatever was wrong with what they gave.
"""

import asyncio
import contextlib
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Final

from argon2 import Parameters
from argon2.profiles import RFC_9106_LOW_MEMORY
from msgspec import structs

from gateway.admin import limits
from gateway.admin.access import passphrase
from gateway.admin.access.passphrase import BusyError, Passphrases, WeakPassphraseError
from gateway.admin.access.principal import ROLE_WORDS, WORDS, Principal, Proof, Refusals, Refused
from gateway.admin.access.problem import AccessProblem
from gateway.admin.access.roles import Role
from gateway.admin.access.sessions import SECRET_BYTES, Seals, Session, Sessions
from gateway.admin.access.setup_code import SetupCode, Try
from gateway.admin.access.throttle import Throttle
from gateway.admin.access.tokens import Tokens
from gateway.admin.access.vault import FILE_NAME, Accounts, User, Vault
from gateway.session.rate import KeyedBuckets, TokenBucket
from gateway.store.audit import Action
from hw.erasing import erase
from hw.firstboot.codes import KEPT, read_code

Audit = Callable[[Action, str, str], None]
"""Takes an action, who did it, and a detail; each is one line."""

WRONG: Final = "That name and passphrase do not open this page."
WRONG_CODE: Final = "That setup code cannot be used."
_LONGEST: Final = 2 * limits.MAX_USER_NAME  # characters looked at of a name somebody claims


class Entrance:
    """Knows who may come in.

    Args:
        state: the directory for what survives a restart.
        randbytes: cryptographic randomness.
        now: monotonic seconds.
        wall: Unix seconds, None while the time of day is not known.
        audit: told who did what.
        profile: the cost of hashing a passphrase; cheaper only in tests.

    Raises:
        ConfigError: the file of those who may come in cannot be used.

    """

    def __init__(
        self,
        state: Path,
        randbytes: Callable[[int], bytes],
        now: Callable[[], float],
        wall: Callable[[], float | None],
        audit: Audit = lambda _action, _actor, _detail: None,
        profile: Parameters = RFC_9106_LOW_MEMORY,
    ) -> None:
        self.now = now
        self.wall = wall
        self.vault = Vault(state / FILE_NAME, randbytes)
        self.refusals = Refusals()
        self.sessions = Sessions(randbytes)
        self.tokens = Tokens(self.vault, randbytes, wall)
        self.seals = Seals(randbytes(SECRET_BYTES))
        self._audit = audit
        self._passphrases = Passphrases(profile)
        accounts = self.vault.accounts
        salt, before, began = bytes.fromhex(accounts.salt), accounts.failures, now()
        self._sources = Throttle(limits.LOGIN_FREE, limits.LOGIN_FIRST_S, limits.LOGIN_MOST_S, salt, before.get("login", {}), began)
        self._names = Throttle(limits.ACCOUNT_FREE, limits.ACCOUNT_FIRST_S, limits.ACCOUNT_MOST_S, salt, before.get("account", {}), began)
        self._codes = Throttle(limits.CODE_FREE, limits.CODE_FIRST_S, limits.CODE_MOST_S, salt, before.get("code", {}), began)
        self.code = SetupCode(randbytes, self._codes)
        self._kept_code = state / KEPT
        self._everybody = TokenBucket(limits.LOGIN_RATE, limits.LOGIN_BURST)
        self._unknown = KeyedBuckets(limits.TOKEN_RATE, limits.TOKEN_BURST, limits.MAX_SOURCES)
        self._kept = 0
        self._setting_up = asyncio.Lock()

    def kept_code(self) -> str:
        """Have the code that this box was given for the first passphrase; returns it as it is shown, empty if there is none."""
        kept = read_code(self._kept_code)
        return self.code.keep(kept) if kept else ""

    def audit(self, action: Action, actor: str, detail: str = "") -> None:
        """Tell the log who did what; a line break in what a stranger wrote makes no second line of it."""
        self._audit(action, one_line(actor), one_line(detail))

    async def set_up(self, code: str, name: str, chosen: str, source: str) -> User:
        """Use the setup code to give an administrator a passphrase; returns who that is.

        Raises:
            AccessProblem: the code cannot be used, or the passphrase, or it could not be kept.

        """
        name, hashed_form = check_name(name), self._checked(chosen, name)
        async with self._setting_up:  # two who have read the same code
            tried = self.code.redeem(code, self.now())
            if tried is Try.WAIT:
                self.refusals.note(Refused.WAIT)
                raise AccessProblem(429, "wait", WRONG_CODE, "Wait, or get a new one with: meshgate setup-code", self.code.wait(self.now()))
            if tried is not Try.RIGHT:
                self.refusals.note(Refused.CODE)
                self.audit(Action.SETUP_REFUSED, "", source)
                raise AccessProblem(403, "wrong_code", WRONG_CODE, "Get a new one with: meshgate setup-code")
            user = User(name, "admin", await self._hashed(hashed_form), self._moment())
            await self._kept_change(lambda accounts: _with(accounts, user))
            with contextlib.suppress(OSError):  # else the next start of the box removes it
                await asyncio.to_thread(erase, self._kept_code)
        self.sessions.end_of(name)
        self.audit(Action.SETUP_DONE, name, source)
        return user

    async def log_in(self, name: str, given: str, source: str, *, secure: bool) -> tuple[Session, str]:
        """Begin a session; returns it, and what goes into the cookie.

        Raises:
            AccessProblem: that does not open anything, or it is too early for another try.

        """
        user = await self._recognized(unicodedata.normalize("NFC", name[:_LONGEST].strip()), given, source)
        session, text = self.sessions.begin(user.name, secure=secure, source=source, now=self.now())
        self.audit(Action.LOGIN, user.name, source)
        return session, text

    async def confirm(self, principal: Principal, given: str, source: str) -> None:
        """Have somebody who is logged in show the passphrase again; raises `AccessProblem`."""
        if principal.proof is not Proof.LOCAL:
            await self._recognized(principal.name, given, source)

    def by_session(self, text: str, *, secure: bool) -> Principal | None:
        """Return who is logged in with that cookie; what they may do is looked up anew each time."""
        session = self.sessions.find(text, secure=secure, now=self.now())
        user = self.vault.accounts.user(session.user) if session is not None else None
        if session is None or user is None:
            return None
        return Principal(user.name, ROLE_WORDS[user.role], Proof.SESSION, session.id)

    def by_token(self, shown: str, source: str) -> Principal | None:
        """Return whose token that is, None if it opens nothing; raises `AccessProblem` for one that tries too many."""
        found = self.tokens.find(shown)
        if found is None:
            self.refusals.note(Refused.TOKEN)
            if not self._unknown.take(source.encode(), self.now()):
                raise AccessProblem(429, "wait", "Too many tokens that open nothing.", wait=1)
        return found

    async def add_user(self, name: str, role: Role, chosen: str) -> User:
        """Give somebody a passphrase; raises `AccessProblem`."""
        name, hashed_form = check_name(name), self._checked(chosen, name)
        user = User(name, WORDS[role], await self._hashed(hashed_form), self._moment())

        def add(accounts: Accounts) -> Accounts:
            if accounts.user(name) is not None:
                raise AccessProblem(409, "exists", "Somebody has that name already.")
            return _with(accounts, user)

        await self._kept_change(add)
        return user

    async def change_passphrase(self, name: str, chosen: str, but: str = "") -> None:
        """Give somebody another passphrase, and log them out everywhere, `but` in one session; raises `AccessProblem`."""
        self._existing(name)
        hashed = await self._hashed(self._checked(chosen, name))
        # Somebody who was removed meanwhile does not come back.
        await self._kept_change(lambda accounts: _with(accounts, structs.replace(_found(accounts, name), passphrase=hashed)))
        self.sessions.end_of(name, but)

    async def remove_user(self, name: str) -> None:
        """Take everything back from somebody at once, the tokens they made included; raises `AccessProblem`."""
        self._existing(name)

        def remove(accounts: Accounts) -> Accounts:
            users = tuple(one for one in accounts.users if one.name != name)
            if not any(one.role == "admin" for one in users):
                raise AccessProblem(409, "last_admin", "Somebody has to be able to do everything.", "Add another administrator first.")
            return structs.replace(accounts, users=users, tokens=tuple(one for one in accounts.tokens if one.by != name))

        await self._kept_change(remove, at_once=True)
        self.sessions.end_of(name)

    async def keep(self) -> None:
        """Put on the disk what was counted since the last time; a disk that is full is tried again the next time."""
        changes = self._sources.changes + self._names.changes + self._codes.changes
        if changes == self._kept and not self.tokens.has_news:
            return
        counts = {"login": self._sources.counts(), "account": self._names.counts(), "code": self._codes.counts()}
        await self.vault.change(lambda accounts: structs.replace(self.tokens.with_use(accounts), failures=counts))
        self._kept = changes

    async def _recognized(self, name: str, given: str, source: str) -> User:
        now = self.now()
        wait = max(self._sources.wait(source, now), self._names.wait(name, now))
        if wait > 0 or not self._everybody.take(now):
            self.refusals.note(Refused.WAIT)
            raise AccessProblem(429, "wait", "Too many tries.", "Wait, then try again.", max(wait, 1 / limits.LOGIN_RATE))
        self._sources.fail(source, now)
        self._names.fail(name, now)
        user = self.vault.accounts.user(name)
        try:
            fits = await self._passphrases.matches(user.passphrase if user is not None else None, given)
        except BusyError as error:
            self.refusals.note(Refused.BUSY)
            raise AccessProblem(429, "wait", "Too many tries.", "Wait, then try again.", 1 / limits.LOGIN_RATE) from error
        if user is None or not fits or self.vault.accounts.user(name) != user:  # changed meanwhile
            self.refusals.note(Refused.PASSPHRASE)
            self.audit(Action.LOGIN_REFUSED, "", source)
            raise AccessProblem(401, "wrong_passphrase", WRONG)
        self._sources.undo(source)
        self._names.forgive(name)
        return user

    def _checked(self, chosen: str, name: str) -> str:
        try:
            return passphrase.check(chosen, name)
        except WeakPassphraseError as error:
            raise AccessProblem(400, "weak_passphrase", str(error)) from error

    async def _hashed(self, chosen: str) -> str:
        try:
            return await self._passphrases.hash(chosen)
        except BusyError as error:
            raise AccessProblem(429, "wait", "Too many tries.", "Wait, then try again.", 1 / limits.LOGIN_RATE) from error
        except UnicodeEncodeError as error:
            raise AccessProblem(400, "weak_passphrase", "A passphrase is made of characters.") from error

    async def _kept_change(self, edit: Callable[[Accounts], Accounts], *, at_once: bool = False) -> None:
        try:
            await self.vault.change(edit, at_once=at_once)
        except OSError as error:
            reason = error.strerror or str(error)
            raise AccessProblem(503, "not_kept", f"That could not be written to the disk: {reason}.", "See: meshgate doctor.") from error

    def _existing(self, name: str) -> User:
        return _found(self.vault.accounts, name)

    def _moment(self) -> int:
        return int(self.wall() or 0)


def check_name(name: str) -> str:
    """Return a name as it is kept; raises `AccessProblem` if nobody can be called that."""
    name = unicodedata.normalize("NFC", name.strip())
    fits = 1 <= len(name) <= limits.MAX_USER_NAME and all(letter.isalnum() or letter in "._-" for letter in name)
    if not fits:
        raise AccessProblem(400, "bad_name", f"A name has 1 to {limits.MAX_USER_NAME} letters, digits, dots and dashes.")
    return name


def one_line(text: str) -> str:
    """Return a text that is one line, without anything a terminal would act on."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[:200])


def _found(accounts: Accounts, name: str) -> User:
    user = accounts.user(name)
    if user is None:
        raise AccessProblem(404, "unknown_user", "Nobody has that name.")
    return user


def _with(accounts: Accounts, user: User) -> Accounts:
    others = tuple(one for one in accounts.users if one.name != user.name)
    if len(others) >= limits.MAX_USERS:
        raise AccessProblem(409, "too_many", f"There are {limits.MAX_USERS} people already.", "Remove one first.")
    return structs.replace(accounts, users=(*others, user))
