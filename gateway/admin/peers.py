"""Who is there: ``/api/v1/peers``, and how everything hangs together: ``/api/v1/topology``."""

import asyncio
from collections.abc import Callable, Container, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from gateway.admin.access.roles import Role
from gateway.admin.limits import MAX_PAGE
from gateway.admin.problems import Problem, ProblemError
from gateway.admin.radio import RadioControl
from gateway.admin.route import Answers, Call, Route
from gateway.bridge.engine import GatewayEngine
from gateway.bridge.trunks import Trunks
from gateway.mesh.peers import Peer
from gateway.wire.types import Capability

_BAD_CURSOR: Final = Problem(400, "bad_cursor", "no list ends there")
NO_PEER: Final = Problem(404, "unknown_peer", "nobody like that is known now")


class Where(StrEnum):
    """Where somebody is."""

    NEAR = "near"  # linked with this gateway
    RELAYED = "relayed"  # on this island, over other phones
    ELSEWHERE = "elsewhere"  # on another island


class PeerDocument(msgspec.Struct, frozen=True):
    """Somebody."""

    id: str
    where: Where
    nickname: str | None  # None: whoever asks may not read names
    rssi: int | None  # dBm, when the link was made; None if it is not known
    last_seen: datetime | None  # None while the time of day is not known
    silent_s: float  # since the last sign of life
    capabilities: tuple[str, ...]
    is_gateway: bool  # of another site


class PeersDocument(msgspec.Struct, frozen=True):
    """``GET /api/v1/peers``: the last heard first."""

    peers: tuple[PeerDocument, ...]
    total: int  # of all pages
    next: str | None  # the cursor of the next page


class PeersQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which of them."""

    where: Where | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE)] = MAX_PAGE
    cursor: Annotated[str, msgspec.Meta(max_length=32)] = ""


class NodeKind(StrEnum):
    """What stands at a place of the map."""

    GATEWAY = "gateway"  # this one
    SITE = "site"  # another gateway
    PHONE = "phone"


class NodeDocument(msgspec.Struct, frozen=True):
    """A place of the map."""

    id: str
    kind: NodeKind
    island: str  # ID of the gateway it is near; empty where nobody knows which
    nickname: str | None


class EdgeDocument(msgspec.Struct, frozen=True):
    """A way between two places."""

    a: str
    b: str
    over: str  # a transport, or "radio"
    spare: tuple[str, ...] = ()  # transports held in reserve


class TopologyDocument(msgspec.Struct, frozen=True):
    """``GET /api/v1/topology``."""

    nodes: tuple[NodeDocument, ...]
    edges: tuple[EdgeDocument, ...]


ROUTES: Final = (
    Route(
        name="list_peers",
        method="GET",
        path="/api/v1/peers",
        role=Role.VIEWER,
        query=PeersQuery,
        answer=PeersDocument,
        problems=(_BAD_CURSOR,),
        summary="Who is near, relayed or elsewhere; viewers see no nicknames.",
    ),
    Route(
        name="get_peer",
        method="GET",
        path="/api/v1/peers/{id}",
        role=Role.VIEWER,
        answer=PeerDocument,
        problems=(NO_PEER,),
        summary="One of them.",
    ),
    Route(
        name="get_topology",
        method="GET",
        path="/api/v1/topology",
        role=Role.VIEWER,
        answer=TopologyDocument,
        summary="Islands, gateways and phones as a graph; of the ways between phones those both ends have announced.",
    ),
)


class Neighbourhood:
    """Answers who is there.

    Args:
        engine: knows them.
        trunks: knows the ways to other sites.
        radio: knows signals, None if there is none.
        wall: Unix seconds of a moment, None while nobody knows them.

    """

    def __init__(self, engine: GatewayEngine, trunks: Trunks, radio: RadioControl | None, wall: Callable[[float], float | None]) -> None:
        self._engine = engine
        self._trunks = trunks
        self._radio = radio
        self._wall = wall

    def answers(self) -> Answers:
        """Return who answers."""
        return {"list_peers": self._list, "get_peer": self._get, "get_topology": self._map}

    def peers(self, *, names: bool) -> list[PeerDocument]:
        """Return everybody, the last heard first."""
        now = asyncio.get_running_loop().time()
        mesh = self._engine.mesh
        direct, signals, sites = mesh.neighbours, self._signals(), {site.site_id for site in self._engine.sites.all()}
        found = [
            PeerDocument(
                id=peer.peer_id.hex(),
                where=_where(peer, direct, now),
                nickname=peer.announce.nickname if names else None,
                rssi=next((signals[link] for link in direct.get(peer.peer_id, ()) if link in signals), None),
                last_seen=self._time(max(peer.local_at, peer.remote_at)),
                silent_s=round(max(0.0, now - max(peer.local_at, peer.remote_at)), 1),
                capabilities=_capabilities(peer),
                is_gateway=peer.peer_id in sites,
            )
            for peer in mesh.peers
        ]
        return sorted(found, key=lambda one: (one.silent_s, one.id))

    async def _list(self, call: Call) -> PeersDocument:
        asked = call.query(PeersQuery)
        found = [one for one in self.peers(names=call.sees_names) if asked.where in (None, one.where)]
        start = _number(asked.cursor)
        end = start + asked.limit
        return PeersDocument(tuple(found[start:end]), len(found), str(end) if end < len(found) else None)

    async def _get(self, call: Call) -> PeerDocument:
        wanted = call["id"].lower()
        for one in self.peers(names=call.sees_names):
            if one.id == wanted:
                return one
        raise ProblemError(NO_PEER, f"Nobody with the ID {wanted} is known now.", "See: meshgate peers.")

    async def _map(self, call: Call) -> TopologyDocument:
        own = self._engine.mesh.identity.peer_id.hex()
        names = call.sees_names
        everybody = self.peers(names=names)
        nodes = [NodeDocument(own, NodeKind.GATEWAY, own, self._engine.mesh.settings.nickname if names else None)]
        for one in everybody:
            kind = NodeKind.SITE if one.is_gateway else NodeKind.PHONE
            nodes.append(NodeDocument(one.id, kind, _island(one, own), one.nickname))
        known = {node.id for node in nodes}
        nodes += [NodeDocument(site, NodeKind.SITE, site, None) for site in self._site_ids() if site not in known]
        return TopologyDocument(tuple(nodes), tuple(self._edges(own)))

    def _site_ids(self) -> list[str]:
        return [site.site_id.hex() for site in self._engine.sites.all() if site.site_id]

    def _edges(self, own: str) -> Iterator[EdgeDocument]:
        now = asyncio.get_running_loop().time()
        mesh = self._engine.mesh
        told: set[tuple[str, str]] = set()
        for peer, others in mesh.peers.edges(now, mesh.neighbours).items():
            for other in others:
                a, b = sorted((peer.hex(), other.hex()))
                if (a, b) not in told:
                    told.add((a, b))
                    yield EdgeDocument(a, b, "radio")
        for peer_id in mesh.neighbours:
            a, b = sorted((own, peer_id.hex()))
            if (a, b) not in told:
                told.add((a, b))
                yield EdgeDocument(a, b, "radio")
        ways = {route.site: route for route in self._trunks.routes()}
        for site in self._engine.sites.all():
            way = ways.get(site.peer)
            if site.site_id:
                over = way.using.partition(":")[0] if way is not None and way.using else ""
                spare = tuple(link.partition(":")[0] for link in way.spare) if way is not None else ()
                yield EdgeDocument(own, site.site_id.hex(), over, spare)

    def _signals(self) -> dict[str, int]:
        if self._radio is None:
            return {}
        links = (link for adapter in self._radio.radio().adapters for link in adapter.links)
        return {link.id: link.rssi for link in links if link.rssi is not None}

    def _time(self, moment: float) -> datetime | None:
        wall = self._wall(moment)
        return None if wall is None else datetime.fromtimestamp(round(wall, 3), UTC)


def _where(peer: Peer, direct: Container[bytes], now: float) -> Where:
    if peer.peer_id in direct:
        return Where.NEAR
    return Where.RELAYED if peer.is_local(now) else Where.ELSEWHERE


def _capabilities(peer: Peer) -> tuple[str, ...]:
    bits = Capability(peer.announce.capabilities or 0)
    return tuple(one.name.lower() for one in Capability if one in bits and one.name is not None)


def _island(one: PeerDocument, own: str) -> str:
    if one.is_gateway:
        return one.id
    return "" if one.where is Where.ELSEWHERE else own


def _number(cursor: str) -> int:
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 9):
        raise ProblemError(_BAD_CURSOR, "No list ends there.", "Use the cursor of the page before, or none.")
    return int(cursor)
