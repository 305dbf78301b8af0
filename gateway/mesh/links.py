"""The links of the local mesh: who is at the other end, and what each may cost us."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.limits import (
    ASSEMBLY_BURST,
    ASSEMBLY_RATE,
    CROSSING_BURST,
    EMERGENCY_BURST,
    EMERGENCY_RATE,
    INFLATE_BURST,
    INFLATE_RATE,
    LINK_BURST,
    LINK_RATE,
    MAIL_BURST,
    MAIL_RATE,
    MAX_FRAME,
    MAX_PONGS,
    NEWCOMER_BURST,
    NEWCOMER_RATE,
    PONG_WINDOW_S,
    REBIND_INTERVAL_S,
    RELAY_BURST,
    RELAY_RATE,
    RSR_WINDOW_S,
    VERIFY_BURST,
    VERIFY_RATE,
)
from gateway.mesh.shares import Shares
from gateway.session.rate import TokenBucket
from transports.link import LinkId

NEVER = float("-inf")


@dataclass(slots=True)
class Link:
    """One local link and its budgets."""

    id: LinkId
    mtu: int
    peer_id: bytes | None = None  # set by the first verified direct announce
    bound_at: float = NEVER
    asked_at: float = NEVER  # when we last sent a REQUEST_SYNC over it
    packets: TokenBucket = field(default_factory=lambda: TokenBucket(LINK_RATE, LINK_BURST))
    relays: TokenBucket = field(default_factory=lambda: TokenBucket(RELAY_RATE, RELAY_BURST))  # bytes
    directed: Shares = field(default_factory=Shares)
    emergencies: TokenBucket = field(default_factory=lambda: TokenBucket(EMERGENCY_RATE, EMERGENCY_BURST))
    crossings: TokenBucket = field(default_factory=lambda: TokenBucket(RELAY_RATE, CROSSING_BURST))  # bytes
    verifications: TokenBucket = field(default_factory=lambda: TokenBucket(VERIFY_RATE, VERIFY_BURST))
    assemblies: TokenBucket = field(default_factory=lambda: TokenBucket(ASSEMBLY_RATE, ASSEMBLY_BURST))
    newcomers: TokenBucket = field(default_factory=lambda: TokenBucket(NEWCOMER_RATE, NEWCOMER_BURST))
    inflation: TokenBucket = field(default_factory=lambda: TokenBucket(INFLATE_RATE, INFLATE_BURST))
    letters: TokenBucket = field(default_factory=lambda: TokenBucket(MAIL_RATE, MAIL_BURST))
    pongs: TokenBucket = field(default_factory=lambda: TokenBucket(MAX_PONGS / PONG_WINDOW_S, MAX_PONGS))

    def expects_answers(self, now: float) -> bool:
        """Say whether sync answers over this link are solicited."""
        return now - self.asked_at <= RSR_WINDOW_S


class Links:
    """Local links by ID and by bound peer. One peer may be at the end of two links."""

    def __init__(self) -> None:
        self._links: dict[LinkId, Link] = {}
        self._by_peer: dict[bytes, list[LinkId]] = {}
        self.floods: dict[LinkId | None, tuple[LinkId, ...]] = {}  # by ingress; made when asked for, forgotten with every change
        self.is_up = self._links.__contains__  # bound once: asked for every link of every relay
        self.smallest_mtu = MAX_FRAME  # bytes of the largest frame that every link takes whole
        self.degree = 0  # connected peers

    def __len__(self) -> int:
        return len(self._links)

    def __iter__(self) -> Iterator[Link]:
        return iter(self._links.values())

    def get(self, link: LinkId) -> Link | None:
        """Return the link, if it is up."""
        return self._links.get(link)

    def add(self, link: Link) -> None:
        """Take in a link that came up."""
        self._links[link.id] = link
        self._changed()

    def remove(self, link: LinkId) -> Link | None:
        """Forget a link that went down."""
        gone = self._links.pop(link, None)
        if gone is not None:
            self._unbind(gone)
            self._changed()
        return gone

    def bind(self, link: Link, peer_id: bytes, now: float) -> bool:
        """Tie a link to the peer whose verified direct announce came over it.

        Returns:
            False if it is bound to somebody else and was re-bound less than a minute ago.

        """
        if link.peer_id == peer_id:
            return True
        if not self.may_bind(link, peer_id, now):
            return False
        self._unbind(link)
        link.peer_id, link.bound_at = peer_id, now
        self._by_peer.setdefault(peer_id, []).append(link.id)
        self._changed()
        return True

    def may_bind(self, link: Link, peer_id: bytes, now: float) -> bool:
        """Say whether a direct announce of this peer would tie the link anew."""
        if link.peer_id is None:
            return True
        return link.peer_id != peer_id and now - link.bound_at >= REBIND_INTERVAL_S

    def release(self, peer_id: bytes) -> None:
        """Untie every link from a peer that has left; the next direct announce ties it again."""
        for link_id in tuple(self._by_peer.get(peer_id, ())):
            self._unbind(self._links[link_id])
        self._changed()

    def to_peer(self, peer_id: bytes) -> LinkId | None:
        """Return the link that leads directly to a peer, if there is one."""
        links = self._by_peer.get(peer_id)
        return links[0] if links else None

    def by_peer(self) -> dict[bytes, tuple[LinkId, ...]]:
        """Return the links of each peer."""
        return {peer: tuple(links) for peer, links in self._by_peer.items()}

    def beside(self, link: Link) -> Link | None:
        """Return another link to the peer at the end of this one, which is to carry its data when this one is gone."""
        if link.peer_id is None:
            return None
        return next((self._links[other] for other in self._by_peer[link.peer_id] if other != link.id), None)

    @property
    def direct_peers(self) -> tuple[bytes, ...]:
        """IDs of the peers at the other end of bound links."""
        return tuple(self._by_peer)

    @property
    def one_each(self) -> tuple[LinkId, ...]:
        """Every unbound link, and one link per bound peer: where data goes."""
        return self.flood(None)

    def flood(self, ingress: Link | None) -> tuple[LinkId, ...]:
        """Return `one_each`, but for what leads back to where a packet came from."""
        key, back = (None, None) if ingress is None else (ingress.id, ingress.peer_id)
        links = self.floods.get(key)
        if links is None:
            unbound = [link.id for link in self._links.values() if link.peer_id is None and link.id != key]
            links = self.floods[key] = (*unbound, *(links[0] for peer_id, links in self._by_peer.items() if peer_id != back))
        return links

    def _changed(self) -> None:
        self.floods.clear()
        self.degree = len(self.one_each)
        self.smallest_mtu = min((link.mtu for link in self._links.values()), default=MAX_FRAME)

    def _unbind(self, link: Link) -> None:
        if link.peer_id is None:
            return
        links = self._by_peer[link.peer_id]
        links.remove(link.id)
        if not links:
            del self._by_peer[link.peer_id]
        link.peer_id = None
