"""Errors as documents for programs (RFC 9457), and nothing in them that whoever asked has written."""

from http import HTTPStatus

import msgspec
from aiohttp import web


class Problem(msgspec.Struct, frozen=True):
    """Why a request was not answered."""

    title: str
    status: int
    detail: str
    code: str  # for programs
    hint: str = ""  # what to do
    type: str = "about:blank"


class AccessProblem(Exception):  # noqa: N818 -- it is the problem itself
    """A request that is answered with a problem.

    Args:
        status: of HTTP.
        code: for programs.
        detail: a sentence.
        hint: what to do.
        wait: seconds after which it may be tried again, 0 if that is not the point.

    """

    def __init__(self, status: int, code: str, detail: str, hint: str = "", wait: float = 0.0) -> None:
        super().__init__(detail)
        self.document = Problem(HTTPStatus(status).phrase, status, detail, code, hint)
        self.wait = wait


def answer(error: AccessProblem) -> web.Response:
    """Return the answer."""
    response = web.Response(status=error.document.status, body=msgspec.json.encode(error.document), content_type="application/problem+json")
    if error.wait > 0:
        response.headers["Retry-After"] = str(int(error.wait) + 1)
    if error.document.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
