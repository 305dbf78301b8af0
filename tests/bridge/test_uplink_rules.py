"""The operator's rules and Nostr relays: what they forbid neither goes up nor comes in, and air time is paid for what does."""

from dataclasses import replace

import pytest

from gateway.bridge.policy import BUILT_IN, HERE, NOSTR, Action, Direction, Kind, Limit, Per, Policy, Rule, mark_of
from gateway.bridge.policy_trial import dry_run, pasts_of
from gateway.errors import Reason
from gateway.limits import CREDIT_SITE_MS, EVENT_AGE_S, RELAY_AGAIN_S
from gateway.mesh.records import Decided, Judged, Verb
from gateway.store.shapes import Shape
from gateway.wire.nostr import NostrEvent
from tests.bridge.islands import TURN_S, Depositor, drops, introduced, islands, joined, put_down
from tests.bridge.relays import PublicRelay
from tests.bridge.sites import Sites


def denying(name: str, **asked: object) -> Policy:
    return Policy(Action.ALLOW, (Rule(name, Action.DENY, **asked),))


NOT_UP = denying("nothing to strangers", targets=frozenset({NOSTR}))
NOT_DOWN = denying("nothing from strangers", origins=frozenset({NOSTR}))


def told(sites: Sites, event: NostrEvent) -> list[tuple[Verb, str, Reason | None]]:
    """What `meshgate why` knows of an event and relays."""
    name = bytes.fromhex(event.event_id)[:16]
    decided = [one for one in sites["A"].notices if isinstance(one, Decided) and one.subject == name and one.hop == "nostr"]
    return [(one.verb, one.rule, one.reason) for one in decided]


def judged(sites: Sites, event: NostrEvent) -> list[Judged]:
    name = bytes.fromhex(event.event_id)[:16]
    return [one for one in sites["A"].notices if isinstance(one, Judged) and one.packet_id == name]


def shape_of(record: Judged) -> Shape:
    """What the store keeps of a record."""
    return Shape(
        record.packet_id, 0, record.kind, record.size, record.directed, record.signed, b"", record.via, record.verdict, record.sites
    )


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
    @pytest.mark.parametrize(
        "policy",
        [
            NOT_UP,
            denying("nothing to strangers", kinds=frozenset({Kind.CARRIER})),
            denying("nothing to strangers", direction=Direction.OUT),
            denying("nothing to strangers", origins=frozenset({HERE})),
            Policy(Action.DENY, (Rule("only to B", Action.ALLOW, targets=frozenset({b"B"})),)),
        ],
    )
    def test_what_a_rule_keeps_from_relays_is_not_published_and_the_rule_is_named(
        self, alone: Sites, relay: PublicRelay, ada: Depositor, policy: Policy
    ) -> None:
        alone["A"].engine.gate.use(policy)
        event = ada.copy(alone, "not for the internet")
        ada.deposit(alone, "A", event)
        alone.run(RELAY_AGAIN_S * 3)
        assert relay.published == []
        rule = policy.rules[0].name if policy.default is Action.ALLOW else "default"
        assert told(alone, event) == [(Verb.STAYED, rule, Reason.POLICY)]
        assert drops(alone["A"])[Reason.POLICY] >= 1
        assert [(one.verdict, one.sites) for one in judged(alone, event)] == [("policy", ((mark_of(NOSTR), "policy"),))]

    def test_a_site_still_gets_what_only_relays_may_not_have(self) -> None:
        sites = joined("AB")
        relay = PublicRelay(sites, "A")
        sites["A"].engine.gate.use(NOT_UP)
        ada = introduced(sites, "A", 1)
        event = ada.copy(sites, "for members")
        ada.deposit(sites, "A", event)
        sites.run(TURN_S)
        assert put_down(sites["B"]) == [event]
        assert relay.published == []

    def test_what_was_denied_is_published_once_other_rules_let_it_while_it_is_fresh(
        self, alone: Sites, relay: PublicRelay, ada: Depositor
    ) -> None:
        alone["A"].engine.gate.use(NOT_UP)
        event = ada.copy(alone, "later")
        ada.deposit(alone, "A", event)
        alone.run(RELAY_AGAIN_S)
        alone["A"].engine.gate.use(BUILT_IN)
        alone.run(RELAY_AGAIN_S)
        assert relay.published == [event]

    def test_a_relay_that_comes_up_after_the_rules_were_tightened_gets_nothing(
        self, alone: Sites, relay: PublicRelay, ada: Depositor
    ) -> None:
        event = ada.copy(alone, "for whoever is there now")
        ada.deposit(alone, "A", event)
        alone["A"].engine.gate.use(NOT_UP)
        late = PublicRelay(alone, "A", place="late.example")
        alone.run(RELAY_AGAIN_S * 2)
        assert relay.published == [event]
        assert late.published == []

    def test_what_a_rule_kept_until_it_was_stale_was_not_lost_for_want_of_a_relay(self, alone: Sites, ada: Depositor) -> None:
        alone["A"].engine.gate.use(NOT_UP)
        event = ada.copy(alone, "never")
        ada.deposit(alone, "A", event)
        assert alone["A"].engine.consent.uplink.waiting == 0
        alone.run(EVENT_AGE_S + RELAY_AGAIN_S)
        assert Verb.DROPPED not in [verb for verb, _, _ in told(alone, event)]
        assert alone["A"].engine.consent.carriers.counts["unpublished"] == 0

    def test_a_limit_counts_an_event_once_however_many_relays_there_are_and_delays_the_rest(
        self, alone: Sites, relay: PublicRelay, ada: Depositor
    ) -> None:
        other = PublicRelay(alone, "A", place="other.example")
        limit = Rule("two a minute", Action.LIMIT, targets=frozenset({NOSTR}), limit=Limit(2, None, Per.ALL))
        alone["A"].engine.gate.use(Policy(Action.ALLOW, (limit,)))
        events = [ada.copy(alone, f"number {number}") for number in range(3)]
        for event in events:
            ada.deposit(alone, "A", event)
        assert relay.published == other.published == events[:2]
        assert told(alone, events[2]) == [(Verb.STAYED, "two a minute", Reason.POLICY_LIMIT)]
        alone.run(60)
        assert relay.published == other.published == events

    def test_while_no_relay_is_there_nothing_is_asked_and_no_limit_used_up(self, alone: Sites, relay: PublicRelay, ada: Depositor) -> None:
        relay.part("A")
        alone["A"].engine.gate.use(NOT_UP)
        ada.deposit(alone, "A", ada.copy(alone, "waits"))
        alone.run(RELAY_AGAIN_S)
        assert Reason.POLICY not in drops(alone["A"])


class TestDown:
    @pytest.mark.parametrize("policy", [NOT_DOWN, denying("nothing from strangers", direction=Direction.IN)])
    def test_what_a_rule_keeps_out_does_not_get_in_and_the_rule_is_named_once(
        self, alone: Sites, relay: PublicRelay, policy: Policy
    ) -> None:
        alone["A"].engine.gate.use(policy)
        other = PublicRelay(alone, "A", place="other.example")
        event = Depositor(9).copy(alone, "from the internet")
        relay.bring(event)
        other.bring(event)
        alone.run(TURN_S)
        assert put_down(alone["A"]) == []
        assert told(alone, event) == [(Verb.REFUSED, "nothing from strangers", Reason.POLICY)]
        assert drops(alone["A"]) == {Reason.POLICY: 2}
        assert [(one.verdict, one.via) for one in judged(alone, event)] == [("policy", mark_of(NOSTR))]

    def test_a_site_may_bring_what_relays_may_not(self) -> None:
        sites = joined("AB")
        relay = PublicRelay(sites, "A")
        sites["A"].engine.gate.use(NOT_DOWN)
        bob = introduced(sites, "B", 2)
        event = bob.copy(sites, "from a member")
        relay.bring(event)
        bob.deposit(sites, "B", event)
        sites.run(TURN_S)
        assert put_down(sites["A"]) == [event]

    def test_forged_events_use_up_no_limit_and_nobodys_air(self, alone: Sites, relay: PublicRelay) -> None:
        limit = Rule("one a minute", Action.LIMIT, origins=frozenset({NOSTR}), limit=Limit(1, None, Per.ALL))
        alone["A"].engine.gate.use(Policy(Action.ALLOW, (limit,)))
        event = Depositor(9).copy(alone, "true words")
        relay.bring(replace(event, sig=event.sig[::-1]))
        assert alone["A"].engine.gate.credits.status(alone.now) == ()
        relay.bring(event)
        later = Depositor(8).copy(alone, "one too many")
        relay.bring(later)
        alone.run(TURN_S)
        assert put_down(alone["A"]) == [event]
        assert told(alone, later) == [(Verb.REFUSED, "one a minute", Reason.POLICY_LIMIT)]

    def test_what_goes_on_the_radio_is_paid_from_one_account_of_all_relays(self, alone: Sites, relay: PublicRelay) -> None:
        other = PublicRelay(alone, "A", place="other.example")
        relay.bring(Depositor(9).copy(alone, "one"))
        other.bring(Depositor(8).copy(alone, "two"))
        rows = [row for row in alone["A"].engine.gate.credits.status(alone.now) if row.origin is None]
        assert [(row.site, row.admitted, row.headroom_ms) for row in rows] == [(NOSTR, 2, 0.0)]
        assert rows[0].spent_ms > 0

    def test_a_presence_which_stays_off_the_radio_costs_nothing(self, alone: Sites, relay: PublicRelay) -> None:
        relay.bring(Depositor(9).events.presence("u4pruy", 1_800_000_000, bytes(32)))
        assert alone["A"].engine.gate.credits.status(alone.now) == ()

    def test_without_air_time_left_an_event_is_refused_and_may_come_again(self, alone: Sites, relay: PublicRelay) -> None:
        ledger = alone["A"].engine.gate.credits
        ledger.rate = 0.001  # nothing is granted while this test lasts
        event = Depositor(9).copy(alone, "patience")
        while ledger.admit(NOSTR, event.pubkey.encode(), CREDIT_SITE_MS / 100, alone.now):
            pass
        relay.bring(event)
        assert told(alone, event) == [(Verb.REFUSED, "", Reason.AIR_TIME)]
        ledger.forget(NOSTR)
        relay.bring(event)
        alone.run(TURN_S)
        assert put_down(alone["A"]) == [event]


def test_a_dry_run_tries_rules_about_relays_on_what_went_up_and_came_in(alone: Sites, relay: PublicRelay, ada: Depositor) -> None:
    up, down = ada.copy(alone, "up"), Depositor(9).copy(alone, "down")
    ada.deposit(alone, "A", up)
    relay.bring(down)
    shapes = [shape_of(record) for event in (up, down) for record in judged(alone, event)]
    for policy, kept in ((BUILT_IN, 0), (NOT_UP, 1), (NOT_DOWN, 1)):
        trial = dry_run(policy, (past for shape in shapes for past in pasts_of(shape)))
        assert (trial.looked_at.packets, trial.no_longer_crosses.packets) == (2, kept)
