"""What gateways say to each other about the federation itself, over the links that carry packets.

Who is a member matters whatever the bridge lets through, so this works in every mode. A site that does not name the kind in
its greeting is an older one: it is not spoken to.
"""

from gateway.bridge.post import Post
from gateway.bridge.sites import Site, Sites
from gateway.errors import Reason
from gateway.limits import MAX_RPC
from gateway.mesh.effects import CloseLink, Effect, SiteMet, SiteParted, SiteSpoke
from gateway.mesh.events import PartWithSite, TellSite
from gateway.wire.envelope import Kind
from transports.link import LinkId


class Talk:
    """The sites that can be spoken to, by the identity the transports have proved.

    Args:
        sites: the links to other sites.
        post: sends envelopes.

    """

    def __init__(self, sites: Sites, post: Post) -> None:
        self._sites = sites
        self._post = post
        self._met: dict[str, LinkId] = {}

    def site(self, peer: str) -> Site | None:
        """Return the site with this identity, if it is up and has greeted."""
        link = self._met.get(peer)
        return None if link is None else self._sites.get(link)

    def greeted(self, site: Site, kinds: bytes, effects: list[Effect]) -> None:
        """A site has said who it is and what it understands."""
        if Kind.FEDERATION in kinds and site.peer and site.peer not in self._met:
            self._met[site.peer] = site.link
            effects.append(SiteMet(site.peer))

    def parted(self, site: Site, effects: list[Effect]) -> None:
        """A site is gone."""
        if self._met.get(site.peer) == site.link:
            del self._met[site.peer]
            effects.append(SiteParted(site.peer))

    def heard(self, site: Site, body: bytes, effects: list[Effect]) -> Reason | None:
        """A site has said something; returns why that is passed over, None if it is not."""
        if self._met.get(site.peer) != site.link:
            return Reason.UNKNOWN_SENDER
        if len(body) > MAX_RPC:
            return Reason.OVERSIZED
        effects.append(SiteSpoke(site.peer, body))
        return None

    def handle(self, event: TellSite | PartWithSite, wall_ms: int) -> list[Effect]:
        """Do what the federation wants done; `wall_ms` is Unix milliseconds, 0 while the time is not known."""
        effects: list[Effect] = []
        site = self.site(event.peer)
        if site is not None and isinstance(event, TellSite):
            self._post.tell(Kind.FEDERATION, event.body, wall_ms, (site,), effects)
        elif site is not None and isinstance(event, PartWithSite):
            effects.append(CloseLink(site.link, event.why))
        return effects
