"""What is asked and answered about who may come in."""

from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.admin.limits import MAX_PASSPHRASE, MAX_TOKEN_DAYS, MAX_TOKEN_NAME, MAX_USER_NAME

Name = Annotated[str, Meta(min_length=1, max_length=MAX_USER_NAME)]
Secret = Annotated[str, Meta(max_length=MAX_PASSPHRASE)]


class Who(msgspec.Struct, frozen=True):
    """Who asks."""

    name: str
    role: str  # viewer, operator, admin
    proof: str  # session, token, local
    id: str
    form: str = ""  # the seal for this session's forms


class UserDocument(msgspec.Struct, frozen=True):
    """Somebody with a passphrase."""

    name: str
    role: str
    made: str | None  # RFC 3339


class UsersDocument(msgspec.Struct, frozen=True):
    """Everybody with a passphrase."""

    users: tuple[UserDocument, ...]


class UserRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Give somebody a passphrase."""

    name: Name
    role: str
    passphrase: Secret
    current: Secret = ""  # of whoever asks; on the control socket there is none


class PassphraseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Give somebody, or oneself, another passphrase."""

    passphrase: Secret
    current: Secret = ""  # of whoever asks


class TokenDocument(msgspec.Struct, frozen=True):
    """A token, without what opens anything."""

    id: str
    name: str
    scope: str  # read, send, admin
    by: str
    made: str | None
    expires: str | None
    used: str | None  # to the hour


class TokensDocument(msgspec.Struct, frozen=True):
    """Every token."""

    tokens: tuple[TokenDocument, ...]


class TokenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Make a token."""

    name: Annotated[str, Meta(min_length=1, max_length=MAX_TOKEN_NAME)]
    scope: str = "read"
    days: Annotated[int, Meta(ge=1, le=MAX_TOKEN_DAYS)] = 90
    current: Secret = ""  # of whoever asks: a token outlives the browser they have left open


class NewToken(msgspec.Struct, frozen=True):
    """A token that was just made: the only time it is shown."""

    token: str
    about: TokenDocument


class SessionDocument(msgspec.Struct, frozen=True):
    """Somebody who is logged in."""

    id: str
    name: str
    source: str
    age_s: int
    idle_s: int
    encrypted: bool
    yours: bool


class SessionsDocument(msgspec.Struct, frozen=True):
    """Everybody who is logged in, or oneself."""

    sessions: tuple[SessionDocument, ...]


class Done(msgspec.Struct, frozen=True):
    """It is so now."""

    sentence: str


class SetupCodeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Make a setup code, which ends the one before."""


class SetupCodeDocument(msgspec.Struct, frozen=True):
    """A setup code, and where it is to be used."""

    code: str
    seconds: int
    addresses: tuple[str, ...]
    fingerprint: str


class CertificateDocument(msgspec.Struct, frozen=True):
    """The certificate of the page."""

    sha256: str
    ends: str
    file: str
