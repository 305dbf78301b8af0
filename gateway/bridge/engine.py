"""The gateway's brain: a mesh engine, and the bridge that joins it to other islands.

It has the same two verbs as the mesh engine it contains. What the mesh *heard* is offered
to the bridge, which wraps it in an envelope for the sites that lack it; what a site sends
is checked as if a stranger had sent it (the envelope, the rules, the signature), and only
then put on the radio. In open mode packets cross as they are (`gateway.bridge.open`); in
consent mode nothing does but the events that `gateway.bridge.consent` carries. Both ask
`gateway.bridge.gate` what the operator wants, and what there is air time for.

Loop rules:

* an envelope names every site that has the packet or is being sent it (`seen`);
* nobody sends a packet to a site named there, or back to the site it came from;
* a packet known from the radio or from another site is dropped, never passed on again;
* a site that a rule keeps a packet from is not named there: it lacks the packet, and may be offered it later.
"""

from collections.abc import Callable
from enum import StrEnum
from math import inf

from gateway.bridge.consent import ConsentBridge
from gateway.bridge.gate import Gate
from gateway.bridge.mail import KINDS, MailExchange
from gateway.bridge.open import OpenBridge
from gateway.bridge.place import Place
from gateway.bridge.post import Post
from gateway.bridge.provenance import Provenance
from gateway.bridge.sites import Site, Sites
from gateway.bridge.talk import Talk
from gateway.bridge.telling import tell_heard, tell_message
from gateway.errors import DecodeError, Reason
from gateway.mesh.effects import CloseLink, Effect, Heard, PublicMessage
from gateway.mesh.engine import Mesh
from gateway.mesh.events import CatchUpSite, LetterStored, MeshEvent, PartWithSite, Remember, SwitchBridge, TellSite, Unsent
from gateway.mesh.receiver import ELSEWHERE
from gateway.mesh.records import ASKED_ABOUT
from gateway.mesh.speaker import OWN
from gateway.wire import envelope as wire
from gateway.wire.envelope import Envelope, Kind
from gateway.wire.envelope_schema import BETWEEN_PROGRAMS
from gateway.wire.packet import packet_id, peek
from gateway.wire.types import MessageType
from transports.link import Capability, FrameReceived, LinkDown, LinkId, LinkUp, Writable


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
        tells: says whether the site with this proved identity may be told what it missed.

    """

    def __init__(
        self, mesh: Mesh, mode: BridgeMode = BridgeMode.OFF, place: Place | None = None, tells: Callable[[str], bool] = lambda _peer: True
    ) -> None:
        self.mesh = mesh
        self._tells = tells
        self.mode = self._mode = mode
        self.site_id = mesh.identity.peer_id
        self.sites = Sites()
        self.provenance = Provenance()
        self.drops: dict[Reason, int] = dict.fromkeys(Reason, 0)
        self.gate = Gate(self.drops)
        self.open = OpenBridge(mesh, self.sites, self.provenance, self.gate, self.drops)
        self.consent = ConsentBridge(mesh, self.sites, self.provenance, place or Place(), self.gate, self.drops)
        self.mail = MailExchange(mesh, self.sites, self.provenance, self.gate, self.drops)
        self._post = Post(self.site_id, self.sites, self.provenance)
        self.talk = Talk(self.sites, self._post)

    @property
    def is_closed(self) -> bool:
        """Whether nothing at all crosses: switched off, or to serve a place that nobody named."""
        return self.mode is BridgeMode.OFF or (self.mode is BridgeMode.CONSENT and not self.consent.carriers.place.cell)

    def handle(self, event: MeshEvent, now: float) -> list[Effect]:
        """Take one event; returns the effects in the order they are to be carried out."""
        effects = self._take(event, now)
        if not self.is_closed:
            self.consent.run_due(effects, now)
        if self.mode is BridgeMode.OPEN:
            self.mail.delivered(effects, now)
        return self._offer(effects, now)

    def next_wakeup(self) -> float | None:
        """Return when to send a `Tick`."""
        at, due = self.mesh.next_wakeup(), inf if self.is_closed else self.consent.next_at()
        return at if due == inf else due if at is None else min(at, due)

    def _take(self, event: MeshEvent, now: float) -> list[Effect]:
        if isinstance(event, FrameReceived):  # by far the most frequent
            effects: list[Effect] = []
            if event.link in self.sites:
                self._from_site(event.link, event.frame, effects, now)
                return effects
            if event.link in self.consent.uplink:
                self._from_relay(event, effects, now)
                return effects
            return self.mesh.handle(event, now)
        if isinstance(event, LinkUp) and Capability.RELAY in event.capabilities:
            self.consent.uplink.up(event.link)
            return []
        if isinstance(event, LinkDown | Writable | Unsent) and event.link in self.consent.uplink:
            if isinstance(event, LinkDown):
                self.consent.uplink.down(event.link)
            return []
        if isinstance(event, LinkUp) and Capability.WIDE_AREA in event.capabilities:
            return self._site_up(event, now)
        if isinstance(event, LinkDown) and (parted := self.sites.get(event.link)) is not None:
            effects = []
            self.talk.parted(parted, effects)
            self.sites.remove(event.link)
            return effects
        if isinstance(event, SwitchBridge):
            return self._switch(event.on, now)
        if isinstance(event, TellSite | PartWithSite):
            return self.talk.handle(event, self.mesh.wall_ms(now) or 0)
        if isinstance(event, CatchUpSite):
            return self._asked_for_history(event, now)
        if isinstance(event, Remember):
            self.consent.remember(event, now)
        if isinstance(event, LetterStored):
            return self._letter_stored(event, now)
        return self.mesh.handle(event, now)

    def _letter_stored(self, event: LetterStored, now: float) -> list[Effect]:
        letter = self.mesh.office.bag.get(event.name) if self.mesh.office is not None else None
        effects = self.mesh.handle(event, now)
        if letter is not None and letter.via and self.mode is BridgeMode.OPEN:
            self.mail.stored(event.name, letter.via, event.refused, effects, now)
        return effects

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
        for effect in effects:  # mostly nothing was heard, and a generator would cost more than the looking
            if type(effect) is Heard:
                break
        else:
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
            elif self.mode is BridgeMode.OPEN:
                self.open.keep_origin(effect)
                if len(self.sites):
                    self.open.cross(effect, kept, now)
                elif effect.verified and effect.header.type in ASKED_ABOUT:
                    tell_heard(effect, kept, "no_site")
            elif effect.verified and effect.header.type in ASKED_ABOUT:
                tell_heard(effect, kept, self._stays)
        return kept

    @property
    def _stays(self) -> str:
        """Why everything stays here."""
        if self.mode is BridgeMode.OFF:
            return Reason.BRIDGE_OFF
        return "no_cell" if self.is_closed else Reason.NO_CONSENT

    def _site_up(self, event: LinkUp, now: float) -> list[Effect]:
        site = Site(event.link, event.mtu, peer=event.peer or "")
        if not self.sites.add(site):
            return [CloseLink(event.link, "too many sites")]
        effects: list[Effect] = []
        wall_ms = self.mesh.wall_ms(now) or 0
        understood = frozenset(Kind) - BETWEEN_PROGRAMS - (KINDS if self.mesh.office is None else frozenset())
        self._post.tell(Kind.PRESENCE, bytes(sorted(understood)), wall_ms, (site,), effects)
        return effects

    def _from_relay(self, event: FrameReceived, effects: list[Effect], now: float) -> None:
        """Take what a relay says: it brings what authors signed for the bridge, so only consent mode has any use for it."""
        if self.mode is BridgeMode.CONSENT and not self.is_closed:
            self.consent.from_relay(event.link, event.frame, effects, now)
        else:
            self.drops[Reason.BRIDGE_OFF] += 1

    def _greeted(self, site: Site, kinds: bytes, effects: list[Effect], now: float) -> None:
        """Answer the first greeting over a link: only now does anything cross, so announces travel ahead of what is said."""
        self.talk.greeted(site, kinds, effects)
        if site.greeted:
            return
        if self.is_closed:
            site.unanswered = kinds
            return
        site.greeted = True
        site.kinds |= frozenset(kinds)
        site.told = self._tells(site.peer)
        if self.mode is BridgeMode.OPEN:
            self.open.catch_up(site, effects, now)
            self.mail.greeted(site, effects, now)
        self.consent.greeted(site, effects, now)

    def _asked_for_history(self, event: CatchUpSite, now: float) -> list[Effect]:
        effects: list[Effect] = []
        site = self.talk.site(event.peer)
        if site is None or not site.greeted or self.is_closed or not self._tells(event.peer):
            return effects
        if not site.asks.take(now):
            self.drops[Reason.RATE] += 1
            return effects
        site.told = True
        if self.mode is BridgeMode.OPEN:
            self.open.catch_up(site, effects, now, event.since_ms)
        self.consent.greeted(site, effects, now)
        return effects

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
        self.open.arrived(site, envelope, header, identifier, effects, now, self._closed)
        if header.type == MessageType.ANNOUNCE and self.mode is BridgeMode.OPEN:
            self.mail.announced(header.sender_id, effects, now)

    def _not_a_packet(self, site: Site, envelope: Envelope, effects: list[Effect], now: float) -> None:
        if envelope.kind is Kind.PRESENCE:
            self._greeted(site, envelope.body, effects, now)
            return
        if envelope.kind in BETWEEN_PROGRAMS:
            self.drops[Reason.NOT_BRIDGEABLE] += 1
            return
        if envelope.kind is Kind.FEDERATION:
            reason = self.talk.heard(site, envelope.body, effects)
        elif envelope.kind in KINDS:
            reason = self._closed or self.mail.from_site(site, envelope, effects, now)
        else:
            reason = Reason.BRIDGE_OFF if self.is_closed else self.consent.from_site(site, envelope, effects, now)
        if reason is not None:
            self.drops[reason] += 1

    @property
    def _closed(self) -> Reason | None:
        """Why no packet is taken from a site as it is."""
        if self.is_closed:
            return Reason.BRIDGE_OFF
        return None if self.mode is BridgeMode.OPEN else Reason.NO_CONSENT
