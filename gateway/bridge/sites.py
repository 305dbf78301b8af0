"""The other sites: their links, their IDs, and which peers they announced."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from gateway.bridge.policy import NOSTR, UNKNOWN
from gateway.bridge.window import Window
from gateway.limits import (
    MAX_HISTORY_ASKS,
    MAX_PEERS,
    MAX_SITES,
    MAX_WANTS,
    REMOTE_PEER_REACHABLE_S,
    SITE_BURST,
    SITE_MAIL_BURST,
    SITE_MAIL_RATE,
    SITE_RATE,
)
from gateway.session.rate import TokenBucket
from gateway.wire.envelope_schema import Kind
from transports.link import LinkId

RELAYS: Final = "nostr"
"""What a record of decisions calls the Nostr relays."""


@dataclass(slots=True)
class Site:
    """One link to another gateway; its site ID is known once it has greeted, and is a claim."""

    link: LinkId
    mtu: int
    site_id: bytes = b""
    peer: str = ""  # identity that the transport has proved, empty where it proves none
    greeted: bool = False
    told: bool = True  # whether it may be told what it missed
    unanswered: bytes | None = None  # its greeting, while nothing crosses
    kinds: frozenset[int] = frozenset({Kind.FRAME, Kind.PRESENCE})  # of envelopes it understands
    packets: TokenBucket = field(default_factory=lambda: TokenBucket(SITE_RATE, SITE_BURST))
    offers: Window = field(default_factory=lambda: Window(MAX_WANTS))
    wants: Window = field(default_factory=lambda: Window(MAX_WANTS))
    asks: Window = field(default_factory=lambda: Window(MAX_HISTORY_ASKS))
    letters: TokenBucket = field(default_factory=lambda: TokenBucket(SITE_MAIL_RATE, SITE_MAIL_BURST))

    @property
    def hop(self) -> bytes | str:
        """What a record of decisions calls it."""
        return RELAYS if self.place == NOSTR else self.site_id

    @property
    def place(self) -> bytes:
        """Who it is to the operator's rules and in the accounts of air time."""
        return self.peer.encode() or UNKNOWN


def relays() -> Site:
    """Return the Nostr relays as the gate sees them: one place, whichever of them it is, with one account of air time."""
    return Site(LinkId(RELAYS), 0, peer=NOSTR.decode())


class Sites:
    """Links to other gateways, and a roster of who was announced over which."""

    def __init__(self) -> None:
        self._sites: dict[LinkId, Site] = {}
        self._roster: OrderedDict[bytes, tuple[LinkId, float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sites)

    def __contains__(self, link: LinkId) -> bool:
        return link in self._sites

    def add(self, site: Site) -> bool:
        """Take in a link that came up; False if there are too many."""
        if len(self._sites) >= MAX_SITES:
            return False
        self._sites[site.link] = site
        return True

    def get(self, link: LinkId) -> Site | None:
        """Return the site at the other end of a link."""
        return self._sites.get(link)

    def named(self, site_id: bytes) -> Site | None:
        """Return the site with this ID that has greeted, if it is up."""
        return next((site for site in self._sites.values() if site.greeted and site.site_id == site_id), None)

    def remove(self, link: LinkId) -> None:
        """Forget a link that went down; its peers are found elsewhere once announced there."""
        self._sites.pop(link, None)

    def all(self) -> tuple[Site, ...]:
        """Return every site that is up."""
        return tuple(self._sites.values())

    def announced(self, peer_id: bytes, link: LinkId, timestamp_ms: int, now: float) -> None:
        """Note that a peer was announced by the site behind `link`, unless a newer announce came over another."""
        known = self._roster.get(peer_id)
        if known is not None and known[2] > timestamp_ms:
            return
        self._roster[peer_id] = (link, now, timestamp_ms)
        self._roster.move_to_end(peer_id)
        if len(self._roster) > MAX_PEERS:
            self._roster.popitem(last=False)

    def home_of(self, peer_id: bytes, now: float) -> Site | None:
        """Return the site that last announced a peer, while that is recent and the site is up."""
        entry = self._roster.get(peer_id)
        if entry is None or now - entry[1] > REMOTE_PEER_REACHABLE_S:
            return None
        return self._sites.get(entry[0])
