"""Addresses envelopes: who lacks a thing, and who is told that whom it is being sent to."""

from collections.abc import Iterable
from dataclasses import replace

from gateway.bridge.provenance import Provenance
from gateway.bridge.sites import Site, Sites
from gateway.limits import MAX_ENVELOPE, MAX_FRAME, MAX_SITES_SEEN, MAX_SITES_TOLD
from gateway.mesh.effects import Effect, Priority, SendFrame
from gateway.mesh.outbound import PRIORITIES
from gateway.mesh.records import ASKED_ABOUT, Decided, Verb
from gateway.wire import envelope as wire
from gateway.wire.envelope import Envelope, Kind

ENVELOPE_ROOM = MAX_ENVELOPE - MAX_FRAME  # bytes an envelope may add to the packet it carries


class Post:
    """Sends envelopes to sites.

    Args:
        site_id: this gateway's site ID.
        sites: the links to other sites.
        provenance: which sites have what.

    """

    def __init__(self, site_id: bytes, sites: Sites, provenance: Provenance) -> None:
        self._site_id = site_id
        self._sites = sites
        self._provenance = provenance

    def lacking(self, identifier: bytes, kind: Kind, now: float) -> list[Site]:
        """Return the sites that understand such envelopes and are not known to have this one."""
        have = self._provenance.sites(identifier, now)
        return [site for site in self._sites.all() if site.greeted and kind in site.kinds and site.site_id not in have]

    def send(self, envelope: Envelope, targets: Iterable[Site], effects: list[Effect], now: float, rule: str) -> bool:
        """Append the sending of an envelope to those of `targets` whose links can take it, by some rule; False if none can.

        Without a rule it is not recorded.
        """
        sites = [site for site in targets if len(envelope.body) + ENVELOPE_ROOM <= site.mtu]
        if not sites:
            return False
        ids = [self._site_id, *(site.site_id for site in sites)]
        seen = self._provenance.add(envelope.packet_id, ids, now)
        told = bool(rule) and is_asked_about(envelope)
        if told:
            effects += [Decided(envelope.packet_id, Verb.SENT, site.site_id, rule) for site in sites[:MAX_SITES_TOLD]]
            if len(sites) > MAX_SITES_TOLD:
                effects.append(Decided(envelope.packet_id, Verb.SENT, "", rule, detail=f"sites {len(sites) - MAX_SITES_TOLD}"))
        self.put(
            replace(envelope, seen=tuple(sorted(seen - {self._site_id}))[: MAX_SITES_SEEN - 1]),
            sites,
            effects,
            envelope.packet_id if told else b"",
        )
        return True

    def tell(self, kind: Kind, body: bytes, wall_ms: int, sites: Iterable[Site], effects: list[Effect]) -> None:
        """Append the sending of something that concerns these sites and this one alone."""
        self.put(Envelope(bytes(16), kind, self._site_id, seen=(), created_ms=wall_ms, expires_ms=wall_ms, body=body), sites, effects)

    def put(self, envelope: Envelope, sites: Iterable[Site], effects: list[Effect], subject: bytes = b"") -> None:
        """Append the sending of an envelope, with this site named last: so the far end learns who we are."""
        data = wire.encode(replace(envelope, seen=(*envelope.seen, self._site_id)))
        priority = PRIORITIES.get(envelope.body[1], Priority.PUBLIC) if envelope.kind is Kind.FRAME else Priority.DIRECTED
        effects.append(SendFrame(tuple(site.link for site in sites), data, priority, subject))


def is_asked_about(envelope: Envelope) -> bool:
    """Say whether the way of what is in an envelope is recorded."""
    return envelope.kind in (Kind.EVENT, Kind.MAIL) or (envelope.kind is Kind.FRAME and envelope.body[1] in ASKED_ABOUT)
