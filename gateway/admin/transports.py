"""The ways frames can take: ``/api/v1/transports``."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from gateway.admin.access.roles import Role
from gateway.admin.problems import Problem, ProblemError
from gateway.admin.route import Answers, Call, Route
from gateway.status import GatewayStatus, TransportSummary
from transports.link import TransportState

_NO_TRANSPORT: Final = Problem(404, "unknown_transport", "there is no such transport")
_LOCAL: Final = frozenset({"ble", "radio", "replay"})


class TransportDocument(msgspec.Struct, frozen=True):
    """One transport."""

    name: str
    order: int | None  # of preference among those that lead to other sites, from 1; None for those of the island
    state: TransportState
    sentence: str
    remedy: str
    links: int
    addresses: tuple[str, ...]  # where others can reach it
    reachability: str  # in words
    breaker: str  # closed; open: links that failed are left alone
    failed_links: int
    failures: int  # times it ended and was started again
    counters: Mapping[str, int]


class TransportsDocument(msgspec.Struct, frozen=True):
    """``GET /api/v1/transports``: those of the island first, then by preference."""

    transports: tuple[TransportDocument, ...]


ROUTES: Final = (
    Route(
        name="list_transports",
        method="GET",
        path="/api/v1/transports",
        role=Role.VIEWER,
        answer=TransportsDocument,
        summary="The ways frames can take, how each is doing and in which order they are used.",
    ),
    Route(
        name="get_transport",
        method="GET",
        path="/api/v1/transports/{name}",
        role=Role.VIEWER,
        answer=TransportDocument,
        problems=(_NO_TRANSPORT,),
        summary="One of them.",
    ),
)


class Ways:
    """Answers how the transports are doing.

    Args:
        status: of the gateway.
        order: names of transports, the preferred one first.
        failed: names of the links that are left alone because they failed.

    """

    def __init__(self, status: Callable[[], GatewayStatus], order: Sequence[str], failed: Callable[[], Sequence[str]]) -> None:
        self._status = status
        self._order = tuple(order)
        self._failed = failed

    def answers(self) -> Answers:
        """Return who answers."""
        return {"list_transports": self._list, "get_transport": self._get}

    def transports(self, status: GatewayStatus | None = None) -> tuple[TransportDocument, ...]:
        """Return every transport."""
        failed = [link.partition(":")[0] for link in self._failed()]
        found = [self._document(name, one, failed.count(name)) for name, one in (status or self._status()).transports.items()]
        return tuple(sorted(found, key=lambda one: (one.order or 0, one.name)))

    async def _list(self, _call: Call) -> TransportsDocument:
        return TransportsDocument(self.transports())

    async def _get(self, call: Call) -> TransportDocument:
        for one in self.transports():
            if one.name == call["name"]:
                return one
        raise ProblemError(_NO_TRANSPORT, f"There is no transport {call['name']!r} here.", "See: meshgate transports.")

    def _document(self, name: str, one: TransportSummary, failed: int) -> TransportDocument:
        order = None
        if name not in _LOCAL:
            order = self._order.index(name) + 1 if name in self._order else len(self._order) + 1
        return TransportDocument(
            name=name,
            order=order,
            state=one.state,
            sentence=one.sentence,
            remedy=one.remedy,
            links=one.links,
            addresses=one.addresses,
            reachability=reachability(name, one),
            breaker="open" if failed else "closed",
            failed_links=failed,
            failures=one.counters.get("failures", 0),
            counters=one.counters,
        )


def reachability(name: str, one: TransportSummary) -> str:
    """Say whether others can get through."""
    if one.state is TransportState.DOWN:
        return "Nobody gets through: it is down."
    if name in _LOCAL:
        return "Phones within some hundred metres can link." if one.links else "No phone is linked."
    if one.links:
        return f"Proved: {one.links} {'link is' if one.links == 1 else 'links are'} up."
    if one.addresses:
        return "It listens; whether others get through is not proved until one does."
    return "It listens nowhere: it can call others, and nobody can call it."
