"""The rules of BitChat's own bridge, one by one: consent, roles, the order of checks, loops, jitter, presence."""

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from gateway.bridge import carriers as carriers_module
from gateway.bridge.engine import BridgeMode
from gateway.bridge.events import Carried, examine
from gateway.bridge.place import Place
from gateway.bridge.turns import jitter, turn_at
from gateway.errors import Reason
from gateway.limits import (
    DEPOSITS_PER_MINUTE,
    DOWN_JITTER_S,
    DOWN_TURN_S,
    EVENT_AGE_S,
    MAX_DOWN_TURNS,
    MAX_PARTICIPANTS,
    PARTICIPANT_FRESH_S,
)
from gateway.mesh.identity import Identity
from gateway.testing.bridging import carrier
from gateway.wire.announce import Announce, encode_announce
from gateway.wire.carrier import Direction
from gateway.wire.envelope import Kind
from gateway.wire.nostr import bridge_key
from gateway.wire.nostr_signing import sign_event
from gateway.wire.packet import peek, with_ttl
from gateway.wire.types import BROADCAST, Capability, MessageType
from tests.bridge.islands import (
    CELL,
    CHANNEL,
    TURN_S,
    Depositor,
    carriers_of,
    copy_packet,
    crossings,
    drops,
    enveloped,
    introduced,
    joined,
    put_down,
)
from tests.bridge.sites import EPOCH, Author, Sites


@pytest.fixture
def two() -> Sites:
    return joined("AB")


@pytest.fixture
def ada(two: Sites) -> Depositor:
    return introduced(two, "A", 1)


@pytest.fixture
def gate() -> Author:
    """Another gateway on somebody's island, an iPhone perhaps."""
    return Author(Identity.generate(Random(77).randbytes))


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The IDs of the events whose signature was checked."""
    checks: list[str] = []
    real = carriers_module.is_authentic

    def counting(event):
        checks.append(event.event_id)
        return real(event)

    monkeypatch.setattr(carriers_module, "is_authentic", counting)
    return checks


def forged(event):
    """The event with a signature that is not its author's."""
    return replace(event, sig=event.sig[::-1])


class TestConsent:
    def test_a_copy_signed_for_the_bridge_crosses(self, two: Sites, ada: Depositor) -> None:
        event = ada.copy(two, "for everybody")
        ada.deposit(two, "A", event)
        two.run(TURN_S)
        assert carriers_of(two["B"]) == [(Direction.FROM_BRIDGE, event)]

    def test_a_plain_public_message_never_crosses(self, two: Sites, ada: Depositor) -> None:
        before = len(two.crossings)
        two.radio("A", ada.packets.say("nearby only"))
        two.radio("A", ada.packets.announce())
        two.radio("A", ada.packets.signed(MessageType.FILE, bytes(200)))
        two.radio("A", ada.packets.bare(MessageType.NOISE_ENCRYPTED, bytes(40), b"far away"))
        two.run(TURN_S)
        assert len(two.crossings) == before
        assert [frame for frame in two["B"].air if peek(frame).sender_id != two["B"].engine.site_id] == []

    def test_a_packet_sent_as_it_is_by_a_site_in_open_mode_is_refused(self, two: Sites, ada: Depositor) -> None:
        two["A"].engine.mode = BridgeMode.OPEN
        two.radio("A", Author(Identity.generate(Random(5).randbytes)).announce())
        two.radio("A", ada.packets.say("without asking"))
        assert two["B"].heard(MessageType.MESSAGE) == two["B"].heard(MessageType.ANNOUNCE) == []
        assert drops(two["B"]) == {Reason.NO_CONSENT: 2}

    def test_a_site_in_open_mode_takes_what_authors_signed_but_no_deposits(self, two: Sites, ada: Depositor) -> None:
        ben = introduced(two, "B", 2)
        two["B"].engine.mode = BridgeMode.OPEN
        event = ada.copy(two, "to the open")
        ada.deposit(two, "A", event)
        ben.deposit(two, "B", ben.copy(two, "from the open"))
        two.run(TURN_S)
        assert put_down(two["B"]) == [event]
        assert put_down(two["A"]) == []
        assert drops(two["B"])[Reason.BRIDGE_OFF] == 1

    @pytest.mark.parametrize("options", [{"mode": BridgeMode.OFF}, {"place": None}], ids=["off", "no cell"])
    def test_a_closed_bridge_takes_nothing_from_radio_or_sites(self, options: dict) -> None:
        sites = joined("AB", **options)
        ada = introduced(sites, "A", 1)
        ada.deposit(sites, "A", ada.copy(sites, "nobody carries me"))
        sites.from_site("A", "B", enveloped(ada.copy(sites, "nor me"), sites["B"].engine.site_id))
        sites.run(TURN_S)
        assert put_down(sites["A"]) == put_down(sites["B"]) == crossings(sites, Kind.EVENT) == []
        assert drops(sites["A"]) == {Reason.BRIDGE_OFF: 1}

    def test_a_bridge_that_is_switched_off_puts_down_nothing_more(self, two: Sites, ada: Depositor) -> None:
        ada.deposit(two, "A", ada.copy(two, "too late"))
        two["B"].engine.mode = BridgeMode.OFF
        two.run(TURN_S)
        assert put_down(two["B"]) == []

    def test_only_what_is_served_is_announced(self) -> None:
        assert Place().capabilities == Capability(0)
        assert Place("", frozenset({CHANNEL})).capabilities == Capability(0)
        assert Place(CELL).capabilities == Capability.BRIDGE
        assert Place(CELL, frozenset({CHANNEL})).capabilities == Capability.BRIDGE | Capability.GATEWAY


class TestRoles:
    def test_a_deposit_may_come_over_other_phones(self, two: Sites, ada: Depositor) -> None:
        event = ada.copy(two, "relayed")
        frame = ada.packets.signed(MessageType.NOSTR_CARRIER, carrier(Direction.TO_BRIDGE, CELL, event), two["A"].engine.site_id)
        two.radio("A", with_ttl(frame, 2))
        two.run(TURN_S)
        assert put_down(two["B"]) == [event]

    def test_a_deposit_for_another_gateway_is_left_to_it(self, two: Sites, ada: Depositor) -> None:
        payload = carrier(Direction.TO_BRIDGE, CELL, ada.copy(two, "not for you"))
        two.radio("A", ada.packets.signed(MessageType.NOSTR_CARRIER, payload, b"somebody"))
        assert crossings(two, Kind.EVENT) == []
        assert drops(two["A"]) == {Reason.NOT_BRIDGEABLE: 1}

    def test_a_deposit_must_be_signed_by_a_peer_who_announced_itself(self, two: Sites, ada: Depositor) -> None:
        payload = carrier(Direction.TO_BRIDGE, CELL, ada.copy(two, "by nobody"))
        stranger = Author(Identity.generate(Random(5).randbytes))
        two.radio("A", ada.packets.bare(MessageType.NOSTR_CARRIER, payload, two["A"].engine.site_id))
        two.radio("A", stranger.signed(MessageType.NOSTR_CARRIER, payload, two["A"].engine.site_id))
        refused = two["A"].engine.mesh.status(two.now).drops
        assert (refused[Reason.SIGNATURE], refused[Reason.UNKNOWN_SENDER]) == (1, 1)
        assert crossings(two, Kind.EVENT) == []

    @pytest.mark.parametrize("way", [Direction.FROM_BRIDGE, Direction.FROM_GATEWAY])
    def test_what_is_for_everybody_must_not_be_directed(self, two: Sites, ada: Depositor, way: Direction) -> None:
        ada.deposit(two, "A", ada.copy(two, "backwards"), way=way)
        assert drops(two["A"]) == {Reason.FIELD: 1}

    @pytest.mark.parametrize("way", [Direction.TO_BRIDGE, Direction.TO_GATEWAY])
    def test_a_deposit_must_be_directed(self, two: Sites, ada: Depositor, gate: Author, way: Direction) -> None:
        two.radio("A", copy_packet(gate, ada.copy(two, "for whom?"), direction=way))
        assert drops(two["A"]) == {Reason.FIELD: 1}

    def test_a_copy_that_names_everybody_as_its_recipient_is_no_copy(self, two: Sites, ada: Depositor, gate: Author) -> None:
        event = ada.copy(two, "iPhones drop this")
        two.radio("B", gate.bare(MessageType.NOSTR_CARRIER, carrier(Direction.FROM_BRIDGE, CELL, event), BROADCAST))
        ada.deposit(two, "A", event)
        two.run(TURN_S)
        assert put_down(two["B"]) == [event]

    def test_a_phone_in_a_neighbouring_cell_is_served(self, two: Sites, ada: Depositor) -> None:
        event = ada.copy(two, "over the edge", cell="u4pruz")
        ada.deposit(two, "A", event, cell="u4pruz")
        two.run(TURN_S)
        assert put_down(two["B"]) == [event]

    def test_a_channel_is_put_down_only_where_it_is_served(self) -> None:
        sites = joined("AB", "AC")
        sites["C"].engine.consent.carriers.place = Place(CELL)
        ada = introduced(sites, "A", 1)
        event = ada.events.channel_message(CHANNEL, EPOCH, "in the channel", bytes(32))
        ada.deposit(sites, "A", event, way=Direction.TO_GATEWAY, cell=CHANNEL)
        sites.run(TURN_S)
        assert carriers_of(sites["B"]) == [(Direction.FROM_GATEWAY, event)]
        assert carriers_of(sites["C"]) == carriers_of(sites["A"]) == []


class TestOrder:
    """Decode, structure, kind, tag, age; then whether it is known; then the rate; the signature last."""

    def test_what_is_malformed_stale_known_or_over_budget_costs_no_signature_check(
        self, two: Sites, ada: Depositor, checked: list[str]
    ) -> None:
        good = ada.copy(two, "good")
        ada.deposit(two, "A", good)
        paid = len(checked)
        ada.hand_in(two, "A", b"\x01\x00\x05\x03")
        ada.deposit(two, "A", replace(good, kind=1))
        ada.deposit(two, "A", good, cell="u4pruz")
        ada.deposit(two, "A", ada.copy(two, "old", age=EVENT_AGE_S + 5))
        ada.deposit(two, "A", good)
        assert len(checked) == paid == 2  # by the gateway it was deposited with, and by the one it reached
        for number in range(DEPOSITS_PER_MINUTE - 1):
            ada.deposit(two, "A", ada.copy(two, f"number {number}"))
        paid = len(checked)
        ada.deposit(two, "A", ada.copy(two, "one too many"))
        assert len(checked) == paid
        assert drops(two["A"]) == {
            Reason.TLV: 1,
            Reason.FIELD: 1,
            Reason.CELL: 1,
            Reason.EXPIRED: 1,
            Reason.ECHO: 1,
            Reason.BUDGET: 1,
        }

    def test_a_repeated_deposit_takes_nothing_from_the_budget(self, two: Sites, ada: Depositor) -> None:
        event = ada.copy(two, "again and again")
        for _ in range(3 * DEPOSITS_PER_MINUTE):
            ada.deposit(two, "A", event)
        for number in range(DEPOSITS_PER_MINUTE - 1):
            ada.deposit(two, "A", ada.copy(two, f"number {number}"))
        assert len(crossings(two, Kind.EVENT)) == DEPOSITS_PER_MINUTE
        assert drops(two["A"]) == {Reason.ECHO: 3 * DEPOSITS_PER_MINUTE - 1}

    def test_a_forged_deposit_costs_its_depositor_and_does_not_spoil_the_true_one(self, two: Sites, ada: Depositor) -> None:
        event = ada.copy(two, "true words")
        ada.deposit(two, "A", forged(event))
        assert crossings(two, Kind.EVENT) == []
        ada.deposit(two, "A", event)
        two.run(TURN_S)
        assert put_down(two["B"]) == [event]
        assert drops(two["A"]) == {Reason.SIGNATURE: 1}

    def test_a_site_is_never_trusted(self, two: Sites, ada: Depositor) -> None:
        origin = two["A"].engine.site_id
        event = ada.copy(two, "true words")
        two.from_site("B", "A", enveloped(forged(event), origin))
        two.from_site("B", "A", enveloped(replace(event, content="other words"), origin))
        two.from_site("B", "A", enveloped(event, origin, packet_id=bytes(16)))
        two.from_site("B", "A", enveloped(event, origin, cell="u4pruz"))
        two.from_site("B", "A", enveloped(event, origin, way=Direction.FROM_BRIDGE))
        two.from_site("B", "A", enveloped(ada.copy(two, "old", age=EVENT_AGE_S + 5), origin))
        two.run(TURN_S)
        assert put_down(two["B"]) == []
        assert drops(two["B"]) == {Reason.SIGNATURE: 2, Reason.ENVELOPE: 1, Reason.CELL: 1, Reason.FIELD: 1, Reason.EXPIRED: 1}
        two.from_site("B", "A", enveloped(event, origin))
        two.run(TURN_S)
        assert put_down(two["B"]) == [event]

    def test_nothing_unsigned_comes_along_with_an_event(self, two: Sites, ada: Depositor) -> None:
        event = ada.copy(two, "as signed")
        payload = carrier(Direction.TO_BRIDGE, CELL, event)
        json = payload[payload.index(b"{") :]
        padded = json[:-1] + b',"smuggled":"contraband"}'
        stuffed = payload[: -len(json) - 2] + len(padded).to_bytes(2) + padded + b"\x7f\x00\x04junk"
        ada.hand_in(two, "A", stuffed)
        two.run(TURN_S)
        assert put_down(two["B"]) == [event]
        assert [envelope.body for envelope in crossings(two, Kind.EVENT)] == [payload]
        assert not any(b"contraband" in frame for frame in two["B"].air)


class TestLoops:
    def test_1_what_was_heard_as_put_down_is_never_taken_as_a_deposit(self, two: Sites, ada: Depositor, gate: Author) -> None:
        event = ada.copy(two, "from afar")
        two.radio("A", copy_packet(gate, event))
        ada.deposit(two, "A", event)
        assert crossings(two, Kind.EVENT) == []
        assert drops(two["A"]) == {Reason.ECHO: 1}

    def test_1_what_was_heard_as_put_down_is_not_put_down_but_passed_on(self, gate: Author) -> None:
        sites = joined("AB", "BC")
        ada = introduced(sites, "A", 1)
        event = ada.copy(sites, "from afar")
        sites.radio("B", copy_packet(gate, event))
        ada.deposit(sites, "A", event)
        sites.run(TURN_S)
        assert put_down(sites["B"]) == []
        assert put_down(sites["C"]) == [event]

    def test_1_another_gateways_copy_calls_ours_off(self, two: Sites, ada: Depositor, gate: Author, checked: list[str]) -> None:
        event = ada.copy(two, "who is quicker?")
        ada.deposit(two, "A", event)
        two.run(DOWN_JITTER_S[0] / 2)
        paid = len(checked)
        two.radio("B", copy_packet(gate, event))
        two.run(TURN_S)
        assert put_down(two["B"]) == []
        assert len(checked) == paid  # it is, to the letter, what was checked when it came
        assert two["B"].engine.consent.carriers.counts["left_to_others"] == 1

    def test_1_a_forged_copy_on_the_radio_silences_nobody(self, two: Sites, ada: Depositor, gate: Author) -> None:
        early, late = ada.copy(two, "not here yet"), ada.copy(two, "waiting")
        two.radio("B", copy_packet(gate, forged(early)))
        ada.deposit(two, "A", early)
        ada.deposit(two, "A", late)
        two.radio("B", copy_packet(gate, forged(late)))
        two.run(TURN_S)
        assert sorted(event.content for event in put_down(two["B"])) == ["not here yet", "waiting"]
        assert drops(two["B"]) == {Reason.SIGNATURE: 2}

    def test_2_what_was_deposited_here_is_never_put_down_here(self, two: Sites, ada: Depositor) -> None:
        event = ada.copy(two, "it was said here")
        ada.deposit(two, "A", event)
        for origin in (two["B"].engine.site_id, b"some one"):
            two.from_site("A", "B", enveloped(event, origin))
        two.run(TURN_S)
        assert put_down(two["A"]) == []
        assert drops(two["A"]) == {Reason.ECHO: 2}

    def test_3_an_event_is_put_down_once_however_often_it_is_replayed(self, two: Sites, ada: Depositor) -> None:
        event = ada.copy(two, "once")
        ada.deposit(two, "A", event)
        two.run(TURN_S)
        for _ in range(5):
            for site in ("A", "B"):
                two.from_site("B", "A", enveloped(event, two["A"].engine.site_id, seen=(site.encode() * 8,)))
            ada.deposit(two, "A", event)
            two.run(EVENT_AGE_S / 6)
        assert put_down(two["B"]) == [event]
        assert len(crossings(two, Kind.EVENT)) == 1

    def test_a_copy_of_a_message_heard_on_the_radio_is_not_put_down(self, two: Sites, ada: Depositor) -> None:
        two.radio("B", ada.packets.announce())
        frame = ada.packets.say("heard on both islands")
        two.radio("B", frame)
        event = ada.events.message(CELL, ada.peer_id, peek(frame).timestamp_ms, "heard on both islands", bytes(32))
        ada.deposit(two, "A", event)
        two.run(TURN_S)
        assert put_down(two["B"]) == []

    def test_a_message_that_comes_over_the_radio_while_its_copy_waits_calls_that_off(self, two: Sites, ada: Depositor) -> None:
        two.radio("B", ada.packets.announce())
        frame = ada.packets.say("a little late")
        ada.deposit(two, "A", ada.events.message(CELL, ada.peer_id, peek(frame).timestamp_ms, "a little late", bytes(32)))
        two.radio("B", frame)
        two.run(TURN_S)
        assert put_down(two["B"]) == []
        assert two["B"].engine.consent.carriers.counts["already_here"] == 1

    def test_a_message_that_proved_nothing_holds_no_copy_back(self, two: Sites, ada: Depositor) -> None:
        frame = ada.packets.say("B does not know me")
        two.radio("B", frame)
        event = ada.events.message(CELL, ada.peer_id, peek(frame).timestamp_ms, "B does not know me", bytes(32))
        ada.deposit(two, "A", event)
        two.run(TURN_S)
        assert put_down(two["B"]) == [event]

    def test_whoever_copies_somebodys_hint_holds_nobody_back(self, two: Sites, ada: Depositor) -> None:
        mallory = introduced(two, "A", 2)
        true = ada.copy(two, "my words")
        key = bridge_key(mallory.events.seed, CELL)
        mallory.deposit(two, "A", sign_event(true.kind, true.tags, "not my words", true.created_at, key, bytes(32)))
        ada.deposit(two, "A", true)
        two.run(TURN_S)
        assert {event.content for event in put_down(two["B"])} == {"my words", "not my words"}


class TestJitter:
    def test_it_lies_between_its_bounds_and_differs_from_gateway_to_gateway(self) -> None:
        rng = Random(3)
        waits = [jitter(rng.randbytes(8), rng.randbytes(16)) for _ in range(2_000)]
        low, high = DOWN_JITTER_S
        assert (low, high) == (0.2, 1.5)
        assert all(low <= wait <= high for wait in waits)
        assert min(waits) < low + 0.02
        assert max(waits) > high - 0.02
        assert abs(sum(waits) / len(waits) - (low + high) / 2) < 0.03

    def test_an_event_is_put_down_when_its_jitter_is_over(self, two: Sites, ada: Depositor) -> None:
        event = ada.copy(two, "wait for it")
        ada.deposit(two, "A", event)
        wait = jitter(two["B"].engine.site_id, bytes.fromhex(event.event_id)[:16])
        two.run(wait - 0.001)
        assert put_down(two["B"]) == []
        two.run(0.002)
        assert put_down(two["B"]) == [event]


class TestTurns:
    """Gateways of one island put an event down one after the other, and the first is enough."""

    def carried(self, two: Sites, ada: Depositor) -> Carried:
        return examine(carrier(Direction.TO_BRIDGE, CELL, ada.copy(two, "whose turn?")), EPOCH * 1000)

    def test_all_work_out_the_same_order_with_room_between_two_turns(self, two: Sites, ada: Depositor) -> None:
        carried = self.carried(two, ada)
        rng = Random(6)
        gates = [rng.randbytes(8) for _ in range(MAX_DOWN_TURNS + 1)]
        turns = sorted(turn_at(gate, gates, carried, 0.0) for gate in gates)
        assert all(later - earlier > DOWN_TURN_S for earlier, later in pairwise(turns))
        assert turns[0] <= DOWN_JITTER_S[1]

    def test_a_gateway_alone_waits_for_nobody(self, two: Sites, ada: Depositor) -> None:
        carried = self.carried(two, ada)
        own = two["B"].engine.site_id
        assert turn_at(own, (), carried, 5.0) == turn_at(own, (own,), carried, 5.0) == 5.0 + jitter(own, carried.identifier)

    def test_invented_gateways_delay_and_cannot_silence(self, two: Sites, ada: Depositor) -> None:
        carried = self.carried(two, ada)
        rng = Random(6)
        crowd = [rng.randbytes(8) for _ in range(1_000)]
        own = max(crowd, key=lambda gate: jitter(gate, carried.identifier))
        assert turn_at(own, crowd, carried, 0.0) <= DOWN_JITTER_S[1] + MAX_DOWN_TURNS * (DOWN_TURN_S + 0.1)

    @pytest.mark.parametrize(
        ("capabilities", "waits"),
        [
            (Capability.BRIDGE, True),
            (Capability.BRIDGE | Capability.GATEWAY, True),
            (Capability.BRIDGE | Capability.PRIVATE_MEDIA, False),
            (0, False),
        ],
        ids=["a gateway", "one with channels", "a phone that bridges", "a phone"],
    )
    def test_whoever_announces_the_bridge_and_is_no_phone_is_waited_for(self, capabilities: int, waits: bool) -> None:
        sites = joined("AB")
        ada = introduced(sites, "A", 1)
        own = sites["B"].engine.site_id
        events = [ada.copy(sites, f"number {number}") for number in range(8)]
        other = Identity.generate(Random(3).randbytes)
        event = next(
            event
            for event in events
            if jitter(other.peer_id, bytes.fromhex(event.event_id)[:16]) < jitter(own, bytes.fromhex(event.event_id)[:16])
        )
        announce = Announce("other", other.noise_public, other.signing_public, capabilities=int(capabilities))
        sites.radio("B", Author(other).signed(MessageType.ANNOUNCE, encode_announce(announce)))
        ada.deposit(sites, "A", event)
        sites.run(TURN_S)
        assert put_down(sites["B"]) == ([] if waits else [event])
        sites.run(DOWN_TURN_S)
        assert put_down(sites["B"]) == [event]


class TestPresence:
    def test_a_presence_crosses_is_counted_and_stays_off_the_radio(self) -> None:
        sites = joined("AB", "BC")
        ada = introduced(sites, "A", 1)
        ada.deposit(sites, "A", ada.events.presence(CELL, EPOCH, bytes(32)))
        sites.run(TURN_S)
        assert [sites[name].engine.consent.carriers.people(sites.now) for name in "ABC"] == [0, 1, 1]
        assert put_down(sites["B"]) == put_down(sites["C"]) == []

    def test_somebody_counts_for_ten_minutes_after_the_last_event(self, two: Sites, ada: Depositor) -> None:
        ada.deposit(two, "A", ada.events.presence(CELL, EPOCH, bytes(32)))
        people = two["B"].engine.consent.carriers.people
        assert people(PARTICIPANT_FRESH_S - 1) == 1
        assert people(PARTICIPANT_FRESH_S) == 0

    def test_no_more_people_are_counted_than_a_phone_counts(self, two: Sites) -> None:
        for number in range(MAX_PARTICIPANTS + 5):
            event = Depositor(1_000 + number).events.presence(CELL, EPOCH, bytes(32))
            two.from_site("B", "A", enveloped(event, two["A"].engine.site_id))
        assert two["B"].engine.consent.carriers.people(two.now) == MAX_PARTICIPANTS == 128
