"""Tokens for programs: 32 random bytes, shown once, kept as a hash, with an end and with no more rights than needed."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from msgspec import structs

from gateway.admin.access.principal import ROLE_WORDS, WORDS, Principal, Proof
from gateway.admin.access.problem import AccessProblem
from gateway.admin.access.roles import Role
from gateway.admin.access.vault import Accounts, Token, Vault
from gateway.admin.limits import MAX_TOKEN_DAYS, MAX_TOKEN_NAME, MAX_TOKENS

PREFIX: Final = "mgt_"
"""What tokens begin with, so that logs and scanners for secrets know one when they see it."""
SECRET_BYTES: Final = 32
LENGTH: Final = len(PREFIX) + 43
DAY_S: Final = 86_400
_HOUR_S: Final = 3_600


@dataclass(frozen=True, slots=True)
class Made:
    """A new token; what is shown is nowhere else."""

    token: Token
    shown: str


class Tokens:
    """The tokens there are.

    Args:
        vault: keeps them.
        randbytes: cryptographic randomness.
        wall: Unix seconds, None while the time of day is not known.

    """

    def __init__(self, vault: Vault, randbytes: Callable[[int], bytes], wall: Callable[[], float | None]) -> None:
        self._vault = vault
        self._randbytes = randbytes
        self._wall = wall
        self._used: dict[str, int] = {}

    async def make(self, name: str, role: Role, days: int, by: str) -> Made:
        """Make one.

        Args:
            name: for people: what it is for.
            role: what it may do.
            days: how long.
            by: the name of whoever makes it, empty on the machine itself.

        Raises:
            AccessProblem: it cannot be made like that, or now.
            OSError: it cannot be kept.

        """
        wall = self._wall()
        if wall is None:
            raise AccessProblem(
                503, "clock_not_set", "Nobody knows yet what time it is, and a token has an end.", "Wait until the clock is set."
            )
        if not 1 <= days <= MAX_TOKEN_DAYS:
            raise AccessProblem(400, "bad_request", f"A token lasts 1 to {MAX_TOKEN_DAYS} days.")
        if not (1 <= len(name) <= MAX_TOKEN_NAME and name.isprintable() and name == name.strip()):
            raise AccessProblem(400, "bad_request", f"A token has a name of 1 to {MAX_TOKEN_NAME} characters on one line.")
        shown = PREFIX + base64.urlsafe_b64encode(self._randbytes(SECRET_BYTES)).decode().rstrip("=")
        token = Token(self._randbytes(4).hex(), name, _digest(shown), WORDS[role], by, int(wall), int(wall) + days * DAY_S)

        def add(accounts: Accounts) -> Accounts:
            kept = tuple(one for one in accounts.tokens if one.expires > wall)
            if len(kept) >= MAX_TOKENS:
                raise AccessProblem(409, "too_many", f"There are {MAX_TOKENS} tokens already.", "Revoke one that is not needed.")
            return structs.replace(accounts, tokens=(*kept, token))

        await self._vault.change(add)
        return Made(token, shown)

    async def revoke(self, token_id: str) -> Token:
        """Take one back, at once; raises `AccessProblem` if there is none, and `OSError` if that cannot be kept."""
        found = next((one for one in self._vault.accounts.tokens if one.id == token_id), None)
        if found is None:
            raise AccessProblem(404, "unknown_token", "There is no such token.", "See: meshgate token list.")
        await self._vault.change(
            lambda accounts: structs.replace(accounts, tokens=tuple(one for one in accounts.tokens if one.id != token_id)), at_once=True
        )
        return found

    def find(self, shown: str) -> Principal | None:
        """Return whose token that is; None if it is nobody's, over, or nobody knows what time it is."""
        wall = self._wall()
        if wall is None or len(shown) != LENGTH or not shown.startswith(PREFIX) or not shown.isascii():
            return None
        digest = _digest(shown)  # nobody can aim at a digest, so that the time a comparison takes tells nothing
        found = next((one for one in self._vault.accounts.tokens if one.digest == digest), None)
        if found is None or found.expires <= wall:
            return None
        self._used[found.id] = int(wall) // _HOUR_S * _HOUR_S
        return Principal(found.name, ROLE_WORDS[found.role], Proof.TOKEN, found.id)

    def last_used(self, token: Token) -> int:
        """Unix seconds, to the hour; 0 if it never was."""
        return max(token.used, self._used.get(token.id, 0))

    @property
    def has_news(self) -> bool:
        """Whether the file does not know yet when one was used."""
        return any(self.last_used(one) > one.used for one in self._vault.accounts.tokens)

    def with_use(self, accounts: Accounts) -> Accounts:
        """Return what the file should say of their use."""
        return structs.replace(accounts, tokens=tuple(structs.replace(one, used=self.last_used(one)) for one in accounts.tokens))


def _digest(shown: str) -> str:
    return sha256(shown.encode()).hexdigest()
