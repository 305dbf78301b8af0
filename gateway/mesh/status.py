"""A snapshot of a node for people, pages and metrics."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.errors import Reason
from gateway.mesh.links import Links
from gateway.mesh.peers import Peer


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """One peer, as a page would list it."""

    peer_id: str
    nickname: str
    direct: bool
    local: bool
    remote: bool
    last_heard_s: float


@dataclass(frozen=True, slots=True)
class MeshStatus:
    """The mesh side of a gateway; `drops` lists only reasons that occurred."""

    peer_id: str
    links: int
    peers: tuple[PeerStatus, ...]
    counters: Mapping[str, int]
    drops: Mapping[str, int]


def describe(
    peer_id: bytes, links: Links, peers: Iterable[Peer], counters: Mapping[str, int], drops: Mapping[Reason, int], now: float
) -> MeshStatus:
    """Put a snapshot together."""
    direct = set(links.direct_peers)
    listed = tuple(
        PeerStatus(
            peer_id=peer.peer_id.hex(),
            nickname=peer.announce.nickname,
            direct=peer.peer_id in direct,
            local=peer.is_local(now),
            remote=peer.is_remote(now),
            last_heard_s=now - max(peer.local_at, peer.remote_at),
        )
        for peer in peers
    )
    return MeshStatus(
        peer_id=peer_id.hex(),
        links=len(links),
        peers=listed,
        counters=dict(counters),
        drops={reason.value: count for reason, count in drops.items() if count},
    )
