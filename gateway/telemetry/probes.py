"""What machines ask over HTTP: whether the gateway lives, whether it is ready, and its numbers."""

import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version

import msgspec
from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.admin.probes import PROBES, ReadyDocument, VersionDocument
from gateway.admin.route import Answers
from gateway.telemetry.exposition import Exposition
from gateway.telemetry.health import Health, Name
from gateway.telemetry.meter import Meter
from gateway.telemetry.redaction import Redactor

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Probes:
    """Answers them.

    Args:
        health: the registry.
        exposition: makes the page of numbers.
        redactor: takes names out of sentences; None leaves them.
        now: monotonic seconds.

    """

    def __init__(self, health: Health, exposition: Exposition, redactor: Redactor | None, now: Callable[[], float]) -> None:
        self._health = health
        self._exposition = exposition
        self._redactor = redactor
        self._now = now

    def routes(self) -> list[web.RouteDef]:
        """Return their routes, for a listener that has nothing else and lets in whom it wants."""
        found = {"healthz": self.alive, "readyz": self.ready, "metrics": self.metrics, "version": self.version}
        return [web.route(route.method, route.path, found[route.name]) for route in PROBES]

    def answers(self) -> Answers:
        """Return who answers, for a listener with the whole table."""
        return {
            "healthz": lambda call: self.alive(call.request),
            "readyz": lambda call: self.ready(call.request),
            "metrics": lambda call: self.metrics(call.request),
            "version": lambda call: self.version(call.request),
        }

    async def alive(self, _request: web.Request) -> web.Response:
        """Answer 200 while every part gets on, 503 once one is stuck."""
        stuck = self._health.holds_any(Name.PROGRESS_STALLED)
        return web.Response(status=503 if stuck else 200, text="stuck\n" if stuck else "ok\n")

    async def ready(self, _request: web.Request) -> web.Response:
        """Answer 200 while no condition is an error, else 503; with everything that is wrong either way."""
        redactor = self._redactor
        problems = self._health.problems(self._now())
        if redactor is not None:
            problems = tuple(
                msgspec.structs.replace(one, sentence=redactor.text(one.sentence), remedy=redactor.text(one.remedy)) for one in problems
            )
        document = ReadyDocument(self._health.is_ready, problems)
        status = 200 if document.ready else 503
        return web.Response(status=status, body=msgspec.json.encode(document), content_type="application/json")

    async def metrics(self, request: web.Request) -> web.Response:
        """Answer every number, in Prometheus' format or in OpenMetrics."""
        page = self._exposition.page(request.headers.get("Accept", ""))
        return web.Response(body=page.body, headers={"Content-Type": page.content_type})

    async def version(self, _request: web.Request) -> web.Response:
        """Answer the version of the gateway."""
        body = msgspec.json.encode(VersionDocument(version("meshgate")))
        return web.Response(body=body, content_type="application/json")


def counting(meter: Meter) -> Middleware:
    """Return a middleware that counts every answer under its route."""

    @web.middleware
    async def count(request: web.Request, handler: Answer) -> web.StreamResponse:
        began, status = time.perf_counter(), 500
        try:
            response = await handler(request)
            status = response.status
        except web.HTTPException as error:
            status = error.status
            raise
        finally:
            resource = request.match_info.route.resource
            meter.add(request.method, resource.canonical if resource is not None else "", status, time.perf_counter() - began)
        return response

    return count
