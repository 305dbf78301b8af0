"""The way to Nostr relays and back: what was deposited here is published, what they bring goes to the carriers.

Only what a phone of this island handed in is ever published, each event once on each relay that takes it;
nothing that came from a site, from a relay, or was heard on the radio is. An event counts as
published when a relay has said so (``OK`` true). One that does not answer, or cannot take it
then, is asked again; one that refuses is not.

The operator's rules know the relays as one place, `gateway.bridge.policy.NOSTR`: an event is asked about once, however
many of them there are, and as soon as there is one. What a rule keeps here is asked about again while it is fresh.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf

from gateway.bridge.arrival import Arrival
from gateway.bridge.carriers import Carriers
from gateway.bridge.events import Carried
from gateway.bridge.gate import Gate, Subject, event_subject
from gateway.bridge.policy import HERE, NOSTR
from gateway.bridge.sites import RELAYS, relays
from gateway.bridge.telling import judge_event, tell_kept_from, word_of
from gateway.errors import Reason
from gateway.limits import MAX_UPLINKED, RELAY_AGAIN_S, RELAY_ANSWER_S, RELAY_TRIES
from gateway.mesh.effects import Effect, Priority, SendFrame
from gateway.mesh.records import Decided, Verb
from gateway.wire.nostr import encode_event
from transports.link import LinkId
from transports.nostr.protocol import Answer, NostrError, Word, decode_frame, event_frame

_TRANSIENT = frozenset({Word.RATE_LIMITED, Word.ERROR, Word.AUTH_REQUIRED})


@dataclass(slots=True)
class _Errand:
    """One event on its way to one relay."""

    tries: int = 0
    sent: float = 0.0
    due: float = -inf  # when to see to it again; infinity once nothing more is done
    is_waiting: bool = False  # for the answer


@dataclass(slots=True)
class _Upward:
    carried: Carried
    what: Subject  # as the gate knows it
    is_let: bool = False  # by the rules
    is_kept: bool = False  # by a rule, when they were asked last
    ask_at: float = -inf  # when to ask them again
    errands: dict[LinkId, _Errand] = field(default_factory=dict)
    is_published: bool = False


class Uplink:
    """The relays of one gateway.

    Args:
        carriers: decide about what relays bring.
        gate: what may cross, and for how much air.
        drops: where refusals are counted.

    """

    def __init__(self, carriers: Carriers, gate: Gate, drops: dict[Reason, int]) -> None:
        self._carriers = carriers
        self._gate = gate
        self._place = relays()
        self._drops = drops
        self._links: set[LinkId] = set()
        self._events: OrderedDict[str, _Upward] = OrderedDict()  # by event ID, the oldest first
        self._due = inf
        self.has_news = False  # a relay came up: `run_due` is to be called, whatever the time
        self.is_expected = False  # whether there are relays to keep deposits for, though none may be up

    def __contains__(self, link: LinkId) -> bool:
        return link in self._links

    def __len__(self) -> int:
        return len(self._links)

    @property
    def waiting(self) -> int:
        """Events that no relay has taken yet, and that no rule keeps here."""
        return sum(not upward.is_published and not upward.is_kept for upward in self._events.values())

    def up(self, link: LinkId) -> None:
        """A relay answers: with the next `run_due` it gets what it has missed."""
        self._links.add(link)
        self.has_news = self.is_expected = True

    def down(self, link: LinkId) -> None:
        """A relay is gone; what it did not answer is published again when it is back."""
        self._links.discard(link)
        for upward in self._events.values():
            errand = upward.errands.get(link)
            if errand is not None and errand.is_waiting:
                errand.is_waiting, errand.due = False, -inf

    def publish(self, carried: Carried, effects: list[Effect], now: float, wall_ms: int) -> None:
        """Publish what was just deposited, on every relay there is and on those that come while it is fresh."""
        if not self.is_expected:
            return
        what = event_subject(carried, len(carried.payload(carried.way)))
        self._events[carried.event.event_id] = _Upward(carried, what)
        if len(self._events) > MAX_UPLINKED:
            self._end(next(iter(self._events)), Reason.QUEUE_FULL, effects)
        self._see_to(effects, now, wall_ms)

    def take(
        self, link: LinkId, frame: bytes, others: Iterable[bytes], effects: list[Effect], now: float, wall_ms: int, *, yields: bool
    ) -> None:
        """Take a frame of a relay: an event, or what became of one of ours.

        Args:
            link: the relay.
            frame: see `transports.nostr.protocol`.
            others: peer IDs of other gateways on this island.
            effects: where effects are appended.
            now: seconds.
            wall_ms: the same moment in milliseconds since the epoch.
            yields: whether an event gives way on the radio to what sites bring.

        """
        try:
            said = decode_frame(frame)
        except NostrError:
            self._drops[Reason.FIELD] += 1
            return
        if isinstance(said, Answer):
            self._answered(link, said, effects, now)
            return
        arrival = Arrival(self._gate, self._place, len(said), now)
        name, reason = self._carriers.relayed(said, others, now, wall_ms, arrival.keeps_out, arrival.charges, yields=yields)
        if reason is None:
            arrival.settle(NOSTR)
            arrival.tell_taken(effects)
            return
        self._drops[reason] += 1
        if arrival.refusal is not None:
            arrival.tell(effects)
        elif name and reason is not Reason.ECHO:
            effects.append(Decided(name, Verb.REFUSED, RELAYS, "consent", reason, _detail(link)))

    def run_due(self, effects: list[Effect], now: float, wall_ms: int) -> None:
        """Ask again, give up, and forget what is not fresh any more, when it is time."""
        if self.has_news or now >= self._due:
            self.has_news = False
            self._see_to(effects, now, wall_ms)

    def next_at(self) -> float:
        """Return when `run_due` has something to do, infinity if nothing waits."""
        return self._due

    def _see_to(self, effects: list[Effect], now: float, wall_ms: int) -> None:
        for event_id in [event_id for event_id, upward in self._events.items() if not upward.carried.is_fresh(wall_ms)]:
            self._end(event_id, Reason.EXPIRED, effects)
        self._due = inf
        for upward in self._events.values() if self._links else ():
            if not self._is_let(upward, effects, now):
                self._due = min(self._due, upward.ask_at)
                continue
            for link in sorted(self._links):
                errand = upward.errands.setdefault(link, _Errand())
                if errand.due <= now:
                    self._send(upward, link, errand, effects, now)
                self._due = min(self._due, errand.due)
        if self._events:
            end = now + next(iter(self._events.values())).carried.seconds_left(wall_ms)
            self._due = min(self._due, max(end, now + RELAY_ANSWER_S))

    def _is_let(self, upward: _Upward, effects: list[Effect], now: float) -> bool:
        """Say whether the rules let an event go to relays now; it uses up their limits once."""
        if upward.is_let and self._gate.may_be_offered(upward.what, HERE, self._place):
            return True
        if now < upward.ask_at:
            return False
        passage = self._gate.outward(upward.what, HERE, (self._place,), now)
        upward.is_let, upward.is_kept, upward.ask_at = bool(passage.allowed), not passage.allowed, now + RELAY_AGAIN_S
        if upward.carried.is_message and (passage.allowed or passage.untold):
            tell_kept_from(upward.what.identifier, passage.untold, effects)
            judge_event(upward.what, word_of(passage.record), effects, sites=passage.record)
        return upward.is_let

    def _send(self, upward: _Upward, link: LinkId, errand: _Errand, effects: list[Effect], now: float) -> None:
        if errand.is_waiting:
            self._counts["relay_unanswered"] += 1
            errand.is_waiting, errand.due = False, now + RELAY_AGAIN_S
            if errand.tries >= RELAY_TRIES:
                self._finish(upward, link, errand, Verb.LOST, "", effects)
            return
        errand.tries += 1
        errand.sent, errand.due, errand.is_waiting = now, now + RELAY_ANSWER_S, True
        effects.append(SendFrame((link,), event_frame(encode_event(upward.carried.event)), Priority.PUBLIC))
        if upward.carried.is_message and errand.tries == 1:
            effects.append(Decided(upward.carried.identifier, Verb.SENT, RELAYS, "consent", detail=_detail(link)))

    def _answered(self, link: LinkId, answer: Answer, effects: list[Effect], now: float) -> None:
        upward = self._events.get(answer.event_id)
        errand = upward.errands.get(link) if upward is not None else None
        if upward is None or errand is None or errand.tries == 0 or errand.due == inf:
            self._drops[Reason.UNSOLICITED] += 1
            return
        errand.is_waiting = False
        if answer.accepted or answer.word is Word.DUPLICATE:  # some say `false` to what they have already
            errand.due = inf
            self._counts["published"] += not upward.is_published
            upward.is_published = True
            if upward.carried.is_message:
                detail = f"{_detail(link)} seconds {now - errand.sent:.1f}"
                effects.append(Decided(upward.carried.identifier, Verb.ACKNOWLEDGED, RELAYS, detail=detail))
            return
        self._counts["relay_rejected"] += 1
        if answer.word in _TRANSIENT and errand.tries < RELAY_TRIES:
            errand.due = now + RELAY_AGAIN_S
            self._due = min(self._due, errand.due)
        else:
            self._finish(upward, link, errand, Verb.REJECTED, answer.word, effects)

    def _finish(self, upward: _Upward, link: LinkId, errand: _Errand, verb: Verb, rule: str, effects: list[Effect]) -> None:
        errand.due = inf
        if upward.carried.is_message:
            effects.append(Decided(upward.carried.identifier, verb, RELAYS, rule, detail=_detail(link)))

    def _end(self, event_id: str, reason: Reason, effects: list[Effect]) -> None:
        upward = self._events.pop(event_id)
        if not upward.is_published and not upward.is_kept:
            self._counts["unpublished"] += 1
            if upward.carried.is_message:
                effects.append(Decided(upward.carried.identifier, Verb.DROPPED, RELAYS, "", reason))

    @property
    def _counts(self) -> Counter[str]:
        return self._carriers.counts


def _detail(link: LinkId) -> str:
    return f"relay {link.partition(':')[2][:64]}"
