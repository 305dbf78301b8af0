"""The consent bridge between radio and sites: what `carriers` decided is sent, kept, asked for, put down."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from math import inf

from gateway.bridge.arrival import Arrival
from gateway.bridge.carriers import Carriers
from gateway.bridge.events import Carried, examine
from gateway.bridge.gate import CROSSED, Gate, Refusal, event_subject
from gateway.bridge.place import Place
from gateway.bridge.policy import HERE
from gateway.bridge.post import Post
from gateway.bridge.provenance import Provenance
from gateway.bridge.remembered import Remembered
from gateway.bridge.shelf import Shelf, Shelved, Unsent, split_names
from gateway.bridge.sites import Site, Sites
from gateway.bridge.telling import (
    judge_event,
    tell_arrival,
    tell_deposit,
    tell_dropped,
    tell_kept_from,
    tell_refused,
    tell_same,
    tell_unoffered,
    word_of,
)
from gateway.bridge.uplink import Uplink
from gateway.errors import DecodeError, Reason
from gateway.limits import EVENT_AGE_S, MAX_EVENTS_KEPT, MAX_RADIO_TEXTS, MAX_SITES, OFFER_PERIOD_S, WANTED_AGAIN_S
from gateway.mesh.effects import Effect, Heard
from gateway.mesh.engine import Mesh
from gateway.mesh.events import Remember
from gateway.mesh.records import Decided, EventCarried, Record, Verb
from gateway.wire.envelope import Envelope, Kind
from gateway.wire.packet import payload_of, peek
from gateway.wire.types import Capability, MessageType
from transports.link import LinkId

KINDS = frozenset({Kind.EVENT, Kind.OFFER, Kind.WANT})
"""The envelopes that are about events."""


class ConsentBridge:
    """Carries events between the mesh and the sites that understand them.

    Args:
        mesh: the local mesh.
        sites: the links to other sites.
        provenance: which sites have what.
        place: what this gateway serves.
        gate: what may cross, and for how much air.
        drops: where refusals are counted.

    """

    def __init__(self, mesh: Mesh, sites: Sites, provenance: Provenance, place: Place, gate: Gate, drops: dict[Reason, int]) -> None:
        self._told: list[Record] = []  # by the carriers, and not yet appended to anybody's effects
        self.carriers = Carriers(mesh.identity.peer_id, place, drops, self._told.append)
        self.unsent = Unsent()
        self.uplink = Uplink(self.carriers, gate, drops)
        self._mesh = mesh
        self._own_id = mesh.identity.peer_id
        self._sites = sites
        self._provenance = provenance
        self._post = Post(self._own_id, sites, provenance)
        self._gate = gate
        self._drops = drops
        self._shelf = Shelf()
        self._wanted = Remembered(MAX_EVENTS_KEPT * MAX_SITES, WANTED_AGAIN_S)
        self._offer_at = inf

    def heard(self, heard: Heard, effects: list[Effect], now: float, *, accepts: bool) -> None:
        """Take a carrier packet of the mesh: a deposit for this gateway, or a copy another one put down.

        Args:
            heard: the packet.
            effects: where effects are appended.
            now: seconds.
            accepts: whether deposits are taken.

        """
        header = heard.header
        if header.recipient_id not in (None, self._own_id):
            self._drops[Reason.NOT_BRIDGEABLE] += 1  # a deposit for another gateway, passed on by the mesh
            return
        wall_ms = self._mesh.wall_ms(now)
        payload = payload_of(heard.frame, header)
        if wall_ms is None:
            self._drops[Reason.CLOCK] += 1
        elif header.recipient_id is None:
            self._count(self.carriers.heard_copy(payload, now, wall_ms))
            self._tell(effects)
        elif not accepts:
            self._drops[Reason.BRIDGE_OFF] += 1
            tell_deposit(heard, Reason.BRIDGE_OFF, effects)
        else:
            taken = self._deposited(header.sender_id, payload, now, wall_ms)
            tell_deposit(heard, taken, effects)
            self._tell(effects)
            if isinstance(taken, Reason):
                self._drops[taken] += 1
            elif self.uplink or any(self._linked()):
                self._publish(taken, effects, now, wall_ms)
            else:
                self._keep(header.sender_id, taken, effects)

    def from_site(self, site: Site, envelope: Envelope, effects: list[Effect], now: float) -> Reason | None:
        """Take an envelope about events; returns why it is refused, None if it is taken."""
        wall_ms = self._mesh.wall_ms(now)
        if wall_ms is None:
            return Reason.CLOCK
        try:
            match envelope.kind:
                case Kind.OFFER:
                    return self._offered(site, split_names(envelope.body), wall_ms, effects, now)
                case Kind.WANT:
                    return self._asked(site, split_names(envelope.body), effects, now)
        except DecodeError as error:
            return error.reason
        return self._arrived(site, envelope, effects, now, wall_ms)

    def greeted(self, site: Site, effects: list[Effect], now: float) -> None:
        """Send a site that has just said who it is what waited for one, and offer it what is kept."""
        wall_ms = self._mesh.wall_ms(now)
        if wall_ms is None or Kind.EVENT not in site.kinds:
            return
        self._publish_unsent(effects, now, wall_ms)
        self._offer((site,), wall_ms, effects, now)

    def from_relay(self, link: LinkId, frame: bytes, effects: list[Effect], now: float) -> None:
        """Take what a relay says."""
        wall_ms = self._mesh.wall_ms(now)
        if wall_ms is None:
            self._drops[Reason.CLOCK] += 1
            return
        told: list[Effect] = []
        self.uplink.take(link, frame, self._others(frozenset(), now), told, now, wall_ms, yields=any(self._linked()))
        self._tell(effects)
        effects += told

    def run_due(self, effects: list[Effect], now: float) -> None:
        """Put down what waited for the radio, and offer what is kept, when it is time."""
        wall_ms = self._mesh.wall_ms(now)
        if wall_ms is None or (now < self.next_at() and not self.uplink.has_news):
            return
        if self.uplink:
            self._publish_unsent(effects, now, wall_ms)
        self.uplink.run_due(effects, now, wall_ms)
        payloads = self.carriers.put_down(now, wall_ms)
        self._tell(effects)
        for identifier, payload in payloads:
            tell_same(identifier, self._mesh.carry(payload, None, effects, now), effects)
        if now >= self._offer_at:
            self._offer(tuple(self._linked()), wall_ms, effects, now)
            self._offer_at = now + OFFER_PERIOD_S if self._shelf else inf

    def next_at(self) -> float:
        """Return when `run_due` has something to do, infinity if nothing waits."""
        return min(self.carriers.next_at(), self.uplink.next_at(), self._offer_at)

    def remember(self, event: Remember, now: float) -> None:
        """Take back what was told before a restart, and see from the history which messages were heard on the radio."""
        wall_ms = self._mesh.wall_ms(now)
        if wall_ms is None:
            return
        self.carriers.remember(event.events, now, wall_ms)
        for kept in event.carried:
            self._take_back(kept, now, wall_ms)
        for packet in [packet for packet in event.packets if packet.kind == MessageType.MESSAGE][-MAX_RADIO_TEXTS:]:
            with suppress(DecodeError):
                header = peek(packet.frame)
                text = payload_of(packet.frame, header).decode(errors="replace")
                self.carriers.heard_text(header.sender_id, header.timestamp_ms, text, now)

    def _take_back(self, kept: EventCarried, now: float, wall_ms: int) -> None:
        with suppress(DecodeError):  # not fresh any more, or written by another version
            carried = examine(kept.body, wall_ms)
            if kept.unsent:
                self.unsent.add(kept.owner, carried)
                return
            envelope = Envelope(kept.identifier, Kind.EVENT, self._own_id, (), kept.created_ms, kept.until_ms, kept.body)
            self._shelf.add(Shelved(envelope, event_subject(carried, len(kept.body)), kept.owner, is_told=carried.is_message), now)
            self._offer_at = min(self._offer_at, now + OFFER_PERIOD_S)

    def _tell(self, effects: list[Effect]) -> None:
        effects += self._told
        self._told.clear()

    def _deposited(self, depositor: bytes, payload: bytes, now: float, wall_ms: int) -> Carried | Reason:
        """Take a deposit, if whoever makes it has air time left."""

        def refuses(carried: Carried) -> Reason | None:
            what = replace(event_subject(carried, len(payload)), sender=depositor)
            return None if self._gate.pays(what, None, now) else Reason.AIR_TIME

        return self.carriers.deposit(depositor, payload, now, wall_ms, refuses)

    def _keep(self, depositor: bytes, carried: Carried, effects: list[Effect]) -> None:
        given_up = self.unsent.add(depositor, carried)
        if given_up is not carried:
            body, made_ms = carried.payload(carried.way), carried.event.created_at * 1000
            effects.append(EventCarried(carried.identifier, True, depositor, made_ms, _end_ms(carried), body))
        if given_up is not carried and carried.is_message:
            effects.append(Decided(carried.identifier, Verb.WAITING, "", "no_site"))
            judge_event(event_subject(carried, len(carried.payload(carried.way))), "no_site", effects)
        if given_up is not None:
            effects.append(EventCarried(given_up.identifier, unsent=True))
            tell_dropped(given_up, Reason.QUEUE_FULL, effects)
            self.carriers.give_back(given_up)
            self._tell(effects)
            self._drops[Reason.QUEUE_FULL] += 1

    def _publish_unsent(self, effects: list[Effect], now: float, wall_ms: int) -> None:
        for carried in self.unsent.take_all():
            effects.append(EventCarried(carried.identifier, unsent=True))
            if carried.is_fresh(wall_ms):
                self._publish(carried, effects, now, wall_ms)
            else:
                self._drops[Reason.EXPIRED] += 1
                tell_dropped(carried, Reason.EXPIRED, effects)

    def _publish(self, carried: Carried, effects: list[Effect], now: float, wall_ms: int) -> None:
        envelope = Envelope(
            packet_id=carried.identifier,
            kind=Kind.EVENT,
            origin=self._own_id,
            seen=(),
            created_ms=wall_ms,
            expires_ms=_end_ms(carried),
            body=carried.payload(carried.way),
        )
        one = Shelved(envelope, event_subject(carried, len(envelope.body)), HERE, is_told=carried.is_message)
        self._shelve(one, effects, now)
        self.uplink.publish(carried, effects, now, wall_ms)
        self._send(one, self._post.lacking(envelope.packet_id, Kind.EVENT, now), "consent", effects, now)

    def _send(self, one: Shelved, targets: Iterable[Site], rule: str, effects: list[Effect], now: float) -> None:
        """Send an event to those sites that no rule keeps it from, and say what became of it."""
        passage = self._gate.outward(one.what, one.origin, targets, now)
        is_sent = self._post.send(one.envelope, passage.allowed, effects, now, rule if one.is_told else "")
        if one.is_told:
            tell_kept_from(one.what.identifier, passage.untold, effects)
            if is_sent or passage.untold or rule == "passed_on":
                verdict = CROSSED if one.origin else word_of(passage.record)
                judge_event(one.what, verdict, effects, one.origin, passage.record)

    def _arrived(self, site: Site, envelope: Envelope, effects: list[Effect], now: float, wall_ms: int) -> Reason | None:
        if envelope.origin == self._own_id:
            return Reason.ECHO
        others = self._others(frozenset(envelope.seen), now)
        arrival = Arrival(self._gate, site, len(envelope.body), now)
        taken = self.carriers.arrive(envelope.body, envelope.packet_id, others, now, wall_ms, arrival.refuses)
        if isinstance(taken, Carried):
            tell_arrival(site, envelope, taken, effects, wall_ms)
        elif taken is not None and arrival.refusal is None:
            tell_refused(envelope.packet_id, site, Refusal(taken), effects)
        elif taken is not None:
            arrival.tell(effects)
        self._tell(effects)
        if taken is None or taken is Reason.ECHO or isinstance(taken, Carried):
            self._provenance.add(envelope.packet_id, (*envelope.seen, envelope.origin), now)
        if isinstance(taken, Reason):
            return taken
        arrival.settle(envelope.origin)
        if taken is not None:
            kept = replace(envelope, expires_ms=_end_ms(taken), body=taken.payload(taken.way))
            one = Shelved(kept, event_subject(taken, len(kept.body)), site.place, is_told=taken.is_message)
            self._shelve(one, effects, now)
            targets = [other for other in self._post.lacking(envelope.packet_id, Kind.EVENT, now) if other.link != site.link]
            self._send(one, targets, "passed_on", effects, now)
        return None

    def _offered(self, site: Site, names: list[bytes], wall_ms: int, effects: list[Effect], now: float) -> Reason | None:
        if not site.offers.take(now):
            return Reason.RATE
        lacking = [
            name
            for name in names
            if not (self.carriers.has(name, now) or self._wanted.knows(name, now) or self._gate.is_kept_out(name, site, now))
        ]
        for name in lacking:
            self._wanted.add(name, now)
        if lacking:
            self._post.tell(Kind.WANT, b"".join(lacking), wall_ms, (site,), effects)
        return None

    def _asked(self, site: Site, names: list[bytes], effects: list[Effect], now: float) -> Reason | None:
        if not site.told:
            return Reason.OUT_OF_SCOPE
        if not site.wants.take(now):
            return Reason.RATE
        for name in names:
            kept = self._shelf.get(name)
            if kept is not None:
                self._send(kept, (site,), "asked_for", effects, now)
        return None

    def _offer(self, sites: tuple[Site, ...], wall_ms: int, effects: list[Effect], now: float) -> None:
        self._shelf.look({site.site_id for site in self._linked()}, now)
        tell_unoffered(self._shelf.expire(wall_ms), Reason.EXPIRED, effects)
        for site in sites:
            names = self._shelf.names(partial(self._may_be_offered, site)) if site.told else b""
            if names:
                self._post.tell(Kind.OFFER, names, wall_ms, (site,), effects)

    def _may_be_offered(self, site: Site, one: Shelved) -> bool:
        return self._gate.may_be_offered(one.what, one.origin, site)

    def _shelve(self, one: Shelved, effects: list[Effect], now: float) -> None:
        kept = one.envelope
        effects.append(EventCarried(kept.packet_id, False, one.origin, kept.created_ms, kept.expires_ms, kept.body))
        self._shelf.look({site.site_id for site in self._linked()}, now)
        tell_unoffered(self._shelf.add(one, now), Reason.QUEUE_FULL, effects)
        self._offer_at = min(self._offer_at, now + OFFER_PERIOD_S)

    def _linked(self) -> Iterator[Site]:
        return (site for site in self._sites.all() if site.greeted and Kind.EVENT in site.kinds)

    def _others(self, seen: frozenset[bytes], now: float) -> Iterator[bytes]:
        """Name the other gateways on this island that may put an event down too.

        A phone that bridges states private media as well; a gateway like this one reads no mail.
        """
        for peer in self._mesh.peers:
            able = Capability(peer.announce.capabilities or 0)
            is_box = Capability.BRIDGE in able and Capability.PRIVATE_MEDIA not in able
            if peer.is_local(now) and (is_box or peer.peer_id in seen):
                yield peer.peer_id

    def _count(self, reason: Reason | None) -> None:
        if reason is not None:
            self._drops[reason] += 1


def _end_ms(carried: Carried) -> int:
    return int((carried.event.created_at + EVENT_AGE_S) * 1000)
