"""How a route of the API is declared: once, for whoever answers, describes, counts or asks it."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec
from aiohttp import web

from gateway.admin.access.principal import Principal
from gateway.admin.access.roles import Role
from gateway.admin.problems import OF_BODIES, OF_QUERIES, OF_ROLES, Problem

T = TypeVar("T")
API: Final = "/api/v1"
JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"
_PIECE: Final = 64 * 1024  # bytes of a body that is read piece by piece
_NAMED: Final = re.compile(r"{(\w+)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One thing that can be asked.

    Args:
        name: for programs that are made from the description, such as ``get_status``.
        method: of HTTP.
        path: with ``{names}`` of what varies.
        summary: one sentence.
        role: who may ask; None is everybody, known or not.
        answer: what comes back as JSON; None is something else, of the `media` type.
        status: of a good answer.
        query: what may stand behind the question mark.
        body: what is sent.
        problems: why it may fail, beside what follows from role, query and body.
        changes: whether anything is different afterwards.
        media: type of an answer that is no document.
        takes: type of a body that is no document, which whoever answers reads.
        also: other statuses of good answers.
        headers: of the request that mean something here, each with a sentence.

    """

    name: str
    method: str
    path: str
    summary: str
    role: Role | None
    answer: type[msgspec.Struct] | None = None
    status: int = 200
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    problems: tuple[Problem, ...] = ()
    changes: bool = False
    media: str = JSON
    takes: str = ""
    also: tuple[int, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """What varies in the path."""
        return tuple(_NAMED.findall(self.path))

    @property
    def every_problem(self) -> tuple[Problem, ...]:
        """Every way in which it can fail, by status."""
        found = dict.fromkeys(self.problems)
        if self.role is not None:
            found |= dict.fromkeys(OF_ROLES)
        if self.query is not None:
            found |= dict.fromkeys(OF_QUERIES)
        if self.body is not None:
            found |= dict.fromkeys(OF_BODIES)
        return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody asks.

    Args:
        request: as it came.
        principal: who asks; None if nobody knows who that is.
        headers: that count in place of those of the request, where a page asks for somebody.

    """

    request: web.Request
    principal: Principal | None
    _query: msgspec.Struct | None = None
    _body: msgspec.Struct | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    _stream: AsyncIterator[bytes] | None = None
    _names: Mapping[str, str] | None = None

    @property
    def role(self) -> Role | None:
        """What whoever asks may do; None if nobody knows who that is."""
        return self.principal.role if self.principal is not None else None

    def query(self, kind: type[T]) -> T:
        """Return what stands behind the question mark, of the type its route declares."""
        return _declared(self._query, kind)

    def body(self, kind: type[T]) -> T:
        """Return what was sent, of the type its route declares."""
        return _declared(self._body, kind)

    def header(self, name: str) -> str:
        """Return a header, empty if it was not sent."""
        return self.headers[name] if name in self.headers else str(self.request.headers.get(name, ""))

    @property
    def is_streamed(self) -> bool:
        """Whether what was sent is only a part of the request."""
        return self._stream is not None

    def stream(self) -> AsyncIterator[bytes]:
        """Return what was sent where that is no document, piece by piece; whoever reads it counts."""
        return self.request.content.iter_chunked(_PIECE) if self._stream is None else self._stream

    @property
    def sees_names(self) -> bool:
        """Whether whoever asks may read what people are called."""
        return self.role is not None and self.role >= Role.OPERATOR

    def __getitem__(self, name: str) -> str:
        """Return what stands at a name of the path."""
        return self.request.match_info[name] if self._names is None else self._names[name]


Answer = Callable[[Call], Awaitable[msgspec.Struct | web.StreamResponse]]
"""Answers one route; raises `ProblemError`."""

Answers = Mapping[str, Answer]
"""Who answers, by the name of the route."""

Who = Callable[[web.Request], Principal | None]
"""Says who sent a request; None if nobody knows."""


def _declared(value: msgspec.Struct | None, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"the route does not declare {kind.__name__}")
    return value
