"""What can be asked about who may come in: people, tokens, sessions, the certificate and setup codes."""

from typing import Final

from gateway.admin.access import documents as docs
from gateway.admin.access.roles import Role
from gateway.admin.problems import Problem
from gateway.admin.route import Route

_NOT_KEPT: Final = Problem(503, "not_kept", "it could not be written to the disk")
_NOT_BY_TOKEN: Final = Problem(403, "not_by_token", "a token cannot decide who comes in")
_NOT_ALLOWED: Final = Problem(403, "not_allowed", "whoever asks may do this to themselves only")
_NOT_YOURS: Final = Problem(401, "wrong_passphrase", "the passphrase of whoever asks is another one")
_WAIT: Final = Problem(429, "wait", "too many passphrases were tried")
_WEAK: Final = Problem(400, "weak_passphrase", "the passphrase can be guessed, or `bad_name`: the name cannot be used")
_NO_USER: Final = Problem(404, "unknown_user", "nobody has that name")
_CONFLICT: Final = Problem(409, "exists", "somebody has that name already, or `too_many`: there are as many as there may be")
_LAST: Final = Problem(409, "last_admin", "nobody could do everything any more")
_NO_SESSION: Final = Problem(404, "unknown_session", "there is no such session")
_NO_TOKEN: Final = Problem(404, "unknown_token", "there is no such token")
_TOO_MANY: Final = Problem(409, "too_many", "there are as many tokens as there may be")
_NO_CERTIFICATE: Final = Problem(404, "no_certificate", "the page has no certificate")
_UNREADABLE: Final = Problem(503, "unreadable", "its file cannot be read any more")
_ELSEWHERE: Final = Problem(403, "only_at_the_box", "setup codes are made at the box")

ROUTES: Final = (
    Route(
        name="get_session",
        method="GET",
        path="/api/v1/session",
        role=Role.VIEWER,
        answer=docs.Who,
        summary="Who asks, and what their forms have to carry.",
    ),
    Route(
        name="list_sessions",
        method="GET",
        path="/api/v1/sessions",
        role=Role.VIEWER,
        answer=docs.SessionsDocument,
        summary="Who is logged in; who is no admin sees their own sessions.",
    ),
    Route(
        name="end_session",
        method="DELETE",
        path="/api/v1/sessions/{id}",
        role=Role.VIEWER,
        answer=docs.Done,
        problems=(_NO_SESSION,),
        changes=True,
        summary="Log somebody out.",
    ),
    Route(
        name="list_users",
        method="GET",
        path="/api/v1/users",
        role=Role.ADMIN,
        answer=docs.UsersDocument,
        summary="Who has a passphrase.",
    ),
    Route(
        name="add_user",
        method="POST",
        path="/api/v1/users",
        role=Role.ADMIN,
        body=docs.UserRequest,
        answer=docs.UserDocument,
        problems=(_WEAK, _NOT_YOURS, _NOT_BY_TOKEN, _CONFLICT, _WAIT, _NOT_KEPT),
        changes=True,
        summary="Give somebody a passphrase.",
    ),
    Route(
        name="remove_user",
        method="DELETE",
        path="/api/v1/users/{name}",
        role=Role.ADMIN,
        answer=docs.Done,
        problems=(_NOT_BY_TOKEN, _NO_USER, _LAST, _NOT_KEPT),
        changes=True,
        summary="Take everything back from somebody.",
    ),
    Route(
        name="change_passphrase",
        method="PUT",
        path="/api/v1/users/{name}/passphrase",
        role=Role.VIEWER,
        body=docs.PassphraseRequest,
        answer=docs.Done,
        problems=(_WEAK, _NOT_YOURS, _NOT_BY_TOKEN, _NOT_ALLOWED, _NO_USER, _WAIT, _NOT_KEPT),
        changes=True,
        summary="Give somebody, or oneself, another passphrase.",
    ),
    Route(
        name="list_tokens",
        method="GET",
        path="/api/v1/tokens",
        role=Role.ADMIN,
        answer=docs.TokensDocument,
        summary="Which tokens there are.",
    ),
    Route(
        name="make_token",
        method="POST",
        path="/api/v1/tokens",
        role=Role.ADMIN,
        body=docs.TokenRequest,
        answer=docs.NewToken,
        problems=(_NOT_YOURS, _NOT_BY_TOKEN, _TOO_MANY, _WAIT, _NOT_KEPT),
        changes=True,
        summary="Make a token, and show it this once.",
    ),
    Route(
        name="revoke_token",
        method="DELETE",
        path="/api/v1/tokens/{id}",
        role=Role.ADMIN,
        answer=docs.Done,
        problems=(_NOT_BY_TOKEN, _NO_TOKEN, _NOT_KEPT),
        changes=True,
        summary="Take a token back.",
    ),
    Route(
        name="get_certificate",
        method="GET",
        path="/api/v1/certificate",
        role=Role.VIEWER,
        answer=docs.CertificateDocument,
        problems=(_NO_CERTIFICATE, _UNREADABLE),
        summary="By what the page can be recognized.",
    ),
    Route(
        name="make_setup_code",
        method="POST",
        path="/api/v1/setup-code",
        role=Role.ADMIN,
        body=docs.SetupCodeRequest,
        answer=docs.SetupCodeDocument,
        problems=(_ELSEWHERE,),
        changes=True,
        summary="Make a setup code; only over the control socket.",
    ),
)
