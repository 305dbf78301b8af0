"""Somebody who has proved who they are, and everything that can be refused to those who have not."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from gateway.admin.access.roles import Role

Word = Literal["viewer", "operator", "admin"]
ROLE_WORDS: Final[Mapping[Word, Role]] = {"viewer": Role.VIEWER, "operator": Role.OPERATOR, "admin": Role.ADMIN}
"""What the roles are called in files and requests."""
WORDS: Final[Mapping[Role, Word]] = {role: word for word, role in ROLE_WORDS.items()}

SCOPES: Final = {"read": Role.VIEWER, "send": Role.OPERATOR, "admin": Role.ADMIN}
"""What an API token may do, as a role."""


def scope_of(role: Role) -> str:
    """Return what a role is called where it is a token's."""
    return next(scope for scope, one in SCOPES.items() if one is role)


class Proof(StrEnum):
    """How somebody has proved who they are."""

    SESSION = "session"  # a passphrase, some time ago
    TOKEN = "token"  # noqa: S105 -- a word
    LOCAL = "local"  # by opening the control socket


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks."""

    name: str
    role: Role
    proof: Proof
    id: str = ""  # of the session or the token

    @property
    def actor(self) -> str:
        """How the audit log calls it."""
        return f"{self.proof.value}:{self.name}" if self.proof is not Proof.SESSION else self.name


LOCAL: Final = Principal("local", Role.ADMIN, Proof.LOCAL)
"""Whoever may open the control socket may do everything."""


class Refused(StrEnum):
    """Why somebody was sent away."""

    ADDRESS = "address"  # a Host nobody may ask for
    ORIGIN = "origin"  # another site's page asks in a person's name
    REPEATED = "repeated_header"
    QUERY = "token_in_query"
    RATE = "rate"
    CONNECTIONS = "connections"
    SLOW = "slow"
    MALFORMED = "malformed"
    LARGE = "too_large"
    PATH = "path"
    BODY = "body"
    PLAIN = "plain"  # something secret over an unencrypted connection
    SETUP = "not_set_up"
    LOGIN = "no_login"
    COOKIE = "cookie"
    ROLE = "role"
    FORM = "form"
    PASSPHRASE = "passphrase"  # noqa: S105 -- a word
    CODE = "setup_code"
    TOKEN = "token"  # noqa: S105 -- a word
    WAIT = "wait"
    BUSY = "busy"
    NETWORK = "network"  # set up from elsewhere than a local network


class Refusals(Counter[Refused]):
    """How often what was refused."""

    def note(self, why: Refused) -> None:
        """Count one."""
        self[why] += 1
