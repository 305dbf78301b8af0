"""Somebody looks at a page, or does something there: what a page knows of it, and what it may ask for them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
from aiohttp import web

from gateway.admin.access.principal import Principal
from gateway.admin.access.roles import Role
from gateway.admin.problems import BAD_REQUEST, ROLE_NEEDED, FieldError, ProblemError
from gateway.admin.route import Answers, Call, Route
from gateway.admin.views.markup import Markup
from gateway.admin.views.words import Words

T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody looks at a page.

    Args:
        request: as it came.
        principal: who looks.
        words: in their language.
        seal: for the forms of the page, empty where they need none.
        now: Unix seconds.
        routes: what can be asked of the API.
        answers: who answers it.
        form: what was sent, empty if somebody only looks.
        wrong: what the API found wrong with what was sent, one thing each.
        done: whether what was sent was done.
        file: what was sent with it, None without one.
        troubles: what is wrong with fields of it, in words, to be shown beside them.

    """

    request: web.Request
    principal: Principal
    words: Words
    seal: str
    now: float
    routes: Mapping[str, Route]
    answers: Answers
    form: Mapping[str, str] = field(default_factory=dict)
    wrong: tuple[FieldError, ...] = ()
    done: bool = False
    file: AsyncIterator[bytes] | None = None
    troubles: dict[str, str] = field(default_factory=dict)

    @property
    def role(self) -> Role:
        """What whoever looks may do."""
        return self.principal.role

    def may(self, name: str) -> bool:
        """Whether whoever looks may ask that, and somebody answers it."""
        route = self.routes[name]
        return name in self.answers and (route.role is None or self.role >= route.role)

    async def ask(
        self,
        kind: type[T],
        name: str,
        *,
        query: msgspec.Struct | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        names: Mapping[str, str] | None = None,
        stream: AsyncIterator[bytes] | None = None,
    ) -> T:
        """Ask the API in the name of whoever looks, with its own checks.

        Args:
            kind: of the answer.
            name: of the route.
            query: what would stand behind the question mark.
            body: what would be sent, as plain values.
            headers: what would be sent with it.
            names: what would stand at the names of the path.
            stream: what would be sent where that is no document.

        Raises:
            ProblemError: they may not, or what they ask makes no sense.

        """
        route = self.routes[name]
        if not self.may(name):
            raise ProblemError(ROLE_NEEDED, self.words("common.not_yours"))
        sent = None
        if route.body is not None:
            try:
                sent = msgspec.convert(body, route.body)
            except msgspec.ValidationError as error:
                raise ProblemError(BAD_REQUEST, f"{error}.") from error
        asked = query if query is not None or route.query is None else route.query()
        call = Call(self.request, self.principal, asked, sent, headers or {}, stream, names)
        found = await self.answers[name](call)
        if isinstance(found, web.Response) and isinstance(found.body, bytes):  # a document with headers of its own
            return msgspec.json.decode(found.body, type=kind)
        if not isinstance(found, kind):
            raise TypeError(f"{name} answers something else than {kind.__name__}")
        return found


Show = Callable[[Visit], Awaitable[Markup]]
"""Makes a part of a page."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Args:
        name: of its texts, and of its address.
        show: makes what is on it.
        act: does what was sent, and says what came of it; None where nothing can be done.
        upload: the same for what was sent with a file.
        needs: names of the routes without which it is not there.
        live: whether it is kept up to date while it is looked at; not where that would change under somebody's hands what they send.
        least: what somebody must be to send anything here; the API says who may do what.
        listed: whether it stands in the menu.

    """

    name: str
    show: Show
    act: Show | None = None
    upload: Show | None = None
    needs: tuple[str, ...] = ()
    live: bool = True
    least: Role = Role.OPERATOR
    listed: bool = True

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/{self.name}"
