"""Open mode: packets cross as they are, each to the sites that lack it and that the operator's rules let have it."""

from collections.abc import Iterable
from itertools import accumulate
from typing import Final

from gateway.bridge.gate import CROSSED, Gate, Refusal, Sitewise, Subject, packet_subject
from gateway.bridge.policy import HERE, UNKNOWN
from gateway.bridge.post import Post
from gateway.bridge.provenance import Provenance
from gateway.bridge.rules import UNSIGNED, refusal
from gateway.bridge.sites import Site, Sites
from gateway.bridge.telling import judge, shape_of, tell_arrived, tell_heard, tell_kept_from, tell_refused, tell_stayed, word_of
from gateway.errors import Reason
from gateway.limits import (
    HISTORY_LAST_S,
    MAX_CATCH_UP_BYTES,
    MAX_ORIGINS,
    MAX_SKEW_S,
    ORIGIN_BURST,
    ORIGIN_RATE,
)
from gateway.mesh.effects import Effect, Heard
from gateway.mesh.engine import Mesh
from gateway.mesh.history import SHELVES
from gateway.mesh.records import ASKED_ABOUT
from gateway.session.rate import KeyedBuckets
from gateway.wire.envelope import Envelope, Kind
from gateway.wire.packet import Header, peek, without_rsr
from gateway.wire.types import MessageType

OPEN_NOTICE: Final = "This bridge is open: what is said here is carried to other places."
"""What everybody on the island is told while the bridge is open, and what the page shows."""

_QUIET = frozenset({Reason.ECHO, Reason.DUPLICATE})


class OpenBridge:
    """Carries packets between the mesh and the sites.

    Args:
        mesh: the local mesh.
        sites: the links to other sites.
        provenance: which sites have what.
        gate: what may cross, and for how much air.
        drops: where refusals are counted.

    Attributes:
        crossed_out: packets of this island that left it.
        crossed_in: packets of other islands that were taken.
        passed_on: packets of other islands that were given to further sites.

    """

    def __init__(self, mesh: Mesh, sites: Sites, provenance: Provenance, gate: Gate, drops: dict[Reason, int]) -> None:
        self.crossed_out = self.crossed_in = self.passed_on = 0
        self._mesh = mesh
        self._own_id = mesh.identity.peer_id
        self._sites = sites
        self._provenance = provenance
        self._gate = gate
        self._drops = drops
        self._post = Post(self._own_id, sites, provenance)
        # Beside the air time: what is counted here is packets, which may be tiny and still cost somebody an answer each.
        self._budgets = KeyedBuckets(ORIGIN_RATE, ORIGIN_BURST, MAX_ORIGINS)

    def cross(self, heard: Heard, effects: list[Effect], now: float) -> None:
        """Offer what the mesh heard to the sites that lack it."""
        frame, header = _original(heard.frame, heard.header)
        asked = header.type in ASKED_ABOUT
        if asked:
            tell_heard(heard, effects)
        targets = refusal(frame, header) or self._unproved(heard, now) or self._targets(header, heard.packet_id, now)
        if isinstance(targets, Reason):
            self._drops[targets] += 1
            if asked:
                tell_stayed(heard, targets, effects)
            return
        passage = self._gate.outward(packet_subject(heard.packet_id, header, len(frame)), HERE, targets, now, pays=True)
        if asked:
            tell_kept_from(heard.packet_id, passage.untold, effects)
        is_sent = self._post.send(self._wrap(heard.packet_id, header, frame, now), passage.allowed, effects, now, "open")
        self.crossed_out += is_sent
        if not asked:
            return
        if is_sent or (passage.record and not passage.allowed):
            verdict = word_of(passage.record)
            judge(heard.packet_id, header, len(frame), heard.verified, verdict, effects, sites=passage.record)
        else:
            tell_stayed(heard, Reason.AIR_TIME if passage.lacks_air else "nobody_lacks_it", effects)

    def keep_origin(self, heard: Heard) -> None:
        """Remember that a packet is of this island, if it is of a sort that sites may be offered later."""
        if heard.header.type in SHELVES:
            self._gate.note_origin(heard.packet_id, HERE)

    def catch_up(self, site: Site, effects: list[Effect], now: float, since_ms: int = 0) -> None:
        """Tell a site what it has missed: who is here, then what was said, oldest first; only the former where it may know no more.

        Nobody pays for it: it is bounded, and what is too old for the air costs none at the far end.
        """
        missed = [(peer.packet_id, peer.frame, HERE) for peer in self._mesh.peers if peer.is_local(now)]
        kept = [one for one in self._mesh.kept(now, HISTORY_LAST_S) if site.told and peek(one.frame).timestamp_ms >= since_ms]
        sizes = accumulate(len(one.frame) for one in kept)
        recent = [
            (one.packet_id, one.frame, self._gate.origin_of(one.packet_id))
            for one, size in zip(kept, sizes, strict=True)
            if size <= MAX_CATCH_UP_BYTES
        ]
        for identifier, kept_frame, origin in (*missed, *reversed(recent)):
            frame, header = _original(kept_frame, peek(kept_frame))
            if refusal(frame, header) is not None or site.site_id in self._provenance.sites(identifier, now):
                continue
            passage = self._gate.outward(packet_subject(identifier, header, len(frame)), origin, (site,), now)
            is_sent = self._post.send(self._wrap(identifier, header, frame, now), passage.allowed, effects, now, "missed")
            if header.type in ASKED_ABOUT and (is_sent or passage.untold):
                tell_kept_from(identifier, passage.untold, effects)
                judge(
                    identifier,
                    header,
                    len(frame),
                    True,
                    word_of(passage.record),
                    effects,
                    HERE if origin == UNKNOWN else origin,
                    passage.record,
                )

    def arrived(
        self, site: Site, envelope: Envelope, header: Header, identifier: bytes, effects: list[Effect], now: float, closed: Reason | None
    ) -> None:
        """Take a packet that a site brings, as if a stranger had sent it.

        Args:
            site: which brings it.
            envelope: what it came in.
            header: of the packet.
            identifier: its packet ID, by our own reckoning.
            effects: where effects are appended.
            now: seconds.
            closed: why nothing is taken at all, if that is so.

        """
        asked, size = header.type in ASKED_ABOUT, len(envelope.body)
        what = packet_subject(identifier, header, size)
        told: list[Effect] = []
        record: list[Sitewise] = []
        refused = self._refuse(what, site, envelope, header, now, closed)
        if refused is None:
            self._provenance.add(identifier, (*envelope.seen, envelope.origin), now)
            reason = self._accept(what, site, envelope, header, told, record, now)
            refused = Refusal(reason) if reason is not None else None
            if asked and refused is None:
                tell_arrived(envelope, site, shape_of(header.type, size, header.ttl), effects, self._mesh.wall_ms(now))
            effects += told
        if refused is not None:
            self._drops[refused.reason] += 1
            if asked and (not refused.rule or self._gate.is_news(identifier, site, now)):
                tell_refused(identifier, site, refused, effects)
        if asked and (refused is None or refused.reason not in _QUIET):
            verdict = CROSSED if refused is None else refused.reason
            judge(identifier, header, size, what.signed, verdict, effects, site.place, record)

    def _refuse(self, what: Subject, site: Site, envelope: Envelope, header: Header, now: float, closed: Reason | None) -> Refusal | None:
        if what.identifier != envelope.packet_id:
            return Refusal(Reason.ENVELOPE)
        if envelope.origin == self._own_id:
            return Refusal(Reason.ECHO)
        if closed is not None:
            return Refusal(closed)
        wall_ms = self._mesh.wall_ms(now)
        if wall_ms is not None and wall_ms > envelope.expires_ms:
            return Refusal(Reason.EXPIRED)
        reason = refusal(envelope.body, header)
        if reason is None and not what.signed:
            sender = self._mesh.peers.get(header.sender_id)
            if sender is None or not sender.is_remote(now):
                reason = Reason.UNKNOWN_SENDER
        if reason is not None:
            return Refusal(reason)
        if self._mesh.refuses(header, what.identifier, now) is not None:
            return None  # it says so itself, and counts it
        if (by_rule := self._gate.refuses(what, site, now)) is not None:
            return by_rule
        if not what.signed and not self._budgets.take(header.sender_id, now):
            return Refusal(Reason.BUDGET)
        return None

    def _accept(
        self, what: Subject, site: Site, envelope: Envelope, header: Header, effects: list[Effect], record: list[Sitewise], now: float
    ) -> Reason | None:
        identifier = what.identifier
        recipient = None if header.is_broadcast else header.recipient_id
        peer = self._mesh.peers.get(recipient) if recipient is not None else None
        if recipient is not None and recipient != self._own_id and (peer is None or not peer.is_local(now)):
            home = self._sites.home_of(recipient, now)
            if home is not None and home.link != site.link:
                if home.site_id in self._provenance.sites(identifier, now):
                    return Reason.ECHO  # the sites disagree about where the recipient is: better lost than going round
                self._gate.passed(what, site, now)
                self._pass_on(what, site, envelope, (home,), effects, record, now)
                return None
        on_air = self._goes_on_air(header, now) and self._mesh.refuses(header, identifier, now) is None
        if on_air and not self._gate.pays(what, site, now):
            return Reason.AIR_TIME
        reason = self._mesh.inject(envelope.body, header, identifier, effects, now)
        if reason is not None:
            return reason
        self._gate.passed(what, site, now)
        if on_air:
            self._gate.earns(what, envelope.origin, site, now)
        if header.type in SHELVES:
            self._gate.note_origin(identifier, site.place)
        self.crossed_in += 1
        if header.type == MessageType.ANNOUNCE:
            self._sites.announced(header.sender_id, site.link, header.timestamp_ms, now)
        if recipient is None:
            targets = [other for other in self._post.lacking(identifier, Kind.FRAME, now) if other.link != site.link]
            self._pass_on(what, site, envelope, targets, effects, record, now)
        return None

    def _pass_on(
        self,
        what: Subject,
        site: Site,
        envelope: Envelope,
        targets: Iterable[Site],
        effects: list[Effect],
        record: list[Sitewise],
        now: float,
    ) -> None:
        passage = self._gate.outward(what, site.place, targets, now)
        record += passage.record
        if envelope.body[1] in ASKED_ABOUT:
            tell_kept_from(what.identifier, passage.untold, effects)
        self.passed_on += self._post.send(envelope, passage.allowed, effects, now, "passed_on")

    def _goes_on_air(self, header: Header, now: float) -> bool:
        """Say whether a packet from elsewhere is put on the radio: what is too old is kept for those who ask."""
        wall_ms = self._mesh.wall_ms(now)
        return wall_ms is not None and abs(wall_ms - header.timestamp_ms) <= MAX_SKEW_S * 1000 and header.recipient_id != self._own_id

    def _unproved(self, heard: Heard, now: float) -> Reason | None:
        """Check what the mesh did not: an unsigned packet needs a known sender with budget left."""
        if heard.verified:
            return None
        header = heard.header
        if header.type not in UNSIGNED:
            return Reason.SIGNATURE
        sender = self._mesh.peers.get(header.sender_id)
        if sender is None or not sender.is_local(now):
            return Reason.UNKNOWN_SENDER
        return None if self._budgets.take(header.sender_id, now) else Reason.BUDGET

    def _targets(self, header: Header, identifier: bytes, now: float) -> Iterable[Site] | Reason:
        if not header.is_broadcast and header.recipient_id is not None:
            peer = self._mesh.peers.get(header.recipient_id)
            if header.recipient_id == self._own_id or (peer is not None and peer.is_local(now)):
                return ()
            home = self._sites.home_of(header.recipient_id, now)
            return (home,) if home is not None and home.greeted else Reason.UNKNOWN_RECIPIENT
        return self._post.lacking(identifier, Kind.FRAME, now)

    def _wrap(self, identifier: bytes, header: Header, frame: bytes, now: float) -> Envelope:
        lifetime = SHELVES[header.type].lifetime if header.type in SHELVES else MAX_SKEW_S
        return Envelope(
            packet_id=identifier,
            kind=Kind.FRAME,
            origin=self._own_id,
            seen=(),
            created_ms=self._mesh.wall_ms(now) or header.timestamp_ms,
            expires_ms=header.timestamp_ms + int(lifetime * 1000),
            body=frame,
        )


def _original(frame: bytes, header: Header) -> tuple[bytes, Header]:
    """Undo what a neighbour marked when it answered our REQUEST_SYNC: what we have missed belongs to the other sites too."""
    if not header.is_rsr:
        return frame, header
    frame = without_rsr(frame)
    return frame, peek(frame)
