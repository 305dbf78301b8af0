"""Counts requests over HTTP, under the names of their routes only."""

from collections.abc import Mapping
from typing import Final

from gateway.bridge.delays import Delays
from gateway.telemetry.catalogue import REQUEST_S
from gateway.telemetry.labels import METHODS, OTHER, ROUTES, STATUSES

_KNOWN_METHODS: Final = frozenset(METHODS)
_KNOWN_ROUTES: Final = frozenset(ROUTES)


class Meter:
    """Counts of requests since the start, over all listeners.

    Attributes:
        requests: by method, route and class of status.
        refused: connections closed and requests refused because there were too many.
        malformed: what came to the addresses for metrics and was no HTTP.

    """

    def __init__(self) -> None:
        self.requests: dict[tuple[str, str, str], int] = {}
        self.refused = 0
        self.malformed = 0
        self._seconds: dict[str, Delays] = {}

    @property
    def seconds(self) -> Mapping[str, Delays]:
        """How long answers took, by route."""
        return self._seconds

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer; `route` is the template, such as ``/api/v1/why/{id}``, and never what was asked."""
        method = method if method in _KNOWN_METHODS else OTHER
        route = route if route in _KNOWN_ROUTES else OTHER
        status_class = STATUSES[min(max(status // 100, 2), 5) - 2]
        key = method, route, status_class
        self.requests[key] = self.requests.get(key, 0) + 1
        if route not in self._seconds:
            self._seconds[route] = Delays(REQUEST_S)
        self._seconds[route].add(seconds)
