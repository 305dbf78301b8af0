"""The consent bridge over Nostr relays: what is published, what enters, and what never does either."""

import json
from dataclasses import replace

import pytest

from gateway.bridge import carriers as carriers_module
from gateway.bridge.engine import BridgeMode
from gateway.bridge.place import Place
from gateway.errors import Reason
from gateway.limits import (
    BRIDGE_DOWN_PER_MINUTE,
    EVENT_AGE_S,
    EVENT_CHECKS_PER_MINUTE,
    EVENTS_PER_SIGNER,
    MAX_CARRIER_JSON,
    MAX_DOWN_PENDING,
    MAX_TTL,
    MAX_UPLINKED,
    RELAY_AGAIN_S,
    RELAY_ANSWER_S,
    RELAY_DOWN_SHARE,
    RELAY_EVENTS_PER_MINUTE,
    RELAY_TRIES,
)
from gateway.mesh.effects import Priority
from gateway.mesh.engine import Mesh
from gateway.mesh.events import ClockSet, Remember, Unsent
from gateway.mesh.identity import Identity
from gateway.mesh.records import Decided, EventNoted, Verb
from gateway.mesh.settings import MeshSettings
from gateway.wire.carrier import Direction, decode_carrier
from gateway.wire.envelope import Kind
from gateway.wire.nostr import NostrEvent, bridge_key, decode_event, encode_event
from gateway.wire.nostr_signing import sign_event
from gateway.wire.packet import decode, peek
from gateway.wire.types import MessageType
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
    islands,
    joined,
    put_down,
)
from tests.bridge.relays import PublicRelay
from tests.bridge.sites import EPOCH, Author, Sites, known_identities, vectors
from transports.link import LinkDown, Writable
from transports.nostr.protocol import Word, event_frame

FAR_SITE = b"somebody"


def far(seed: int = 9) -> Depositor:
    """Somebody with internet, on an island of their own."""
    return Depositor(seed, "far away")


def told(sites: Sites, name: str, event: NostrEvent) -> list[tuple[Verb, str, str]]:
    """What `meshgate why` knows of an event and relays."""
    identifier = bytes.fromhex(event.event_id)[:16]
    decided = [notice for notice in sites[name].notices if isinstance(notice, Decided) and notice.subject == identifier]
    return [(one.verb, one.rule or (one.reason or ""), str(one.detail)) for one in decided if one.hop == "nostr"]


def done(sites: Sites, name: str) -> dict[str, int]:
    return dict(sites[name].engine.consent.carriers.counts)


@pytest.fixture
def alone() -> Sites:
    return islands("A")


@pytest.fixture
def relay(alone: Sites) -> PublicRelay:
    return PublicRelay(alone, "A")


@pytest.fixture
def ada(alone: Sites, relay: PublicRelay) -> Depositor:
    return introduced(alone, "A", 1)


class TestUp:
    def test_what_is_deposited_is_published_as_its_author_signed_it(self, alone: Sites, relay: PublicRelay, ada: Depositor) -> None:
        event = ada.copy(alone, "for everybody")
        ada.deposit(alone, "A", event)
        assert relay.published == [event]
        assert done(alone, "A") == {"deposited": 1, "published": 1}
        assert told(alone, "A", event) == [
            (Verb.SENT, "consent", "relay relay.example"),
            (Verb.ACKNOWLEDGED, "", "relay relay.example seconds 0.0"),
        ]

    def test_nothing_but_deposits_is_published(self, alone: Sites, relay: PublicRelay, ada: Depositor) -> None:
        alone.radio("A", ada.packets.say("nearby only"))
        alone.radio("A", ada.packets.announce())
        alone.radio("A", ada.packets.signed(MessageType.FILE, bytes(200)))
        alone.radio("A", copy_packet(Author(Identity.generate(far()._rng.randbytes)), far().copy(alone, "put down by another gateway")))
        alone.run(EVENT_AGE_S)
        assert relay.published == []

    def test_a_copy_heard_on_the_radio_is_not_published_when_somebody_deposits_it(
        self, alone: Sites, relay: PublicRelay, ada: Depositor
    ) -> None:
        event = ada.copy(alone, "from afar")
        alone.radio("A", copy_packet(Author(Identity.generate(far()._rng.randbytes)), event))
        ada.deposit(alone, "A", event)
        assert relay.published == []
        assert drops(alone["A"]) == {Reason.ECHO: 1}

    def test_what_a_relay_brought_is_not_published_when_somebody_deposits_it(
        self, alone: Sites, relay: PublicRelay, ada: Depositor
    ) -> None:
        other = PublicRelay(alone, "A", place="other.example")
        event = far().copy(alone, "from afar")
        relay.bring(event)
        ada.deposit(alone, "A", event)
        assert relay.published == other.published == []
        assert drops(alone["A"]) == {Reason.ECHO: 1}

    def test_what_a_site_brings_is_not_published(self) -> None:
        sites = joined("AB")
        relay = PublicRelay(sites, "B")
        ada = introduced(sites, "A", 1)
        ada.deposit(sites, "A", ada.copy(sites, "my operator has no relay"))
        sites.run(TURN_S)
        assert len(put_down(sites["B"])) == 1
        assert relay.published == []

    def test_a_presence_is_published_too(self, alone: Sites, relay: PublicRelay, ada: Depositor) -> None:
        event = ada.events.presence(CELL, EPOCH, bytes(32))
        ada.deposit(alone, "A", event)
        assert relay.published == [event]

    def test_a_deposit_waits_for_no_site_where_there_is_a_relay_and_sites_get_it_later(self) -> None:
        sites = islands("A", "B")
        PublicRelay(sites, "A")
        ada = introduced(sites, "A", 1)
        event = ada.copy(sites, "both ways")
        ada.deposit(sites, "A", event)
        assert len(sites["A"].engine.consent.unsent) == 0
        sites.join("A", "B")
        sites.run(TURN_S)
        assert put_down(sites["B"]) == [event]

    def test_what_waited_for_anybody_at_all_is_published_when_a_relay_answers(self, alone: Sites) -> None:
        ada = introduced(alone, "A", 1)
        fresh, stale = ada.copy(alone, "fresh"), ada.copy(alone, "stale", age=EVENT_AGE_S - 5)
        for event in (fresh, stale):
            ada.deposit(alone, "A", event)
        assert len(alone["A"].engine.consent.unsent) == 2
        alone.run(10.0)
        relay = PublicRelay(alone, "A")
        assert relay.published == [fresh]
        assert drops(alone["A"])[Reason.EXPIRED] == 1

    def test_a_relay_that_comes_later_gets_what_is_fresh_and_one_that_comes_back_gets_nothing_twice(
        self, alone: Sites, relay: PublicRelay, ada: Depositor
    ) -> None:
        event = ada.copy(alone, "twice is too often")
        ada.deposit(alone, "A", event)
        late = PublicRelay(alone, "A", place="late.example")
        assert late.published == [event]
        for one in (relay, late):
            one.part("A")
            one.join("A")
        alone.run(EVENT_AGE_S)
        assert relay.published == late.published == [event]
        assert done(alone, "A")["published"] == 1

    def test_while_all_relays_are_away_deposits_that_went_to_sites_are_kept_for_them(self) -> None:
        sites = joined("AB")
        relay = PublicRelay(sites, "A")
        relay.part("A")
        ada = introduced(sites, "A", 1)
        event = ada.copy(sites, "later")
        ada.deposit(sites, "A", event)
        sites.run(60.0)
        relay.join("A")
        assert relay.published == [event]

    def test_a_gateway_that_never_had_a_relay_keeps_nothing_for_one(self) -> None:
        sites = joined("AB")
        ada = introduced(sites, "A", 1)
        event = ada.copy(sites, "to sites alone")
        ada.deposit(sites, "A", event)
        assert sites["A"].engine.consent.uplink.waiting == 0
        sites.run(2 * EVENT_AGE_S)
        assert told(sites, "A", event) == []
        assert "unpublished" not in done(sites, "A")


class TestAnswers:
    @pytest.mark.parametrize("word", [Word.BLOCKED, Word.INVALID, Word.POW, Word.RESTRICTED, Word.OTHER])
    def test_what_a_relay_refuses_is_not_called_published_and_not_sent_again(
        self, alone: Sites, relay: PublicRelay, ada: Depositor, word: Word
    ) -> None:
        relay.word = word
        event = ada.copy(alone, "unwanted")
        ada.deposit(alone, "A", event)
        alone.run(EVENT_AGE_S + 60)
        assert relay.published == [event]
        assert done(alone, "A") == {"deposited": 1, "relay_rejected": 1, "unpublished": 1}
        assert told(alone, "A", event) == [
            (Verb.SENT, "consent", "relay relay.example"),
            (Verb.REJECTED, word.value, "relay relay.example"),
            (Verb.DROPPED, Reason.EXPIRED, ""),
        ]

    def test_one_relay_that_takes_it_is_enough(self, alone: Sites, relay: PublicRelay, ada: Depositor) -> None:
        relay.word = Word.BLOCKED
        PublicRelay(alone, "A", place="kind.example")
        ada.deposit(alone, "A", ada.copy(alone, "somewhere"))
        alone.run(EVENT_AGE_S + 60)
        assert done(alone, "A") == {"deposited": 1, "published": 1, "relay_rejected": 1}

    def test_a_relay_that_has_it_already_has_it_whatever_it_calls_that(self, alone: Sites, relay: PublicRelay, ada: Depositor) -> None:
        relay.word = Word.DUPLICATE
        ada.deposit(alone, "A", ada.copy(alone, "known"))
        assert done(alone, "A")["published"] == 1

    @pytest.mark.parametrize("word", [Word.RATE_LIMITED, Word.ERROR, Word.AUTH_REQUIRED])
    def test_a_relay_that_could_not_take_it_then_is_asked_again_and_not_for_ever(
        self, alone: Sites, relay: PublicRelay, ada: Depositor, word: Word
    ) -> None:
        relay.word = word
        event = ada.copy(alone, "again")
        ada.deposit(alone, "A", event)
        alone.run(RELAY_AGAIN_S - 1)
        assert len(relay.published) == 1
        alone.run(1)
        assert len(relay.published) == 2
        alone.run(EVENT_AGE_S)
        assert len(relay.published) == RELAY_TRIES
        assert [verb for verb, _, _ in told(alone, "A", event)] == [Verb.SENT, Verb.REJECTED, Verb.DROPPED]

    def test_a_relay_that_recovers_gets_it_once(self, alone: Sites, relay: PublicRelay, ada: Depositor) -> None:
        relay.word = Word.RATE_LIMITED
        ada.deposit(alone, "A", ada.copy(alone, "again"))
        relay.word = None
        alone.run(EVENT_AGE_S)
        assert len(relay.published) == 2
        assert done(alone, "A") == {"deposited": 1, "published": 1, "relay_rejected": 1}

    def test_a_relay_that_does_not_answer_is_asked_again_and_never_believed(self, alone: Sites, relay: PublicRelay, ada: Depositor) -> None:
        relay.answers = False
        event = ada.copy(alone, "hello?")
        ada.deposit(alone, "A", event)
        alone.run(RELAY_ANSWER_S + RELAY_AGAIN_S - 1)
        assert len(relay.published) == 1
        alone.run(1)
        assert len(relay.published) == 2
        alone.run(EVENT_AGE_S)
        assert len(relay.published) == RELAY_TRIES
        assert done(alone, "A") == {"deposited": 1, "relay_unanswered": RELAY_TRIES, "unpublished": 1}
        assert [verb for verb, _, _ in told(alone, "A", event)] == [Verb.SENT, Verb.LOST, Verb.DROPPED]

    def test_a_relay_that_hung_up_without_an_answer_gets_it_again(self, alone: Sites, relay: PublicRelay, ada: Depositor) -> None:
        relay.answers = False
        event = ada.copy(alone, "did you hear?")
        ada.deposit(alone, "A", event)
        relay.part("A")
        relay.answers = True
        relay.join("A")
        assert relay.published == [event, event]
        assert done(alone, "A")["published"] == 1

    def test_an_answer_to_nothing_is_counted_and_means_nothing(self, alone: Sites, relay: PublicRelay, ada: Depositor) -> None:
        event = ada.copy(alone, "asked once")
        relay.answer("A", event, accepted=True)
        ada.deposit(alone, "A", event)
        for accepted in (True, False):
            relay.answer("A", event, accepted)
        assert drops(alone["A"]) == {Reason.UNSOLICITED: 3, Reason.ECHO: 1}
        assert done(alone, "A") == {"deposited": 1, "published": 1}

    def test_one_relay_cannot_answer_for_another(self, alone: Sites, relay: PublicRelay, ada: Depositor) -> None:
        relay.answers = False
        event = ada.copy(alone, "to one alone")
        ada.deposit(alone, "A", event)
        liar = PublicRelay(alone, place="liar.example")
        alone["A"].engine.consent.uplink.up(liar.link)
        liar.answer("A", event, accepted=True)
        assert done(alone, "A").get("published", 0) == 0

    def test_no_more_is_kept_for_relays_than_the_cap_and_the_oldest_is_given_up(self, alone: Sites, relay: PublicRelay) -> None:
        relay.part("A")
        uplink = alone["A"].engine.consent.uplink
        author = far()
        effects: list = []
        for number in range(MAX_UPLINKED + 2):
            event = author.copy(alone, f"{number}")
            carried = carriers_module.examine_event(encode_event(event), {CELL}, (), EPOCH * 1000)
            uplink.publish(carried, effects, alone.now, EPOCH * 1000)
        assert uplink.waiting == MAX_UPLINKED
        assert [(one.verb, one.reason) for one in effects] == [(Verb.DROPPED, Reason.QUEUE_FULL)] * 2


class TestDown:
    def test_an_event_of_our_cells_or_a_channel_is_put_down(self, alone: Sites, relay: PublicRelay) -> None:
        here, near = far().copy(alone, "here"), far().copy(alone, "over the edge", cell="u4pruz")
        channel = far().events.channel_message(CHANNEL, EPOCH, "in the channel", bytes(32))
        for event in (here, near, channel):
            relay.bring(event)
        alone.run(TURN_S)
        assert sorted(carriers_of(alone["A"]), key=lambda one: one[1].content) == [
            (Direction.FROM_BRIDGE, here),
            (Direction.FROM_GATEWAY, channel),
            (Direction.FROM_BRIDGE, near),
        ]
        assert done(alone, "A") == {"relayed": 3, "put_down": 3}
        assert drops(alone["A"]) == {}

    def test_one_that_names_cells_far_away_first_is_judged_by_the_first(self, alone: Sites, relay: PublicRelay) -> None:
        author = far()
        key = bridge_key(author.events.seed, CELL)
        for tags in ((("r", "zzzzzz"), ("r", CELL)), (("r",),), (("r", ""),), (("x", CELL),), ()):
            relay.bring(sign_event(20_000, tags, "where?", EPOCH, key, bytes(32)))
        alone.run(TURN_S)
        assert put_down(alone["A"]) == []
        assert drops(alone["A"]) == {Reason.CELL: 5}

    def test_what_is_not_of_the_bridge_is_refused_before_a_signature_is_checked(
        self, alone: Sites, relay: PublicRelay, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        checked = []
        monkeypatch.setattr(carriers_module, "is_authentic", lambda event: checked.append(event) or True)
        event = far().copy(alone, "good")
        relay.bring(replace(event, kind=1))
        relay.bring(replace(event, content="  "))
        relay.bring(replace(event, content="x" * (MAX_CARRIER_JSON - 300)))
        relay.bring(replace(event, content="x" * 16_001))
        relay.bring(replace(event, created_at=EPOCH - int(EVENT_AGE_S) - 5))
        relay.bring(replace(event, created_at=EPOCH + int(EVENT_AGE_S) + 5))
        relay.bring(replace(event, kind=20_001))
        relay.bring_bytes("A", event_frame(b"{}"))
        relay.bring_bytes("A", event_frame(b"no JSON"))
        relay.bring_bytes("A", b"no frame")
        assert checked == []
        assert drops(alone["A"]) == {Reason.FIELD: 6, Reason.OVERSIZED: 2, Reason.EXPIRED: 1, Reason.WINDOW: 1}
        relay.bring(event)
        relay.bring(event)
        assert len(checked) == 1

    def test_a_forged_event_is_refused_told_and_spoils_nothing(self, alone: Sites, relay: PublicRelay) -> None:
        event = far().copy(alone, "true words")
        relay.bring(replace(event, sig=event.sig[::-1]))
        relay.bring(replace(event, content="other words"))
        assert drops(alone["A"]) == {Reason.SIGNATURE: 2}
        assert (Verb.REFUSED, "consent", "relay relay.example") in told(alone, "A", event)
        relay.bring(event)
        alone.run(TURN_S)
        assert put_down(alone["A"]) == [event]

    def test_nothing_unsigned_comes_along(self, alone: Sites, relay: PublicRelay) -> None:
        event = far().copy(alone, "as signed")
        written = json.loads(encode_event(event)) | {"smuggled": "contraband"}
        relay.bring_bytes("A", event_frame(json.dumps(written).encode()))
        alone.run(TURN_S)
        assert put_down(alone["A"]) == [event]
        assert not any(b"contraband" in frame for frame in alone["A"].air)

    def test_what_was_deposited_here_comes_back_and_stays_off_the_radio(self, alone: Sites, relay: PublicRelay, ada: Depositor) -> None:
        event = ada.copy(alone, "said here")
        ada.deposit(alone, "A", event)
        alone.run(TURN_S)
        assert relay.published == [event]
        assert put_down(alone["A"]) == []
        assert drops(alone["A"]) == {Reason.ECHO: 1}

    def test_several_relays_and_replays_make_one_copy(self, alone: Sites, relay: PublicRelay) -> None:
        other = PublicRelay(alone, "A", place="other.example")
        event = far().copy(alone, "once")
        for _ in range(4):
            relay.bring(event)
            other.bring(event)
            alone.run(TURN_S)
        assert put_down(alone["A"]) == [event]
        assert relay.published == other.published == []

    def test_another_gateways_copy_calls_ours_off(self, alone: Sites, relay: PublicRelay) -> None:
        event = far().copy(alone, "who is quicker?")
        relay.bring(event)
        alone.radio("A", copy_packet(Author(Identity.generate(far(5)._rng.randbytes)), event))
        alone.run(TURN_S)
        assert put_down(alone["A"]) == []

    def test_the_copy_of_what_was_heard_on_the_radio_is_not_put_down_and_its_author_is_of_this_island(
        self, alone: Sites, relay: PublicRelay, ada: Depositor
    ) -> None:
        frame = ada.packets.say("I have internet too")
        alone.radio("A", frame)
        relay.bring(ada.events.message(CELL, ada.peer_id, peek(frame).timestamp_ms, "I have internet too", bytes(32)))
        alone.run(TURN_S)
        assert put_down(alone["A"]) == []
        assert alone["A"].engine.consent.carriers.people(alone.now) == 0

    def test_a_presence_is_counted_and_stays_off_the_radio(self, alone: Sites, relay: PublicRelay) -> None:
        relay.bring(far().events.presence(CELL, EPOCH, bytes(32)))
        alone.run(TURN_S)
        assert put_down(alone["A"]) == []
        assert alone["A"].engine.consent.carriers.people(alone.now) == 1

    @pytest.mark.parametrize("mode", [BridgeMode.OFF, BridgeMode.OPEN])
    def test_in_another_mode_relays_are_of_no_use(self, mode: BridgeMode) -> None:
        sites = islands("A", mode=mode)
        relay = PublicRelay(sites, "A")
        ada = introduced(sites, "A", 1)
        relay.bring(far().copy(sites, "in vain"))
        ada.deposit(sites, "A", ada.copy(sites, "in vain too"))
        sites.run(TURN_S)
        assert put_down(sites["A"]) == relay.published == []
        assert drops(sites["A"]) == {Reason.BRIDGE_OFF: 1 if mode is BridgeMode.OFF else 2}

    def test_before_the_clock_is_set_nothing_enters_and_then_what_was_kept_goes_up(self) -> None:
        sites = Sites("A", mode=BridgeMode.CONSENT, place=Place(CELL))
        engine = sites["A"].engine
        unset = Mesh(engine.mesh.identity, far()._rng, MeshSettings(nickname="A"))
        fresh = type(engine)(unset, BridgeMode.CONSENT, Place(CELL))
        sites["A"].engine = fresh
        relay = PublicRelay(sites, "A")
        event = far().copy(sites, "what time is it?")
        relay.bring(event)
        assert drops(sites["A"]) == {Reason.CLOCK: 1}
        wake = fresh.next_wakeup()
        assert wake is None or wake > float("-inf")
        sites.give("A", ClockSet(float(EPOCH)))
        relay.bring(event)
        sites.run(TURN_S)
        assert done(sites, "A")["put_down"] == 1


def test_what_happens_to_a_relays_link_concerns_nobody_else(alone: Sites, relay: PublicRelay) -> None:
    engine = alone["A"].engine
    before = engine.mesh.status(alone.now)
    for event in (Writable(relay.link), Unsent(relay.link, ((b"frame", Priority.PUBLIC),)), LinkDown(relay.link, "it hung up")):
        assert engine.handle(event, alone.now) == []
    assert engine.mesh.status(alone.now).links == before.links
    assert relay.link not in engine.consent.uplink


class TestBudgets:
    def test_relays_have_a_budget_that_leaves_checks_for_sites_and_depositors(self, alone: Sites, relay: PublicRelay) -> None:
        assert EVENT_CHECKS_PER_MINUTE - RELAY_EVENTS_PER_MINUTE >= 480
        ada = introduced(alone, "A", 1)
        for number in range(RELAY_EVENTS_PER_MINUTE + 5):
            event = far(100 + number % 50).copy(alone, f"{number}")
            relay.bring(replace(event, sig=event.sig[::-1]))
        assert drops(alone["A"]) == {Reason.SIGNATURE: RELAY_EVENTS_PER_MINUTE, Reason.RATE: 5}
        ada.deposit(alone, "A", ada.copy(alone, "from here"))
        assert done(alone, "A")["deposited"] == 1

    def test_one_signer_has_a_share(self, alone: Sites, relay: PublicRelay) -> None:
        author = far()
        for number in range(EVENTS_PER_SIGNER + 3):
            relay.bring(author.copy(alone, f"{number}"))
        assert drops(alone["A"])[Reason.RATE] == 3

    def test_a_crowd_on_the_internet_does_not_crowd_out_what_sites_bring(self) -> None:
        sites = joined("AB")
        relay = PublicRelay(sites, "A")
        for number in range(2 * MAX_DOWN_PENDING):
            relay.bring(far(100 + number).copy(sites, f"crowd {number}"))
        ben = introduced(sites, "B", 2)
        events = [ben.copy(sites, f"member {number}") for number in range(5)]
        for event in events:
            ben.deposit(sites, "B", event)
        for number in range(MAX_DOWN_PENDING):
            relay.bring(far(300 + number).copy(sites, f"late crowd {number}"))
        sites.run(TURN_S)
        texts = [event.content for event in put_down(sites["A"])]
        assert len(texts) == BRIDGE_DOWN_PER_MINUTE
        assert {event.content for event in events} <= set(texts)

    def test_where_no_site_is_linked_relays_have_the_whole_minute_and_what_waits_follows(self, alone: Sites, relay: PublicRelay) -> None:
        for number in range(MAX_DOWN_PENDING):
            relay.bring(far(100 + number).copy(alone, f"{number}"))
        alone.run(TURN_S)
        assert len(put_down(alone["A"])) == BRIDGE_DOWN_PER_MINUTE
        alone.run(60.0)
        assert len(put_down(alone["A"])) == MAX_DOWN_PENDING

    def test_what_yields_to_sites_follows_in_the_next_minute(self) -> None:
        sites = joined("AB")
        relay = PublicRelay(sites, "A")
        for number in range(BRIDGE_DOWN_PER_MINUTE):
            relay.bring(far(100 + number).copy(sites, f"{number}"))
        sites.run(TURN_S)
        assert len(put_down(sites["A"])) == BRIDGE_DOWN_PER_MINUTE * RELAY_DOWN_SHARE
        sites.run(60.0)
        assert len(put_down(sites["A"])) == BRIDGE_DOWN_PER_MINUTE


class TestSitesBesides:
    def test_what_a_relay_brings_is_for_this_island_alone(self) -> None:
        sites = joined("AB")
        relay = PublicRelay(sites, "A")
        relay.bring(far().copy(sites, "to the cell"))
        sites.run(EVENT_AGE_S)
        assert len(put_down(sites["A"])) == 1
        assert put_down(sites["B"]) == crossings(sites, Kind.EVENT) == crossings(sites, Kind.OFFER) == []

    def test_what_a_relay_brought_first_is_passed_on_when_a_site_brings_it(self) -> None:
        sites = joined("AB", "BC")
        relay = PublicRelay(sites, "B")
        event = far().copy(sites, "two ways")
        relay.bring(event)
        sites.run(TURN_S)
        sites.from_site("B", "A", enveloped(event, sites["A"].engine.site_id))
        sites.run(TURN_S)
        assert put_down(sites["B"]) == put_down(sites["C"]) == [event]

    def test_also_while_it_waits_for_the_radio_and_after_a_restart(self) -> None:
        sites = joined("AB", "BC")
        event = far().copy(sites, "two ways")
        PublicRelay(sites, "B").bring(event)
        sites.from_site("B", "A", enveloped(event, sites["A"].engine.site_id))
        sites.run(TURN_S)
        assert put_down(sites["B"]) == put_down(sites["C"]) == [event]

        before = islands("A", "B")
        PublicRelay(before, "B").bring(event)
        before.run(TURN_S)
        assert put_down(before["B"]) == [event]
        again = islands("A", "B", "C", identities={"B": before["B"].engine.mesh.identity})
        noted = tuple(notice for notice in before["B"].notices if isinstance(notice, EventNoted))
        again.run(10.0)
        again.give("B", Remember((), noted))
        relay = PublicRelay(again, "B")
        relay.bring(event)
        assert drops(again["B"]) == {Reason.ECHO: 1}
        again.join("A", "B")
        again.join("B", "C")
        again.from_site("B", "A", enveloped(event, again["A"].engine.site_id))
        again.run(TURN_S)
        assert put_down(again["B"]) == []
        assert put_down(again["C"]) == [event]

    def test_a_ring_joined_twice_with_two_relays_everywhere_makes_one_copy_on_each_island_and_one_on_each_relay(self) -> None:
        pairs = ("AB", "BC", "CD", "DE", "EF", "FA", "AD", "BE")
        sites = joined(*pairs)
        relays = [PublicRelay(sites, *"ABCDEF", place=f"relay{number}.example") for number in range(2)]
        ada = introduced(sites, "A", 1)
        event = ada.copy(sites, "once for everybody")
        ada.deposit(sites, "A", event)
        for relay in relays:
            relay.bring(event)
        sites.run(EVENT_AGE_S)
        assert {name: put_down(sites[name]) for name in "ABCDEF"} == {name: [] if name == "A" else [event] for name in "ABCDEF"}
        assert [relay.published for relay in relays] == [[event], [event]]
        assert len(crossings(sites, Kind.EVENT)) <= 2 * len(pairs)


GOLDEN = {vector["direction"]: vector for vector in vectors("bridge") if vector["kind"] == "nostr_carrier" and "direction" in vector}


@pytest.mark.parametrize("way", ["toBridge", "toGateway"])
def test_a_golden_deposit_reaches_another_island_over_a_relay_alone(way: str) -> None:
    vector = GOLDEN[way]
    frame = bytes.fromhex(vector["packet_wire"])
    header, identities = peek(frame), known_identities()
    place = Place(CELL, frozenset({vector["geohash"]}))
    sites = islands("A", "B", identities={"A": identities[vector["packet_recipient"]]}, place=place)
    sites.set_clock(header.timestamp_ms / 1000 + 1)
    relay = PublicRelay(sites, "A", "B")
    sites.radio("A", Author(identities[header.sender_id.hex()], header.timestamp_ms - 5_000).announce("alice"))
    sites.radio("A", frame)
    sites.run(TURN_S)
    deposited = decode_carrier(bytes.fromhex(vector["payload"]))
    assert relay.published == [decode_event(deposited.event)]
    (left,) = [other for other in sites["B"].air if other[1] == MessageType.NOSTR_CARRIER]
    put = decode_carrier(decode(left).payload)
    assert (peek(left).ttl, peek(left).recipient_id, peek(left).has_signature) == (MAX_TTL, None, False)
    assert (put.direction, put.geohash, put.event) == (Direction[_UPSTREAM[way]], vector["geohash"], deposited.event)
    assert put_down(sites["A"]) == []


_UPSTREAM = {"toBridge": "FROM_BRIDGE", "toGateway": "FROM_GATEWAY"}
