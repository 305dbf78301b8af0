"""BitChat's own consent bridge as one gateway plays it: a state machine without radio, sites or clock.

Nothing crosses unless its author signed a copy of it for the bridge. Each of the four ways
an event comes in is checked in upstream's order, the dearest check last:

    decode ─▶ structure, kind, tag, age, place ─▶ known? ─▶ rate ─▶ Schnorr signature

Loop rules:

1. what was heard on the radio as put down by a gateway is never taken as a deposit and never put down;
2. what was deposited here belongs to this island and is never put down;
3. each event is put down at most once, and counts as put down only when it was.

What a relay brings is for this island alone, so it does not count as brought by a site: when a
site brings the same event, that is new to the sites behind us, though not to our radio.

An ID is remembered once its signature held, so a forged copy spoils nothing. Upstream
remembers 512 IDs; a federation can bring more than that while they are all still fresh, so
here every ID is remembered for as long as it could be played again.
Source: BitChat iOS BridgeService.swift, GatewayService.swift.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from gateway.bridge.downlink import Downlink
from gateway.bridge.events import UP, Carried, examine, examine_copy, examine_event
from gateway.bridge.place import Place
from gateway.bridge.remembered import Remembered
from gateway.bridge.sites import RELAYS
from gateway.bridge.turns import turn_at
from gateway.bridge.window import KeyedWindows, Window
from gateway.errors import DecodeError, Reason
from gateway.limits import (
    ALL_DEPOSITS_PER_MINUTE,
    BRIDGE_DOWN_PER_MINUTE,
    CHANNEL_DOWN_PER_MINUTE,
    DEPOSITS_PER_MINUTE,
    EVENT_CHECKS_PER_MINUTE,
    EVENT_MEMORY_S,
    EVENTS_PER_MINUTE,
    EVENTS_PER_SIGNER,
    MAX_DEPOSITORS,
    MAX_EVENTS_KNOWN,
    MAX_PARTICIPANTS,
    MAX_RADIO_TEXTS,
    PARTICIPANT_FRESH_S,
    RADIO_COPIES_PER_MINUTE,
    RELAY_EVENTS_PER_MINUTE,
)
from gateway.mesh.records import Decided, EventMemory, EventNoted, Record, Verb
from gateway.wire.carrier import Direction
from gateway.wire.nostr import stable_message_id
from gateway.wire.nostr_signing import is_authentic


class Carriers:
    """Decides about every event that comes up from the radio or over from a site.

    Args:
        own_id: this gateway's peer ID.
        place: what it serves.
        drops: where events given up later are counted by reason.
        tell: told what is to be remembered after a restart.

    Attributes:
        counts: what was done, by name.

    """

    def __init__(
        self, own_id: bytes, place: Place, drops: dict[Reason, int], tell: Callable[[Record], None] = lambda _record: None
    ) -> None:
        self.place = place
        self._tell = tell
        self.counts: Counter[str] = Counter()
        self._own_id = own_id
        self._drops = drops
        self._known = Remembered(MAX_EVENTS_KNOWN, EVENT_MEMORY_S)  # deposited here, or brought by a site
        self._relayed = Remembered(MAX_EVENTS_KNOWN, EVENT_MEMORY_S)  # brought by a relay
        self._ours = Remembered(MAX_EVENTS_KNOWN, EVENT_MEMORY_S)  # loop rule 2
        self._on_air = Remembered(MAX_EVENTS_KNOWN, EVENT_MEMORY_S)  # loop rule 1
        self._put_down = Remembered(MAX_EVENTS_KNOWN, EVENT_MEMORY_S)  # loop rule 3
        self._memories = {
            EventMemory.KNOWN: (self._known,),
            EventMemory.OURS: (self._known, self._ours),
            EventMemory.ON_AIR: (self._on_air,),
            EventMemory.PUT_DOWN: (self._known, self._put_down),
            EventMemory.RELAYED: (self._relayed, self._put_down),
        }
        self._texts = Remembered(MAX_RADIO_TEXTS)
        self._people = Remembered(MAX_PARTICIPANTS, PARTICIPANT_FRESH_S)
        self._depositors = KeyedWindows(DEPOSITS_PER_MINUTE, MAX_DEPOSITORS)
        self._deposits = Window(ALL_DEPOSITS_PER_MINUTE)
        self._arrivals = Window(EVENTS_PER_MINUTE)
        self._relay_arrivals = Window(RELAY_EVENTS_PER_MINUTE)
        self._signers = KeyedWindows(EVENTS_PER_SIGNER, EVENTS_PER_MINUTE)
        self._copies = Window(RADIO_COPIES_PER_MINUTE)
        self._checks = Window(EVENT_CHECKS_PER_MINUTE)
        self._downlinks = {
            Direction.TO_BRIDGE: Downlink(BRIDGE_DOWN_PER_MINUTE),
            Direction.TO_GATEWAY: Downlink(CHANNEL_DOWN_PER_MINUTE),
        }

    def deposit(
        self,
        depositor: bytes,
        payload: bytes,
        now: float,
        wall_ms: int,
        refuses: Callable[[Carried], Reason | None] = lambda _carried: None,
    ) -> Carried | Reason:
        """Take what a phone deposits for the other islands.

        Args:
            depositor: who signed the packet, which was verified.
            payload: of the carrier packet.
            now: seconds.
            wall_ms: the same moment in milliseconds since the epoch.
            refuses: says why an event of the right shape is not taken for all that.

        Returns:
            The event, to be carried to the sites, or why not.

        """
        try:
            carried = examine(payload, wall_ms)
        except DecodeError as error:
            return error.reason
        if not self._serves(carried):
            return Reason.CELL
        name = carried.identifier
        if any(memory.knows(name, now) for memory in (self._known, self._relayed, self._on_air)):
            return Reason.ECHO
        if not self._depositors.take(depositor, now) or not self._deposits.take(now):
            return Reason.BUDGET
        reason = refuses(carried) or self._unproved(carried, now)
        if reason is not None:
            return reason
        self._known.add(name, now)
        self._ours.add(name, now)
        self._note(EventMemory.OURS, name, wall_ms)
        self._record(carried, Verb.DEPOSITED)
        self.counts["deposited"] += 1
        return carried

    def give_back(self, carried: Carried) -> None:
        """Treat a deposit as never made: there was no room to keep it."""
        self._known.forget(carried.identifier)
        self._ours.forget(carried.identifier)
        self._tell(EventNoted(EventMemory.OURS, carried.identifier, 0))

    def remember(self, events: Iterable[EventNoted], now: float, wall_ms: int) -> None:
        """Take back what was told before a restart.

        An event that only waited for the radio then is as good as new: a site offers it again.

        Args:
            events: the oldest first.
            now: seconds.
            wall_ms: the same moment in milliseconds since the epoch.

        """
        for event in events:
            added = now - EVENT_MEMORY_S + (event.until_ms - wall_ms) / 1000
            for memory in self._memories[event.memory]:
                if not memory.knows(event.identifier, now):
                    memory.add(event.identifier, added)

    def has(self, identifier: bytes, now: float) -> bool:
        """Say whether an event was deposited here or brought by a site."""
        return self._known.knows(identifier, now)

    def arrive(
        self,
        payload: bytes,
        identifier: bytes,
        others: Iterable[bytes],
        now: float,
        wall_ms: int,
        refuses: Callable[[Carried, bool], Reason | None] = lambda _carried, _on_air: None,
    ) -> Carried | Reason | None:
        """Take what a site brings, as if a stranger had sent it.

        Args:
            payload: a carrier payload as it was deposited elsewhere.
            identifier: the name it travels under.
            others: peer IDs of other gateways on this island, which may put it down as well.
            now: seconds.
            wall_ms: the same moment in milliseconds since the epoch.
            refuses: says why an event of the right shape is not taken for all that, told whether it is for the radio here.

        Returns:
            The event if it is new and to be passed on, None if it was given up before for lack of
            room and waits for the radio once more, or why it is refused.

        """
        try:
            carried = examine(payload, wall_ms)
        except DecodeError as error:
            return error.reason
        if carried.identifier != identifier:
            return Reason.ENVELOPE
        known = self._known.knows(identifier, now)
        wanted = self._is_wanted(carried, now)
        if known and not wanted:
            return Reason.ECHO
        if (refused := refuses(carried, wanted)) is not None:
            return refused
        if not self._signers.has_room(carried.signer, now) or not self._arrivals.take(now):
            return Reason.RATE
        reason = self._unproved(carried, now)
        if reason is not None:
            return reason
        self._signers.take(carried.signer, now)  # only now, or whoever names a signer could use up the signer's share
        self._known.add(identifier, now)
        self._people.add(carried.signer, now)
        self.counts["arrived"] += 1
        if wanted:
            self._wait(carried, others, now)
        else:
            self._note(EventMemory.KNOWN, identifier, wall_ms)
            served = carried.way is Direction.TO_BRIDGE or self._serves(carried)
            self._record(carried, Verb.ALREADY_HERE if served else Verb.NOT_SERVED)
        return None if known else carried

    def relayed(
        self,
        data: bytes,
        others: Iterable[bytes],
        now: float,
        wall_ms: int,
        keeps_out: Callable[[Carried], Reason | None] = lambda _carried: None,
        charges: Callable[[Carried], Reason | None] = lambda _carried: None,
        *,
        yields: bool,
    ) -> tuple[bytes, Reason | None]:
        """Take what a relay brings, which is a stranger.

        Args:
            data: an event's JSON object.
            others: peer IDs of other gateways on this island, which may put it down as well.
            now: seconds.
            wall_ms: the same moment in milliseconds since the epoch.
            keeps_out: says why an event of the right shape is not taken for all that.
            charges: takes the air time of one for the radio, or says why not. Asked once the author's signature held:
                who writes on a relay in somebody's name uses up nothing of theirs.
            yields: whether it gives way on the radio to what sites bring.

        Returns:
            Its name, empty if it has none, and why it is refused, None if it is taken.

        """
        try:
            carried = examine_event(data, self.place.near, self.place.channels, wall_ms)
        except DecodeError as error:
            return b"", error.reason
        name = carried.identifier
        if (self._known.knows(name, now) or self._relayed.knows(name, now)) and not self._is_wanted(carried, now):
            return name, Reason.ECHO
        if (refused := keeps_out(carried)) is not None:
            return name, refused
        if not self._signers.has_room(carried.signer, now) or not self._relay_arrivals.take(now):
            return name, Reason.RATE
        reason = self._unproved(carried, now)
        if reason is not None:
            return name, reason
        self._signers.take(carried.signer, now)
        wanted = self._is_wanted(carried, now)
        if wanted and (refused := charges(carried)) is not None:
            return name, refused
        self._relayed.add(name, now)
        if not self._is_here(carried, now):  # else it is a phone of this island, with an internet of its own
            self._people.add(carried.signer, now)
        self.counts["relayed"] += 1
        self._record(carried, Verb.ARRIVED, hop=RELAYS)
        if wanted:
            self._wait(carried, others, now, yields=yields)
        else:
            self._record(carried, Verb.ALREADY_HERE)
        return name, None

    def heard_copy(self, payload: bytes, now: float, wall_ms: int) -> Reason | None:
        """Note what another gateway put on the radio; returns why the packet says nothing, None if it does."""
        try:
            carried = examine_copy(payload, wall_ms)
        except DecodeError as error:
            return error.reason
        name = carried.identifier
        if any(memory.knows(name, now) for memory in (self._on_air, self._ours, self._put_down)):
            return Reason.DUPLICATE
        downlink = self._downlinks[carried.way]
        if downlink.get(name) != carried:  # else it is, to the letter, what has been verified already
            if not self._copies.take(now):
                return Reason.RATE
            reason = self._unproved(carried, now)
            if reason is not None:
                return reason
        self._on_air.add(name, now)
        self._note(EventMemory.ON_AIR, name, wall_ms)
        if downlink.call_off(name):
            self._record(carried, Verb.LEFT_TO_OTHERS)
            self.counts["left_to_others"] += 1
        return None

    def heard_text(self, sender_id: bytes, timestamp_ms: int, text: str, now: float) -> None:
        """Note a public message of the mesh whose signature was verified: a bridged copy of it is of no use here."""
        hint = stable_message_id(sender_id, timestamp_ms, text).encode()
        self._texts.add(hint, now)

    def put_down(self, now: float, wall_ms: int) -> list[tuple[bytes, bytes]]:
        """Return the events to broadcast now: the name and the carrier payload of each."""
        payloads = []
        for way, downlink in self._downlinks.items():
            while (carried := downlink.next(now)) is not None:
                if not carried.is_fresh(wall_ms):
                    self._drops[Reason.EXPIRED] += 1
                    self._record(carried, Verb.DROPPED, reason=Reason.EXPIRED)
                elif self._is_here(carried, now):
                    self.counts["already_here"] += 1
                    if self._known.knows(carried.identifier, now):
                        self._note(EventMemory.KNOWN, carried.identifier, wall_ms)
                    self._record(carried, Verb.ALREADY_HERE)
                else:
                    downlink.sent(now)
                    self._put_down.add(carried.identifier, now)
                    is_sites = self._known.knows(carried.identifier, now)
                    self._note(EventMemory.PUT_DOWN if is_sites else EventMemory.RELAYED, carried.identifier, wall_ms)
                    self._record(carried, Verb.PUT_DOWN)
                    self.counts["put_down"] += 1
                    payloads.append((carried.identifier, carried.payload(UP[way])))
        return payloads

    def next_at(self) -> float:
        """Return when `put_down` has something, infinity if nothing waits."""
        return min(downlink.next_at() for downlink in self._downlinks.values())

    def people(self, now: float) -> int:
        """Return how many people of other islands have been heard of lately, 128 at most."""
        return self._people.count(now)

    @property
    def waiting(self) -> int:
        """Events waiting for the radio."""
        return sum(map(len, self._downlinks.values()))

    def _note(self, memory: EventMemory, identifier: bytes, wall_ms: int) -> None:
        self._tell(EventNoted(memory, identifier, wall_ms + int(EVENT_MEMORY_S * 1000)))

    def _record(self, carried: Carried, verb: Verb, *, reason: Reason | None = None, detail: str = "", hop: str = "radio") -> None:
        if carried.is_message:  # nobody asks about the others, which only say that somebody is there
            self._tell(Decided(carried.identifier, verb, hop, "consent", reason, detail))

    def _serves(self, carried: Carried) -> bool:
        return carried.place in (self.place.near if carried.way is Direction.TO_BRIDGE else self.place.channels)

    def _unproved(self, carried: Carried, now: float) -> Reason | None:
        if not self._checks.take(now):
            return Reason.RATE
        return None if is_authentic(carried.event) else Reason.SIGNATURE

    def _is_wanted(self, carried: Carried, now: float) -> bool:
        """Say whether an event from elsewhere should go on the radio and does not wait for it yet."""
        name = carried.identifier
        if not carried.is_message or (carried.way is Direction.TO_GATEWAY and not self._serves(carried)):
            return False
        if any(memory.knows(name, now) for memory in (self._on_air, self._ours, self._put_down)):
            return False
        return self._downlinks[carried.way].get(name) is None and not self._is_here(carried, now)

    def _is_here(self, carried: Carried, now: float) -> bool:
        """Say whether the message came over the radio as well: where that was heard, the copy need not be."""
        return self._texts.knows(carried.hint, now)

    def _wait(self, carried: Carried, others: Iterable[bytes], now: float, *, yields: bool = False) -> None:
        at = turn_at(self._own_id, others, carried, now)
        self._record(carried, Verb.WAITING, detail=f"seconds {at - now:.1f}")
        given_up = self._downlinks[carried.way].add(carried, at, yields=yields)
        if given_up is not None:
            self._record(given_up, Verb.DROPPED, reason=Reason.QUEUE_FULL)
            self._drops[Reason.QUEUE_FULL] += 1
