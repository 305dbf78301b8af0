"""The gateway's brain: a mesh engine, and the bridge that joins it to other islands.

It has the same two verbs as the mesh engine it contains. What the mesh *heard* is offered
to the bridge, which wraps it in an envelope for the sites that lack it; what a site sends
is checked as if a stranger had sent it (the envelope, the rules, the signature), and only
then put on the radio. In open mode packets cross as they are, which is decided here; in
consent mode nothing does but the events that `gateway.bridge.consent` carries.

Loop rules:

* an envelope names every site that has the packet or is being sent it (`seen`);
* nobody sends a packet to a site named there, or back to the site it came from;
* a packet known from the radio or from another site is dropped, never passed on again.
"""

from collections.abc import Iterable
from enum import StrEnum
from itertools import accumulate
from math import inf

from gateway.bridge.carriers import Place
from gateway.bridge.consent import ConsentBridge
from gateway.bridge.post import Post
from gateway.bridge.provenance import Provenance
from gateway.bridge.rules import UNSIGNED, refusal
from gateway.bridge.sites import Site, Sites
from gateway.bridge.telling import CROSSED, judge, shape_of, tell_arrived, tell_heard, tell_message, tell_refused, tell_stayed
from gateway.errors import DecodeError, Reason
from gateway.limits import (
    HISTORY_LAST_S,
    HISTORY_LIFETIME_S,
    MAX_CATCH_UP_BYTES,
    MAX_ORIGINS,
    MAX_SKEW_S,
    ORIGIN_BURST,
    ORIGIN_RATE,
)
from gateway.mesh.effects import CloseLink, Effect, Heard, PublicMessage
from gateway.mesh.engine import Mesh
from gateway.mesh.events import MeshEvent, Remember, SwitchBridge
from gateway.mesh.history import SHELVES
from gateway.mesh.receiver import ELSEWHERE
from gateway.mesh.records import ASKED_ABOUT
from gateway.mesh.speaker import OWN
from gateway.session.rate import KeyedBuckets
from gateway.wire import envelope as wire
from gateway.wire.envelope import Envelope, Kind
from gateway.wire.packet import Header, packet_id, peek, without_rsr
from gateway.wire.types import MessageType
from transports.link import Capability, FrameReceived, LinkDown, LinkId, LinkUp


class BridgeMode(StrEnum):
    """What the operator has switched on."""

    OFF = "off"
    CONSENT = "consent"  # what its author signed for the bridge, and nothing else
    OPEN = "open"  # signed public packets and sealed directed ones cross as they are


class GatewayEngine:
    """A mesh node with links to other sites.

    Args:
        mesh: the local mesh.
        mode: what may cross.
        place: what the consent bridge serves; without a cell it stays closed.

    """

    def __init__(self, mesh: Mesh, mode: BridgeMode = BridgeMode.OFF, place: Place | None = None) -> None:
        self.mesh = mesh
        self.mode = self._mode = mode
        self.site_id = mesh.identity.peer_id
        self.sites = Sites()
        self.provenance = Provenance()
        self._budgets = KeyedBuckets(ORIGIN_RATE, ORIGIN_BURST, MAX_ORIGINS)
        self.crossed_out = self.crossed_in = self.passed_on = 0
        self.drops: dict[Reason, int] = dict.fromkeys(Reason, 0)
        self._post = Post(self.site_id, self.sites, self.provenance)
        self.consent = ConsentBridge(mesh, self.sites, self.provenance, place or Place(), self.drops)

    @property
    def is_closed(self) -> bool:
        """Whether nothing at all crosses: switched off, or to serve a place that nobody named."""
        return self.mode is BridgeMode.OFF or (self.mode is BridgeMode.CONSENT and not self.consent.carriers.place.cell)

    def handle(self, event: MeshEvent, now: float) -> list[Effect]:
        """Take one event; returns the effects in the order they are to be carried out."""
        effects = self._take(event, now)
        if not self.is_closed:
            self.consent.run_due(effects, now)
        return self._offer(effects, now)

    def next_wakeup(self) -> float | None:
        """Return when to send a `Tick`."""
        at, due = self.mesh.next_wakeup(), inf if self.is_closed else self.consent.next_at()
        return at if due == inf else due if at is None else min(at, due)

    def _take(self, event: MeshEvent, now: float) -> list[Effect]:
        if isinstance(event, FrameReceived):  # by far the most frequent
            if event.link not in self.sites:
                return self.mesh.handle(event, now)
            effects: list[Effect] = []
            self._from_site(event.link, event.frame, effects, now)
            return effects
        if isinstance(event, LinkUp) and Capability.WIDE_AREA in event.capabilities:
            return self._site_up(event, now)
        if isinstance(event, LinkDown) and event.link in self.sites:
            self.sites.remove(event.link)
            return []
        if isinstance(event, SwitchBridge):
            return self._switch(event.on, now)
        if isinstance(event, Remember):
            self.consent.remember(event, now)
        return self.mesh.handle(event, now)

    @property
    def is_switched_off(self) -> bool:
        """Whether somebody has switched off what the configuration lets through."""
        return self.mode is not self._mode

    def _switch(self, on: bool, now: float) -> list[Effect]:
        """Let nothing cross, or again what the configuration lets through; then the sites that greeted meanwhile are answered."""
        self.mode = self._mode if on else BridgeMode.OFF
        effects: list[Effect] = []
        for site in self.sites.all() if on else ():
            if site.unanswered is not None:
                kinds, site.unanswered = site.unanswered, None
                self._greeted(site, kinds, effects, now)
        return effects

    def leave(self, now: float) -> list[Effect]:
        """Say goodbye to the mesh."""
        return self._offer(self.mesh.leave(now), now)

    def _offer(self, effects: list[Effect], now: float) -> list[Effect]:
        """Turn what the mesh heard into envelopes; everything else stays as it is."""
        if not any(isinstance(effect, Heard) for effect in effects):
            return effects
        kept: list[Effect] = []
        for effect in effects:
            if not isinstance(effect, Heard):
                kept.append(effect)
                if isinstance(effect, PublicMessage):
                    tell_message(effect, kept)
                    self.consent.carriers.heard_text(effect.sender_id, effect.timestamp_ms, effect.text, now)
            elif effect.link == ELSEWHERE:
                continue
            elif effect.header.type == MessageType.NOSTR_CARRIER:
                if effect.link != OWN and not self.is_closed:
                    self.consent.heard(effect, kept, now, accepts=self.mode is BridgeMode.CONSENT)
            elif self.mode is BridgeMode.OPEN and len(self.sites):
                self._cross(effect, kept, now)
            elif effect.verified and effect.header.type in ASKED_ABOUT:
                tell_heard(effect, kept, self._stays)
        return kept

    @property
    def _stays(self) -> str:
        """Why everything stays here."""
        if self.mode is BridgeMode.OFF:
            return Reason.BRIDGE_OFF
        if self.mode is BridgeMode.OPEN:
            return "no_site"
        return "no_cell" if self.is_closed else Reason.NO_CONSENT

    def _cross(self, heard: Heard, effects: list[Effect], now: float) -> None:
        frame, header = _original(heard.frame, heard.header)
        asked = header.type in ASKED_ABOUT
        if asked:
            tell_heard(heard, effects)
        targets: Iterable[Site] | Reason = refusal(header) or self._unproved(heard, now) or self._targets(header, heard.packet_id, now)
        if isinstance(targets, Reason):
            self.drops[targets] += 1
            if asked:
                tell_stayed(heard, targets, effects)
        elif self._post.send(self._wrap(heard.packet_id, header, frame, now), targets, effects, now, "open"):
            self.crossed_out += 1
            if asked:
                judge(heard.packet_id, header, len(frame), heard.verified, CROSSED, effects)
        elif asked:
            tell_stayed(heard, "nobody_lacks_it", effects)

    def _unproved(self, heard: Heard, now: float) -> Reason | None:
        """Check what the mesh did not: an unsigned packet needs a known sender with budget left."""
        if heard.verified:
            return None
        header = heard.header
        if header.type not in UNSIGNED:
            return Reason.SIGNATURE
        sender = self.mesh.peers.get(header.sender_id)
        if sender is None or not sender.is_local(now):
            return Reason.UNKNOWN_SENDER
        return None if self._budgets.take(header.sender_id, now) else Reason.BUDGET

    def _targets(self, header: Header, identifier: bytes, now: float) -> Iterable[Site] | Reason:
        if not header.is_broadcast and header.recipient_id is not None:
            peer = self.mesh.peers.get(header.recipient_id)
            if header.recipient_id == self.site_id or (peer is not None and peer.is_local(now)):
                return ()
            home = self.sites.home_of(header.recipient_id, now)
            return (home,) if home is not None and home.greeted else Reason.UNKNOWN_RECIPIENT
        return self._post.lacking(identifier, Kind.FRAME, now)

    def _site_up(self, event: LinkUp, now: float) -> list[Effect]:
        site = Site(event.link, event.mtu)
        if not self.sites.add(site):
            return [CloseLink(event.link, "too many sites")]
        effects: list[Effect] = []
        wall_ms = self.mesh.wall_ms(now) or 0
        self._post.tell(Kind.PRESENCE, bytes(sorted(Kind)), wall_ms, (site,), effects)
        return effects

    def _greeted(self, site: Site, kinds: bytes, effects: list[Effect], now: float) -> None:
        """Answer the first greeting over a link: only now does anything cross, so announces travel ahead of what is said."""
        if site.greeted:
            return
        if self.is_closed:
            site.unanswered = kinds
            return
        site.greeted = True
        site.kinds |= frozenset(kinds)
        if self.mode is BridgeMode.OPEN:
            self._catch_up(site, effects, now)
        self.consent.greeted(site, effects, now)

    def _catch_up(self, site: Site, effects: list[Effect], now: float) -> None:
        """Tell a site that has just said who it is what it has missed: who is here, then what was said, oldest first."""
        missed = [(peer.packet_id, peer.frame) for peer in self.mesh.peers if peer.is_local(now)]
        kept = self.mesh.kept(now, HISTORY_LAST_S)
        sizes = accumulate(len(one.frame) for one in kept)
        recent = [(one.packet_id, one.frame) for one, size in zip(kept, sizes, strict=True) if size <= MAX_CATCH_UP_BYTES]
        for identifier, kept_frame in (*missed, *reversed(recent)):
            frame, header = _original(kept_frame, peek(kept_frame))
            if refusal(header) is None and site.site_id not in self.provenance.sites(identifier, now):
                self._post.send(self._wrap(identifier, header, frame, now), (site,), effects, now, "missed")

    def _wrap(self, identifier: bytes, header: Header, frame: bytes, now: float) -> Envelope:
        lifetime = HISTORY_LIFETIME_S if header.type in SHELVES else MAX_SKEW_S
        return Envelope(
            packet_id=identifier,
            kind=Kind.FRAME,
            origin=self.site_id,
            seen=(),
            created_ms=self.mesh.wall_ms(now) or header.timestamp_ms,
            expires_ms=header.timestamp_ms + int(lifetime * 1000),
            body=frame,
        )

    def _from_site(self, link: LinkId, data: bytes, effects: list[Effect], now: float) -> None:
        site = self.sites.get(link)
        if site is None:
            return
        if not site.packets.take(now):
            self.drops[Reason.RATE] += 1
            return
        try:
            envelope = wire.decode(data)
            site.site_id = envelope.seen[-1] if envelope.seen else envelope.origin
            if envelope.kind is not Kind.FRAME:
                self._not_a_packet(site, envelope, effects, now)
                return
            header = peek(envelope.body)
            identifier = packet_id(envelope.body, header)
        except DecodeError as error:
            self.drops[error.reason] += 1
            effects.append(CloseLink(link, f"sent something that is no envelope ({error.reason.value})"))
            return
        asked, size = header.type in ASKED_ABOUT, len(envelope.body)
        reason = self._refuse(envelope, header, identifier, now)
        if reason is None:
            self.provenance.add(identifier, (*envelope.seen, envelope.origin), now)
            told: list[Effect] = []
            reason = self._accept(site, envelope, header, identifier, told, now)
            if asked and reason is None:
                tell_arrived(envelope, site, shape_of(header.type, size, header.ttl), effects, self.mesh.wall_ms(now))
            effects += told
        if reason is not None:
            self.drops[reason] += 1
            if asked:
                tell_refused(identifier, site, reason, effects)
        if asked and reason not in (Reason.ECHO, Reason.DUPLICATE):
            judge(identifier, header, size, header.type not in UNSIGNED, reason or CROSSED, effects, site.site_id)

    def _not_a_packet(self, site: Site, envelope: Envelope, effects: list[Effect], now: float) -> None:
        if envelope.kind is Kind.PRESENCE:
            self._greeted(site, envelope.body, effects, now)
            return
        reason = Reason.BRIDGE_OFF if self.is_closed else self.consent.from_site(site, envelope, effects, now)
        if reason is not None:
            self.drops[reason] += 1

    def _refuse(self, envelope: Envelope, header: Header, identifier: bytes, now: float) -> Reason | None:
        if identifier != envelope.packet_id:
            return Reason.ENVELOPE
        if envelope.origin == self.site_id:
            return Reason.ECHO
        if self.is_closed:
            return Reason.BRIDGE_OFF
        if self.mode is not BridgeMode.OPEN:
            return Reason.NO_CONSENT
        wall_ms = self.mesh.wall_ms(now)
        if wall_ms is not None and wall_ms > envelope.expires_ms:
            return Reason.EXPIRED
        reason = refusal(header)
        if reason is None and header.type in UNSIGNED:
            sender = self.mesh.peers.get(header.sender_id)
            if sender is None or not sender.is_remote(now):
                return Reason.UNKNOWN_SENDER
            if not self._budgets.take(header.sender_id, now):
                return Reason.BUDGET
        return reason

    def _accept(
        self, site: Site, envelope: Envelope, header: Header, identifier: bytes, effects: list[Effect], now: float
    ) -> Reason | None:
        recipient = None if header.is_broadcast else header.recipient_id
        peer = self.mesh.peers.get(recipient) if recipient is not None else None
        if recipient is not None and recipient != self.site_id and (peer is None or not peer.is_local(now)):
            home = self.sites.home_of(recipient, now)
            if home is not None and home.link != site.link:
                if home.site_id in self.provenance.sites(identifier, now):
                    return Reason.ECHO  # the sites disagree about where the recipient is: better lost than going round
                self.passed_on += self._post.send(envelope, (home,), effects, now, "passed_on")
                return None
        reason = self.mesh.inject(envelope.body, header, identifier, effects, now)
        if reason is not None:
            return reason
        self.crossed_in += 1
        if header.type == MessageType.ANNOUNCE:
            self.sites.announced(header.sender_id, site.link, header.timestamp_ms, now)
        if recipient is None:
            targets = self._targets(header, identifier, now)
            if not isinstance(targets, Reason):
                self.passed_on += self._post.send(
                    envelope, [other for other in targets if other.link != site.link], effects, now, "passed_on"
                )
        return None


def _original(frame: bytes, header: Header) -> tuple[bytes, Header]:
    """Undo what a neighbour marked when it answered our REQUEST_SYNC: what we have missed belongs to the other sites too."""
    if not header.is_rsr:
        return frame, header
    frame = without_rsr(frame)
    return frame, peek(frame)
