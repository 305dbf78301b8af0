"""Why a request is not answered: documents as of RFC 9457, each with a word for programs and what to do."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one of several things that were sent."""

    key: str
    message: str
    allowed: str

    @property
    def field(self) -> str:
        """The key without the place in a list."""
        return self.key.partition("[")[0]

    @property
    def sentence(self) -> str:
        """What is wrong, and what may stand there."""
        said = f"{self.message[:1].upper()}{self.message[1:]}."
        return f"{said} Allowed: {self.allowed}." if self.allowed else said


class ProblemDocument(msgspec.Struct, frozen=True):
    """Why a request was not answered."""

    title: str
    status: int
    detail: str
    code: str  # for programs
    hint: str = ""  # what to do
    type: str = "about:blank"
    instance: str = ""  # the path that was asked
    errors: tuple[FieldError, ...] | msgspec.UnsetType = msgspec.UNSET  # where several things are wrong


class Problem(NamedTuple):
    """A way in which a request can fail: the status of HTTP, the word for programs, and when it is said."""

    status: int
    code: str
    when: str


class ProblemError(Exception):
    """A request that is answered with a problem.

    Args:
        problem: which.
        detail: what happened this time, a sentence.
        hint: what to do.
        headers: of the answer, beside the usual ones.
        errors: each thing that is wrong, where there are several.

    """

    def __init__(
        self,
        problem: Problem,
        detail: str,
        hint: str = "",
        headers: Mapping[str, str] | None = None,
        errors: tuple[FieldError, ...] = (),
    ) -> None:
        super().__init__(detail)
        title = problem.code.replace("_", " ")
        self.document = ProblemDocument(title, problem.status, detail, problem.code, hint, errors=errors or msgspec.UNSET)
        self.headers = dict(headers or {})


BAD_REQUEST: Final = Problem(400, "bad_request", "the request makes no sense")
BAD_JSON: Final = Problem(400, "bad_json", "the body is not JSON")
UNKNOWN_FIELD: Final = Problem(400, "unknown_field", "the body or the query has a field that does not exist")
NOT_SIGNED_IN: Final = Problem(401, "not_signed_in", "nobody knows who asks")
ROLE_NEEDED: Final = Problem(403, "role_needed", "whoever asks may not do this")
NOT_FOUND: Final = Problem(404, "not_found", "there is no such thing")
NOT_HERE: Final = Problem(404, "not_here", "this gateway does not have that part")
NOT_ALLOWED: Final = Problem(405, "method_not_allowed", "the path exists, and not with this method")
TOO_LARGE: Final = Problem(413, "too_large", "the body is larger than what is read")
BROKEN: Final = Problem(500, "broken", "a mistake of the gateway's own")
UNAVAILABLE: Final = Problem(503, "store_unavailable", "the database cannot be read now")

AT_THE_DOOR: Final = (
    Problem(400, "bad_path", "the path is written in a roundabout way, or `repeated_header`, `secret_in_address`, `bad_body`"),
    Problem(401, "no_login", "nobody knows who asks, or `unknown_token`: what was shown opens nothing"),
    Problem(403, "wrong_origin", "another site's page asks, or `not_allowed`, `not_set_up`, `not_encrypted`"),
    Problem(408, "too_slow", "the rest of the request did not come"),
    Problem(413, "too_large", "that is too much"),
    Problem(415, "not_json", "a session sends something else than JSON"),
    Problem(421, "wrong_host", "nobody is called that here"),
    Problem(429, "wait", "too many requests"),
)
"""Why the page answers nothing at all, whatever was asked; the control socket has no door."""

OF_ROLES: Final = (NOT_SIGNED_IN, ROLE_NEEDED)
OF_BODIES: Final = (BAD_REQUEST, BAD_JSON, UNKNOWN_FIELD, TOO_LARGE)
OF_QUERIES: Final = (BAD_REQUEST, UNKNOWN_FIELD)
