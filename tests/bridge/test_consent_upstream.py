"""The rest of upstream's rules: what a copy looks like, what is never carried, what each check costs wherever an event comes from."""

import json
from dataclasses import replace
from random import Random

import pytest

from gateway.bridge import carriers as carriers_module
from gateway.errors import Reason
from gateway.limits import EVENT_AGE_S, EVENTS_PER_SIGNER, MAX_GEOHASH, RADIO_COPIES_PER_MINUTE
from gateway.mesh.effects import Heard
from gateway.mesh.engine import Mesh
from gateway.mesh.events import ClockSet, Say
from gateway.mesh.identity import Identity
from gateway.mesh.settings import MeshSettings
from gateway.mesh.speaker import OWN
from gateway.testing.bridging import Bridged, BridgingPhone
from gateway.wire.announce import Announce, encode_announce
from gateway.wire.carrier import Direction
from gateway.wire.deflate import should_compress
from gateway.wire.envelope import Kind
from gateway.wire.nostr import bridge_key, decode_event
from gateway.wire.nostr_signing import is_authentic, sign_event
from gateway.wire.packet import decode, peek
from gateway.wire.types import Capability, MessageType
from tests.bridge.islands import CELL, TURN_S, Depositor, copy_packet, crossings, drops, enveloped, introduced, joined, put_down
from tests.bridge.relays import PublicRelay
from tests.bridge.sites import EPOCH, RADIO, Author, Sites, vectors
from transports.link import Capability as Link
from transports.link import FrameReceived, LinkUp

DROP = next(vector["event"] for vector in vectors("bridge") if vector["kind"] == "courier_drop")


@pytest.fixture
def two() -> Sites:
    return joined("AB")


@pytest.fixture
def ada(two: Sites) -> Depositor:
    return introduced(two, "A", 1)


@pytest.fixture
def gate() -> Author:
    return Author(Identity.generate(Random(77).randbytes))


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The IDs of the events whose signature was checked."""
    checks: list[str] = []
    monkeypatch.setattr(carriers_module, "is_authentic", lambda event: bool(checks.append(event.event_id)) or is_authentic(event))
    return checks


class Phone:
    """A phone with the bridge switched on, beside a gateway that announces it."""

    def __init__(self, *, nearby_only: bool) -> None:
        rng = Random(5)
        self.phone = BridgingPhone(Mesh(Identity.generate(rng.randbytes), rng, MeshSettings("phone", jitter=False, sync=False)), Random(6))
        self.phone.nearby_only = nearby_only
        self.gate = Author(Identity.generate(Random(7).randbytes))
        self.give(ClockSet(float(EPOCH)))
        self.give(LinkUp(RADIO, 1_300_000, Link.LOCAL | Link.BROADCAST))
        identity = self.gate.identity
        announce = Announce("gate", identity.noise_public, identity.signing_public, capabilities=Capability.BRIDGE, bridge_geohash=CELL)
        self.hear(self.gate.signed(MessageType.ANNOUNCE, encode_announce(announce)))

    def give(self, event: object) -> list[object]:
        return list(self.phone.handle(event, 1.0))

    def hear(self, frame: bytes) -> list[object]:
        return self.give(FrameReceived(RADIO, frame))

    def say(self, text: str) -> bytes:
        """Say something; the packet that goes out on the radio."""
        (said,) = [
            effect
            for effect in self.give(Say(text))
            if isinstance(effect, Heard) and effect.link == OWN and effect.header.type == MessageType.MESSAGE
        ]
        return said.frame


class TestConsent:
    def test_the_radio_packet_is_the_same_whether_its_author_signs_a_copy_or_not(self) -> None:
        with_copy, nearby_only = Phone(nearby_only=False), Phone(nearby_only=True)
        assert with_copy.say("hello") == nearby_only.say("hello")
        assert list(with_copy.phone.deposits) == ["hello"]
        assert nearby_only.phone.deposits == {}

    def test_who_only_speaks_nearby_still_hears_other_islands(self, two: Sites, ada: Depositor) -> None:
        phone = Phone(nearby_only=True)
        heard = phone.hear(copy_packet(phone.gate, ada.copy(two, "from afar")))
        assert [effect.text for effect in heard if isinstance(effect, Bridged)] == ["from afar"]


class TestPackets:
    def test_what_is_put_down_is_compressed_as_any_packet_is(self, two: Sites, ada: Depositor) -> None:
        ada.deposit(two, "A", ada.copy(two, "again and again " * 40))
        two.run(TURN_S)
        (left,) = [frame for frame in two["B"].air if frame[1] == MessageType.NOSTR_CARRIER]
        assert should_compress(decode(left).payload)
        assert peek(left).is_compressed
        assert len(left) < len(decode(left).payload) / 2

    @pytest.mark.parametrize("place", ["", "u4pruai", "U4PRUY", "u" * (MAX_GEOHASH + 1)])
    def test_a_place_is_a_geohash_of_at_most_twelve_characters(self, two: Sites, ada: Depositor, place: str) -> None:
        payload = b"\x01\x00\x01\x03\x02" + len(place).to_bytes(2) + place.encode() + b"\x03\x00\x02{}"
        ada.hand_in(two, "A", payload)
        assert drops(two["A"]).keys() <= {Reason.FIELD, Reason.OVERSIZED}
        assert sum(drops(two["A"]).values()) == 1


class TestKinds:
    @pytest.mark.parametrize("kind", [0, 1, 13, 14, 1059, 1401, 19_999, 20_002])
    def test_nothing_but_messages_and_presences_is_carried_wherever_it_comes_from(
        self, two: Sites, ada: Depositor, gate: Author, kind: int
    ) -> None:
        event = sign_event(kind, (("r", CELL),), "of another kind", EPOCH, bridge_key(ada.events.seed, CELL), bytes(32))
        ada.deposit(two, "A", event)
        two.radio("A", copy_packet(gate, event))
        two.from_site("A", "B", enveloped(event, b"somebody"))
        assert drops(two["A"]) == {Reason.FIELD: 3}
        assert crossings(two, Kind.EVENT) == []

    def test_a_golden_courier_drop_is_not_carried(self, two: Sites) -> None:
        event = decode_event(json.dumps(DROP).encode())
        two.set_clock(event.created_at)
        two.from_site("A", "B", enveloped(event, b"somebody"))
        PublicRelay(two, "A").bring(event)
        assert crossings(two, Kind.EVENT) == []
        assert drops(two["A"]) == {Reason.FIELD: 1, Reason.CELL: 1}

    def test_a_presence_says_nothing_and_a_channel_has_none(self, two: Sites, ada: Depositor) -> None:
        key = bridge_key(ada.events.seed, CELL)
        ada.deposit(two, "A", sign_event(20_001, (("r", CELL),), "but I do", EPOCH, key, bytes(32)))
        channel = sign_event(20_001, (("g", "u4pru"),), "", EPOCH, key, bytes(32))
        ada.deposit(two, "A", channel, cell="u4pru", way=Direction.TO_GATEWAY)
        assert drops(two["A"]) == {Reason.FIELD: 2}

    @pytest.mark.parametrize("text", ["", " ", "\n\t\u2003"])
    def test_a_message_has_something_to_read(self, two: Sites, ada: Depositor, text: str) -> None:
        ada.deposit(two, "A", ada.copy(two, text))
        assert drops(two["A"]) == {Reason.FIELD: 1}


class TestOrder:
    """Decode, structure, kind, tag, age; known; rate; signature: for what sites bring and for what is heard as for deposits."""

    def test_what_a_site_brings_in_vain_costs_no_signature_check(self, two: Sites, ada: Depositor, checked: list[str]) -> None:
        good = ada.copy(two, "good")
        two.from_site("B", "A", enveloped(good, b"somebody"))
        assert len(checked) == 1
        for wrong in (replace(good, kind=1), ada.copy(two, "old", age=EVENT_AGE_S + 5)):
            two.from_site("B", "A", enveloped(wrong, b"somebody"))
        two.from_site("B", "A", enveloped(good, b"somebody", cell="u4pruz"))
        two.from_site("B", "A", enveloped(good, b"somebody", packet_id=bytes(16)))
        two.from_site("B", "A", enveloped(good, b"somebody"))
        two.from_site("B", "A", enveloped(good, b"somebody", body=b"\x01"))
        assert len(checked) == 1
        for number in range(EVENTS_PER_SIGNER - 1):
            two.from_site("B", "A", enveloped(ada.copy(two, f"{number}"), b"somebody"))
        paid = len(checked)
        two.from_site("B", "A", enveloped(ada.copy(two, "one too many"), b"somebody"))
        assert len(checked) == paid
        assert drops(two["B"])[Reason.RATE] == 1

    def test_what_is_heard_in_vain_costs_no_signature_check(self, two: Sites, ada: Depositor, gate: Author, checked: list[str]) -> None:
        good = ada.copy(two, "good")
        two.radio("B", copy_packet(gate, good))
        assert len(checked) == 1
        for wrong in (good, replace(good, kind=1), ada.copy(two, "old", age=EVENT_AGE_S + 5)):
            two.radio("B", copy_packet(gate, wrong))
        two.radio("B", copy_packet(gate, good, cell="u4pruz"))
        assert len(checked) == 1
        for number in range(RADIO_COPIES_PER_MINUTE - 1):
            two.radio("B", copy_packet(gate, ada.copy(two, f"{number}")))
        paid = len(checked)
        two.radio("B", copy_packet(gate, ada.copy(two, "one too many")))
        assert len(checked) <= paid
        assert drops(two["B"])[Reason.RATE] >= 1

    def test_a_site_that_forges_costs_itself_and_spoils_nothing(self, two: Sites, ada: Depositor) -> None:
        event = ada.copy(two, "true words")
        two.from_site("B", "A", enveloped(replace(event, sig=event.sig[::-1]), b"somebody"))
        two.from_site("B", "A", enveloped(event, b"somebody"))
        two.run(TURN_S)
        assert put_down(two["B"]) == [event]
