"""The pages people see: the routes, and who answers them.

A page is made of what the API answers to whoever looks, so that it can show nobody what the API would not tell them, and what
is done on a page goes through the API's own checks. Forms need no script. Nobody is let in here: whoever listens says who asks,
and seals the forms.
"""

import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from aiohttp import web

from gateway.admin.access.principal import Principal, Proof
from gateway.admin.access.roles import Role
from gateway.admin.assets import served
from gateway.admin.federation import FederationRefusal
from gateway.admin.problems import BAD_REQUEST, NOT_FOUND, NOT_SIGNED_IN, UNAVAILABLE, FieldError, ProblemDocument, ProblemError
from gateway.admin.route import Answers, Route, Who
from gateway.admin.table import TABLE
from gateway.admin.uploads import received
from gateway.admin.views import (
    account,
    backup,
    diagnostics,
    federation,
    logs,
    messages,
    peers,
    policy,
    security,
    settings,
    shell,
    status,
    topology,
    transports,
    update,
    versions,
    welcome,
)
from gateway.admin.views import help as manual
from gateway.admin.views.markup import Markup, together
from gateway.admin.views.parts import FORM_FIELD
from gateway.admin.views.spoken import keep_language, spoken
from gateway.admin.views.visit import Page, Show, Visit
from gateway.admin.views.words import Words
from gateway.bridge.engine import BridgeMode
from gateway.errors import StoreError
from gateway.status import GatewayStatus

HTML: Final = "text/html"
FOR_GOOD: Final = "public, max-age=31536000, immutable"

PAGES: Final = (
    Page("status", status.show, needs=("get_status",)),
    Page("peers", peers.show, needs=("list_peers",)),
    Page("messages", messages.show, needs=("get_status", "list_messages", "get_why")),
    Page("transports", transports.show, needs=("get_status", "list_transports")),
    Page("federation", federation.show, federation.act, needs=("get_federation", "invite", "join", "revoke", "leave")),
    Page("policy", policy.show, policy.act, needs=("get_status", "get_policy", "get_policy_history")),
    Page("topology", topology.show, needs=("get_status", "list_peers")),
    Page("diagnostics", diagnostics.show, diagnostics.act, needs=("get_status", "get_radio")),
    Page("logs", logs.show, needs=("list_log",)),
    Page("backup", backup.show, backup.act, backup.upload, needs=("create_backup", "send_backup", "restore_backup"), live=False),
    Page("settings", settings.show, settings.act, needs=("get_config", "change_config"), live=False),
    Page("security", security.show, security.act, needs=("wipe",), live=False, least=Role.VIEWER),
    Page("update", update.show, versions.act, versions.upload, needs=("get_updates",)),
    Page("help", manual.show, needs=("get_status",)),
    Page(
        "account",
        account.show,
        account.act,
        needs=("list_sessions", "end_session", "change_passphrase"),
        least=Role.VIEWER,
        listed=False,
        live=False,
    ),
    Page("welcome", welcome.show, welcome.act, needs=("get_config", "change_config"), least=Role.ADMIN, listed=False, live=False),
)
"""Every page, those of the menu in its order. What nobody answers for is not there."""

_READ: Final = tuple(
    Route(name=f"page_{one.name}", method="GET", path=one.path, role=Role.VIEWER, media=HTML, summary=f"The page {one.name}.")
    for one in PAGES
)
_DONE: Final = tuple(
    Route(
        name=f"act_{one.name}",
        method="POST",
        path=one.path,
        role=one.least,
        media=HTML,
        changes=True,
        summary=f"What was sent with a form of the page {one.name}; the API says who may.",
    )
    for one in PAGES
    if one.act is not None
)
_SENT: Final = tuple(
    Route(
        name=f"upload_{one.name}",
        method="POST",
        path=f"{one.path}/upload",
        role=Role.OPERATOR,
        media=HTML,
        takes="multipart/form-data",
        changes=True,
        summary=f"What was sent with a file on the page {one.name}; the API says who may.",
    )
    for one in PAGES
    if one.upload is not None
)
_START: Final = Route(
    name="page_start", method="GET", path="/", role=Role.VIEWER, media=HTML, also=(302,), summary="Leads to the page status."
)
_WHY: Final = Route(
    name="page_why", method="GET", path="/messages/{id}", role=Role.VIEWER, media=HTML, summary="What was done with a message, and why."
)
STATIC: Final = Route(
    name="static", method="GET", path="/static/{file}", role=None, media="text/css", summary="Style, scripts and the mark of the pages."
)
PAGE_ROUTES: Final = (_START, *_READ, _WHY, *_DONE, *_SENT, STATIC)
"""Every route of the pages; none is one of the API's."""
NEEDS: Final = {(route.method, route.path): route.role for route in PAGE_ROUTES}
"""What somebody must be for each, None for everybody."""
_BY_NAME: Final = {route.name: route for route in PAGE_ROUTES}

_Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Pages:
    """Answers for the pages.

    Args:
        answers: who answers the API.
        who: says who sent a request.
        gateway: how the gateway is doing.
        name: what the gateway is called.
        seal: makes what a form must carry to be taken; empty where nobody asks for it.
        is_sealed: says whether a form with a file carries it; whoever lets people in does not read those.
        wall: Unix seconds.

    """

    def __init__(
        self,
        answers: Answers,
        who: Who,
        gateway: Callable[[], GatewayStatus],
        *,
        name: str = "",
        seal: Callable[[web.Request], str] = lambda _request: "",
        is_sealed: Callable[[web.Request, str], bool] | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._answers = answers
        self._who = who
        self._gateway = gateway
        self._name = name
        self._seal = seal
        self._is_sealed = is_sealed or (lambda request, shown: hmac.compare_digest(shown.encode(), seal(request).encode()))
        self._wall = wall
        self._routes = {route.name: route for route in TABLE}
        self.menu = tuple(one for one in PAGES if all(need in answers for need in one.needs))  # what nobody answers for is not there

    def routes(self) -> list[web.RouteDef]:
        """Return the routes as aiohttp wants them."""
        found = [web.get(_START.path, _start), web.get(STATIC.path, _static)]
        for one in self.menu:
            found.append(web.get(one.path, self._answering(_BY_NAME[f"page_{one.name}"], one, one.show)))
            if one.act is not None:
                found.append(web.post(one.path, self._answering(_BY_NAME[f"act_{one.name}"], one, one.show, one.act)))
            if one.upload is not None:
                act = self._with_file(one.upload)
                found.append(web.post(f"{one.path}/upload", self._answering(_BY_NAME[f"upload_{one.name}"], one, one.show, act)))
            if one.name == "messages":
                found.append(web.get(_WHY.path, self._answering(_WHY, one, messages.why)))
        return found

    def _answering(self, route: Route, page: Page, show: Show, act: Show | None = None) -> _Answer:
        async def answer(request: web.Request) -> web.StreamResponse:
            principal = self._who(request)
            words = spoken(request)
            if principal is None or (route.role is not None and principal.role < route.role):
                return self._refused(words, principal, self._seal(request))
            is_form = act is not None and not route.takes
            form = {name: text for name, text in (await request.post()).items() if isinstance(text, str)} if is_form else {}
            visit = Visit(request, principal, words, self._seal(request), self._wall(), self._routes, self._answers, form)
            outcome, done, wrong = await _tried(act, visit, sent=True) if act is not None else (None, 200, ())
            content, shown, _ = await _tried(show, replace(visit, wrong=wrong, done=act is not None and done == HTTPStatus.OK))
            live = page.live and act is None and shown == 200
            response = self._respond(visit, page, together(outcome, content), max(done, shown), live=live)
            keep_language(request, response)
            return response

        return answer

    def _with_file(self, act: Show) -> Show:
        """Return what reads a form with a file and sees that it is one of ours, before anything is done with the file."""

        async def take(visit: Visit) -> Markup:
            form, file = await received(visit.request)
            if not self._is_sealed(visit.request, form.get(FORM_FIELD, "")):
                raise ProblemError(BAD_REQUEST, visit.words("common.unknown_form"))
            return await act(replace(visit, form=form, file=file))

        return take

    def _respond(self, visit: Visit, page: Page, content: Markup, status_code: int, *, live: bool) -> web.Response:
        words = visit.words
        text = shell.document(
            words,
            words(f"{page.name}.title"),
            content,
            name=self._name,
            menu=self.menu,
            here=page.name,
            live=live,
            events="follow_events" in self._answers,
            opened=self._gateway().bridge.mode is BridgeMode.OPEN,
            who=_logged_in(visit.principal),
            seal=visit.seal,
        )
        return _html(text, status_code)

    def _refused(self, words: Words, principal: Principal | None, seal: str) -> web.Response:
        if principal is None:
            error = ProblemDocument("not signed in", NOT_SIGNED_IN.status, words("common.sign_in"), NOT_SIGNED_IN.code)
            return _html(shell.document(words, words("common.not_shown"), shell.problem(error, words)), NOT_SIGNED_IN.status)
        error = ProblemDocument("role needed", 403, words("common.not_yours"), "role_needed")
        who, told = _logged_in(principal), shell.problem(error, words)
        text = shell.document(words, words("common.not_shown"), told, name=self._name, menu=self.menu, who=who, seal=seal)
        return _html(text, 403)


def _logged_in(principal: Principal) -> str:
    """Return who is logged in and could log out; empty for programs."""
    return principal.name if principal.proof is Proof.SESSION else ""


async def _tried(make: Show, visit: Visit, *, sent: bool = False) -> tuple[Markup, int, tuple[FieldError, ...]]:
    """Return a part of a page, or why it cannot be made, the status of HTTP, and what was wrong with each thing that was sent."""
    try:
        return await make(visit), 200, ()
    except ProblemError as error:
        found = error.document
    except FederationRefusal as error:
        found = ProblemDocument(error.code, error.status, str(error), error.code, error.hint)
    except StoreError as error:
        found = ProblemDocument("unavailable", UNAVAILABLE.status, error.sentence, UNAVAILABLE.code, error.remedy)
    wrong = found.errors if isinstance(found.errors, tuple) else ()
    return shell.problem(found, visit.words, sent=sent), found.status, wrong


async def _start(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "/status", "Cache-Control": "no-store"})


async def _static(request: web.Request) -> web.StreamResponse:
    asset = served().get(request.match_info["file"])
    if asset is None:
        return web.Response(status=NOT_FOUND.status, text=f"{NOT_FOUND.when}\n")
    return web.Response(body=asset.body, content_type=asset.kind, charset="utf-8", headers={"Cache-Control": FOR_GOOD})


def _html(text: str, status_code: int) -> web.Response:
    return web.Response(status=status_code, text=text, content_type=HTML, headers={"Cache-Control": "no-store"})
