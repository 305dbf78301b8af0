"""Between aiohttp and those who answer: who may ask, what was asked, and what goes back; the same for every route."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.admin.access.roles import Role
from gateway.admin.federation import FederationRefusal
from gateway.admin.problems import (
    BAD_JSON,
    BAD_REQUEST,
    BROKEN,
    NOT_ALLOWED,
    NOT_FOUND,
    NOT_HERE,
    NOT_SIGNED_IN,
    ROLE_NEEDED,
    TOO_LARGE,
    UNAVAILABLE,
    UNKNOWN_FIELD,
    Problem,
    ProblemDocument,
    ProblemError,
)
from gateway.admin.route import API, JSON, PROBLEM_JSON, Answer, Answers, Call, Route, Who
from gateway.errors import StoreError

T = TypeVar("T", bound=msgspec.Struct)
_BY_STATUS: Final = {one.status: one for one in (NOT_FOUND, NOT_ALLOWED, TOO_LARGE)}


def routed(table: Iterable[Route], answers: Answers, who: Who) -> list[web.RouteDef]:
    """Return the routes of a table as aiohttp wants them.

    Args:
        table: what can be asked.
        answers: who answers; a route that nobody answers is answered with ``not_here``.
        who: says who asks.

    """
    return [web.route(one.method, one.path, answering(one, answers.get(one.name, _absent), who)) for one in table]


def answering(route: Route, answer: Answer, who: Who) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return what aiohttp calls: it lets in who may ask, reads what was asked, and sends the document or the problem."""

    async def respond(request: web.Request) -> web.StreamResponse:
        try:
            principal = who(request)
            _admit(route, principal.role if principal is not None else None)
            query = None if route.query is None else _query(request, route.query)
            body = None if route.body is None else await _body(request, route.body)
            found = await answer(Call(request, principal, query, body))
        except FederationRefusal as error:
            return problem_response(request, ProblemError(Problem(error.status, error.code, ""), str(error), error.hint))
        except StoreError as error:
            return problem_response(request, ProblemError(UNAVAILABLE, error.sentence, error.remedy))
        except ProblemError as error:
            return problem_response(request, error)
        return found if isinstance(found, web.StreamResponse) else document_response(found, status=route.status)

    return respond


def document_response(document: msgspec.Struct, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Return a document as an answer."""
    return web.Response(status=status, body=msgspec.json.encode(document), content_type=JSON, headers=headers)


def problem_response(request: web.Request, error: ProblemError) -> web.Response:
    """Return a problem as an answer."""
    document: ProblemDocument = msgspec.structs.replace(error.document, instance=request.path)
    body = msgspec.json.encode(document)
    return web.Response(status=document.status, body=body, content_type=PROBLEM_JSON, headers=error.headers)


@web.middleware
async def as_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Make problems of what aiohttp itself refuses, and of our own mistakes, on paths of the API."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        problem = _BY_STATUS.get(error.status)
        if problem is None or not request.path.startswith(f"{API}/"):
            raise
        allowed = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return problem_response(request, ProblemError(problem, f"{problem.when.capitalize()}.", _HINTS[problem.status], allowed))
    except Exception as error:
        if not request.path.startswith(f"{API}/"):
            raise
        request.app.logger.exception("an answer of the API failed")
        return problem_response(request, ProblemError(BROKEN, f"The gateway made a mistake: {type(error).__name__}.", _REPORT))


_REPORT: Final = "Please report it, with what `meshgate logs` says of it."
_HINTS: Final = {
    404: f"{API}/openapi.json lists what there is.",
    405: "The header Allow lists the methods.",
    413: "Send less.",
}


def _admit(route: Route, role: Role | None) -> None:
    if route.role is None:
        return
    if role is None:
        hint = "Sign in, or send a token: Authorization: Bearer ..."
        raise ProblemError(NOT_SIGNED_IN, "This is not for everybody.", hint, {"WWW-Authenticate": "Bearer"})
    if role < route.role:
        need, have = route.role.name.lower(), role.name.lower()
        raise ProblemError(ROLE_NEEDED, f"This needs the role {need}, and yours is {have}.", "Ask an admin of this gateway.")


def _query(request: web.Request, kind: type[T]) -> T:
    try:
        return msgspec.convert(dict(request.query), kind, strict=False)
    except msgspec.ValidationError as error:
        raise _invalid(error, "query") from error


async def _body(request: web.Request, kind: type[T]) -> T:
    """Read what was sent; nothing at all means the defaults."""
    data = await request.read() or b"{}"
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise _invalid(error, "request") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise ProblemError(BAD_JSON, f"The request makes no sense: {error}.", "The body has to be one JSON document in UTF-8.") from error


def _invalid(error: msgspec.ValidationError, what: str) -> ProblemError:
    problem = UNKNOWN_FIELD if "unknown field" in str(error) else BAD_REQUEST
    return ProblemError(problem, f"The {what} makes no sense: {error}.", f"{API}/openapi.json says what is understood.")


async def _absent(call: Call) -> msgspec.Struct:
    raise ProblemError(NOT_HERE, f"This gateway answers nothing at {call.request.path}.")
