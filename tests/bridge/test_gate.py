"""The operator's rules at work between sites: what they keep, what they only delay, and that loops stay closed."""

from random import Random

import pytest

from gateway.bridge.engine import BridgeMode
from gateway.bridge.gate import Gate, Sitewise, Subject
from gateway.bridge.policy import BUILT_IN, HERE, UNKNOWN, Action, Direction, Kind, Limit, Mode, Per, Policy, Rule, mark_of
from gateway.bridge.sites import Site as SiteLink
from gateway.bridge.telling import tell_kept_from
from gateway.errors import Reason
from gateway.limits import MAX_ORIGINS_NOTED, MAX_REFUSALS, MAX_SITES_TOLD, OFFER_PERIOD_S, REFUSAL_MEMORY_S
from gateway.mesh.effects import PublicMessage
from gateway.mesh.events import Remember
from gateway.mesh.identity import Identity
from gateway.mesh.records import Decided, HistoryKept, Judged, Verb
from gateway.wire import envelope as wire
from gateway.wire.envelope import Envelope
from gateway.wire.envelope import Kind as Sort
from gateway.wire.packet import packet_id, peek
from gateway.wire.types import MessageType
from tests.bridge.islands import TURN_S, crossings, enveloped, introduced, joined, put_down
from tests.bridge.sites import Author, Site, Sites
from transports.link import LinkId


def rule(name: str, action: Action = Action.DENY, **asked: object) -> Rule:
    return Rule(name, action, **asked)


def allowing(*rules: Rule) -> Policy:
    return Policy(Action.ALLOW, rules)


def limit(name: str, packets: int, per: Per = Per.ALL, **asked: object) -> Rule:
    return Rule(name, Action.LIMIT, limit=Limit(packets, None, per), **asked)


NO_MESSAGES = allowing(rule("no messages", kinds=frozenset({Kind.MESSAGE})))


def author(sites: Sites, name: str = "A", seed: int = 1) -> Author:
    ada = Author(Identity.generate(Random(seed).randbytes))
    sites.radio(name, ada.announce())
    return ada


def linked(*pairs: str) -> Sites:
    sites = Sites(*sorted(set("".join(pairs))))
    for a, b in pairs:
        sites.join(a, b)
    return sites


def heard(site: Site) -> list[str]:
    return [notice.text for notice in site.notices if isinstance(notice, PublicMessage)]


def refusals(site: Site) -> list[tuple[Verb, bytes | str, str, Reason | None]]:
    told = [one for one in site.notices if isinstance(one, Decided) and one.reason in (Reason.POLICY, Reason.POLICY_LIMIT)]
    return [(one.verb, one.hop, one.rule, one.reason) for one in told]


def judged(site: Site) -> Judged:
    return [one for one in site.notices if isinstance(one, Judged)][-1]


def id_of(sites: Sites, name: str) -> bytes:
    return sites[name].engine.site_id


class TestOpenMode:
    """Packets as they are."""

    def test_a_rule_keeps_a_kind_from_one_site_and_the_other_gets_it(self) -> None:
        sites = linked("AB", "AC")
        ada = author(sites)
        sites["A"].engine.gate.use(allowing(rule("not to B", kinds=frozenset({Kind.MESSAGE}), targets=frozenset({b"B"}))))
        sites.radio("A", ada.say("for C"))
        assert (heard(sites["B"]), heard(sites["C"])) == ([], ["for C"])
        assert sites["A"].engine.drops[Reason.POLICY] == 1
        assert refusals(sites["A"]) == [(Verb.STAYED, id_of(sites, "B"), "not to B", Reason.POLICY)]
        record = judged(sites["A"])
        assert (record.verdict, dict(record.sites)) == ("crossed", {mark_of(b"B"): "policy", mark_of(b"C"): "crossed"})

    def test_a_site_that_was_refused_is_not_said_to_have_it_and_gets_it_from_another(self) -> None:
        sites = linked("AB", "AC", "BC")
        ada = author(sites)
        sites["A"].engine.gate.use(allowing(rule("not to B", kinds=frozenset({Kind.MESSAGE}), targets=frozenset({b"B"}))))
        said = ada.say("round the corner")
        sites.radio("A", said)
        assert heard(sites["B"]) == ["round the corner"]
        (to_c,) = [wire.decode(data) for a, b, data in sites.crossings if (a, b) == ("A", "C") and wire.decode(data).body == said]
        assert id_of(sites, "B") not in to_c.seen
        assert len([1 for _, _, data in sites.crossings if wire.decode(data).body == said]) == 2

    def test_what_no_site_may_have_stays_and_leaves_no_provenance(self) -> None:
        sites = linked("AB")
        ada = author(sites)
        sites["A"].engine.gate.use(NO_MESSAGES)
        said = ada.say("mine")
        sites.radio("A", said)
        name = packet_id(said, peek(said))
        assert heard(sites["B"]) == []
        assert sites["A"].engine.provenance.sites(name, sites.now) == frozenset()
        assert (judged(sites["A"]).verdict, sites["A"].engine.open.crossed_out) == ("policy", 1)  # the announce

    def test_looser_rules_let_across_what_was_kept_when_the_site_links_up_again(self) -> None:
        sites = linked("AB")
        ada = author(sites)
        sites["A"].engine.gate.use(NO_MESSAGES)
        sites.radio("A", ada.say("later"))
        sites.part("A", "B")
        sites.join("A", "B")
        assert heard(sites["B"]) == []
        sites["A"].engine.gate.use(BUILT_IN)
        sites.part("A", "B")
        sites.join("A", "B")
        assert heard(sites["B"]) == ["later"]

    def test_a_refusal_is_told_once_and_counted_each_time(self) -> None:
        sites = linked("AB")
        ada = author(sites)
        sites["A"].engine.gate.use(NO_MESSAGES)
        sites.radio("A", ada.say("again and again"))
        for _ in range(3):
            sites.part("A", "B")
            sites.join("A", "B")
        assert len(refusals(sites["A"])) == 1
        assert sites["A"].engine.drops[Reason.POLICY] == 4

    def test_what_comes_in_against_a_rule_is_neither_put_on_the_radio_nor_passed_on(self) -> None:
        sites = linked("AB", "BC")
        ada = author(sites)
        sites["B"].engine.gate.use(allowing(rule("no news", kinds=frozenset({Kind.MESSAGE}), direction=Direction.IN)))
        sites.radio("A", ada.say("hello"))
        assert (heard(sites["B"]), heard(sites["C"])) == ([], [])
        assert sites["B"].heard(MessageType.MESSAGE) == []
        assert refusals(sites["B"]) == [(Verb.REFUSED, id_of(sites, "A"), "no news", Reason.POLICY)]
        assert (judged(sites["B"]).verdict, judged(sites["B"]).via) == ("policy", mark_of(b"A"))
        assert len(sites["B"].engine.mesh.kept(sites.now)) == 0

    def test_what_one_site_may_not_bring_another_may(self) -> None:
        sites = linked("AB", "AC", "BC")
        ada = author(sites)
        sites["C"].engine.gate.use(allowing(rule("not from A", origins=frozenset({b"A"}), kinds=frozenset({Kind.MESSAGE}))))
        sites["A"].engine.gate.use(allowing(rule("not to C", targets=frozenset({b"C"}), kinds=frozenset({Kind.MESSAGE}))))
        sites.radio("A", ada.say("the long way"))
        assert heard(sites["C"]) == ["the long way"]

    def test_passing_on_is_asked_about_with_the_site_that_brought_it(self) -> None:
        sites = linked("AB", "BC", "BD")
        ada = author(sites)
        fits = rule("A not to C", origins=frozenset({b"A"}), targets=frozenset({b"C"}))
        sites["B"].engine.gate.use(allowing(fits))
        sites.radio("A", ada.say("for D"))
        assert [heard(sites[name]) for name in "BCD"] == [["for D"], [], ["for D"]]
        record = judged(sites["B"])
        assert (record.verdict, dict(record.sites)) == ("crossed", {mark_of(b"C"): "policy", mark_of(b"D"): "crossed"})

    def test_catching_up_still_knows_which_site_brought_what(self) -> None:
        sites = Sites("A", "B", "C")
        sites.join("A", "B")
        ada, ben = author(sites), author(sites, "B", 2)
        sites.radio("A", ada.say("from A"))
        sites.radio("B", ben.say("from B"))
        fits = rule("A not to C", origins=frozenset({b"A"}), targets=frozenset({b"C"}))
        sites["B"].engine.gate.use(allowing(fits))
        sites.now = 400.0  # provenance is forgotten by now
        sites.radio("B", Author(ben.identity, ben.now_ms + 400_000).announce())
        sites.join("B", "C")
        assert heard(sites["C"]) == ["from B"]

    def test_what_nobody_knows_the_origin_of_is_offered_unless_a_rule_asks_for_origins(self) -> None:
        for policy, expected in ((NO_MESSAGES, []), (allowing(rule("not A's", origins=frozenset({b"somebody"}))), []), (BUILT_IN, ["old"])):
            sites = Sites("A", "B")
            ada = author(sites)
            said = ada.say("old")
            kept = HistoryKept(MessageType.MESSAGE, packet_id(said, peek(said)), said, ada.now_ms + 3_600_000)
            sites.give("A", Remember((kept,), ()))
            sites["A"].engine.gate.use(policy)
            sites.join("A", "B")
            assert heard(sites["B"]) == expected

    def test_a_limit_lets_across_what_it_says_and_more_a_minute_later(self) -> None:
        sites = linked("AB")
        ada = author(sites)
        sites["A"].engine.gate.use(allowing(limit("slowly", 3, kinds=frozenset({Kind.MESSAGE}))))
        for number in range(5):
            sites.radio("A", ada.say(str(number)))
        assert heard(sites["B"]) == ["0", "1", "2"]
        assert sites["A"].engine.drops[Reason.POLICY_LIMIT] == 2
        assert judged(sites["A"]).verdict == "policy_limit"
        sites.now += 60.0
        ada.now_ms += 60_000
        sites.radio("A", ada.say("5"))
        assert heard(sites["B"])[-1] == "5"

    def test_a_limit_inward_is_used_up_neither_by_forged_packets_nor_by_copies(self) -> None:
        sites = linked("AB", "BC")
        ada = author(sites)
        sites["B"].engine.gate.use(allowing(limit("one", 1, kinds=frozenset({Kind.MESSAGE}))))
        forged = bytearray(ada.say("forged"))
        forged[-1] ^= 1
        sites.from_site("B", "A", packed(sites, bytes(forged)))
        first = ada.say("first")
        sites.from_site("B", "A", packed(sites, first))
        sites.from_site("B", "C", packed(sites, first))
        sites.from_site("B", "A", packed(sites, ada.say("second")))
        assert heard(sites["B"]) == ["first"]
        assert sites["B"].engine.drops[Reason.POLICY_LIMIT] == 2  # the first on its way on to C, and the second

    def test_rules_are_asked_about_directed_packets_as_well(self) -> None:
        sites = linked("AB")
        ada, ben = author(sites), author(sites, "B", 2)
        sites["A"].engine.gate.use(allowing(rule("no mail", kinds=frozenset({Kind.PRIVATE}), directed=True, signed=False)))
        sites.radio("A", ada.bare(MessageType.NOISE_ENCRYPTED, bytes(40), ben.identity.peer_id))
        assert sites["B"].heard(MessageType.NOISE_ENCRYPTED) == []
        assert sites["A"].engine.drops[Reason.POLICY] == 1

    def test_no_rule_opens_what_the_mode_keeps_shut(self) -> None:
        sites = Sites("A", "B", mode=BridgeMode.OFF)
        sites.join("A", "B")
        sites["A"].engine.gate.use(allowing(rule("all", Action.ALLOW)))
        sites.radio("A", author(sites).say("no"))
        assert heard(sites["B"]) == []

    def test_a_default_that_denies_lets_across_only_what_a_rule_allows(self) -> None:
        sites = linked("AB")
        sites["A"].engine.gate.use(Policy(Action.DENY, (rule("people", Action.ALLOW, kinds=frozenset({Kind.ANNOUNCE})),)))
        ada = author(sites)
        sites.radio("A", ada.say("no"))
        assert len(sites["B"].heard(MessageType.ANNOUNCE)) == 1
        assert refusals(sites["A"]) == [(Verb.STAYED, id_of(sites, "B"), "default", Reason.POLICY)]


class TestConsentMode:
    """Events that their authors signed for the bridge."""

    def test_a_rule_keeps_an_event_from_one_site_which_is_never_offered_it(self) -> None:
        sites = joined("AB", "AC")
        sites["A"].engine.gate.use(allowing(rule("not to B", kinds=frozenset({Kind.CARRIER}), targets=frozenset({b"B"}))))
        ada = introduced(sites, "A", 1)
        event = ada.copy(sites, "for C")
        ada.deposit(sites, "A", event)
        sites.run(TURN_S)
        before = len([1 for a, b, data in sites.crossings if (a, b) == ("A", "B") and wire.decode(data).kind is Sort.OFFER])
        sites.run(2 * OFFER_PERIOD_S)
        assert (put_down(sites["B"]), put_down(sites["C"])) == ([], [event])
        assert before == len([1 for a, b, data in sites.crossings if (a, b) == ("A", "B") and wire.decode(data).kind is Sort.OFFER])
        assert refusals(sites["A"]) == [(Verb.STAYED, id_of(sites, "B"), "not to B", Reason.POLICY)]
        assert judged(sites["A"]).verdict == "crossed"

    def test_a_site_that_asks_for_what_a_rule_keeps_from_it_gets_nothing(self) -> None:
        sites = joined("AB")
        sites["A"].engine.gate.use(allowing(rule("nothing out", direction=Direction.OUT)))
        ada = introduced(sites, "A", 1)
        event = ada.copy(sites, "mine")
        ada.deposit(sites, "A", event)
        name = bytes.fromhex(event.event_id)[:16]
        site_id = id_of(sites, "B")
        sites.from_site("A", "B", wire.encode(Envelope(bytes(16), Sort.WANT, site_id, (site_id,), 0, 0, name)))
        assert crossings(sites, Sort.EVENT) == []
        assert sites["A"].engine.drops[Reason.POLICY] == 2

    def test_rules_that_become_looser_let_across_what_is_still_fresh(self) -> None:
        sites = joined("AB")
        sites["A"].engine.gate.use(allowing(rule("nothing out", direction=Direction.OUT)))
        ada = introduced(sites, "A", 1)
        event = ada.copy(sites, "after all")
        ada.deposit(sites, "A", event)
        sites.run(OFFER_PERIOD_S)
        assert put_down(sites["B"]) == []
        sites["A"].engine.gate.use(BUILT_IN)
        sites.run(2 * OFFER_PERIOD_S)
        assert put_down(sites["B"]) == [event]

    def test_a_limit_delays_what_is_fresh_until_it_has_something_again(self) -> None:
        sites = joined("AB")
        sites["A"].engine.gate.use(allowing(limit("one a minute", 1, kinds=frozenset({Kind.CARRIER}))))
        ada = introduced(sites, "A", 1)
        events = [ada.copy(sites, str(number)) for number in range(3)]
        for event in events:
            ada.deposit(sites, "A", event)
        sites.run(TURN_S)
        assert put_down(sites["B"]) == events[:1]
        assert sites["A"].engine.drops[Reason.POLICY_LIMIT] == 2
        sites.run(5 * OFFER_PERIOD_S)
        assert sorted(event.content for event in put_down(sites["B"])) == ["0", "1", "2"]

    def test_what_a_rule_keeps_out_is_not_asked_for_again_and_told_once(self) -> None:
        sites = joined("AB")
        sites["B"].engine.gate.use(allowing(rule("closed", direction=Direction.IN)))
        ada = introduced(sites, "A", 1)
        ada.deposit(sites, "A", ada.copy(sites, "knock knock"))
        sites.run(5 * OFFER_PERIOD_S)
        assert put_down(sites["B"]) == []
        assert crossings(sites, Sort.WANT) == []
        assert refusals(sites["B"]) == [(Verb.REFUSED, id_of(sites, "A"), "closed", Reason.POLICY)]
        assert (judged(sites["B"]).verdict, judged(sites["B"]).via) == ("policy", mark_of(b"A"))

    def test_what_one_site_may_not_bring_another_may(self) -> None:
        sites = joined("AC", "BC")
        sites["C"].engine.gate.use(allowing(rule("not A", origins=frozenset({b"A"}))))
        ada = introduced(sites, "A", 1)
        event = ada.copy(sites, "twice")
        sites.from_site("C", "A", enveloped(event, b"site-A--"))
        sites.from_site("C", "B", enveloped(event, b"site-B--"))
        sites.run(TURN_S)
        assert put_down(sites["C"]) == [event]

    def test_a_forged_event_uses_up_no_limit(self) -> None:
        sites = joined("AB")
        sites["B"].engine.gate.use(allowing(limit("one", 1, direction=Direction.IN)))
        ada = introduced(sites, "A", 1)
        event, other = ada.copy(sites, "true"), ada.copy(sites, "false")
        forged = enveloped(type(other)(**{**other_fields(other), "sig": event.sig}), b"somebody")
        sites.from_site("B", "A", forged)
        sites.from_site("B", "A", enveloped(event, b"somebody"))
        sites.run(TURN_S)
        assert put_down(sites["B"]) == [event]

    def test_nothing_that_is_passed_on_goes_against_a_rule_about_where_it_came_from(self) -> None:
        sites = joined("AB", "BC", "BD")
        fits = rule("A not to C", origins=frozenset({b"A"}), targets=frozenset({b"C"}))
        sites["B"].engine.gate.use(allowing(fits))
        ada = introduced(sites, "A", 1)
        event = ada.copy(sites, "for D")
        ada.deposit(sites, "A", event)
        sites.run(3 * OFFER_PERIOD_S)
        assert [put_down(sites[name]) for name in "BCD"] == [[event], [], [event]]


def other_fields(event: object) -> dict[str, object]:
    return {name: getattr(event, name) for name in event.__dataclass_fields__}  # type: ignore[attr-defined]


def packed(sites: Sites, frame: bytes) -> bytes:
    """What site A would send of one of its own packets."""
    site_id = id_of(sites, "A")
    return wire.encode(
        Envelope(packet_id(frame, peek(frame)), Sort.FRAME, site_id, (site_id,), 0, peek(frame).timestamp_ms + 3_600_000, frame)
    )


class TestTheGate:
    """By itself."""

    def what(self, number: int = 0) -> Subject:
        return Subject(number.to_bytes(16), Kind.MESSAGE, b"ada-----", 200, directed=False, signed=True, mode=Mode.OPEN)

    def site(self, number: int = 0) -> SiteLink:
        return SiteLink(LinkId(f"site:{number}"), 9_999, number.to_bytes(8), peer=str(number))

    def gate(self, policy: Policy) -> Gate:
        gate = Gate(dict.fromkeys(Reason, 0))
        gate.use(policy)
        return gate

    def test_the_same_rules_again_do_not_fill_their_limits_and_others_do(self) -> None:
        gate = self.gate(allowing(limit("one", 1)))
        assert gate.outward(self.what(), HERE, [self.site()], 0.0).allowed
        gate.use(allowing(limit("one", 1)))
        assert not gate.outward(self.what(), HERE, [self.site()], 0.0).allowed
        gate.use(allowing(limit("one", 2)))
        assert gate.outward(self.what(), HERE, [self.site()], 0.0).allowed

    def test_no_more_refusals_are_remembered_than_there_is_room_for_and_not_for_ever(self) -> None:
        gate = self.gate(NO_MESSAGES)
        for number in range(MAX_REFUSALS + 10):
            gate.outward(self.what(number), HERE, [self.site()], 0.0)
            gate.refuses(self.what(number), self.site(), 0.0)
        assert len(gate._told) == len(gate._kept_out) == MAX_REFUSALS
        last = MAX_REFUSALS + 9
        assert not gate.outward(self.what(last), HERE, [self.site()], REFUSAL_MEMORY_S - 1).untold
        assert gate.outward(self.what(last), HERE, [self.site()], REFUSAL_MEMORY_S).untold

    def test_an_origin_that_was_forgotten_is_unknown_and_not_our_own(self) -> None:
        gate = self.gate(BUILT_IN)
        for number in range(MAX_ORIGINS_NOTED + 1):
            gate.note_origin(number.to_bytes(16), HERE)
        assert len(gate._origins) == MAX_ORIGINS_NOTED
        assert gate.origin_of(bytes(16)) == UNKNOWN
        assert gate.origin_of((1).to_bytes(16)) == HERE

    def test_a_site_is_who_its_links_prove_it_to_be_whatever_it_says_of_itself(self) -> None:
        gate = self.gate(allowing(rule("not to B", targets=frozenset({b"B"})), rule("not from B", origins=frozenset({b"B"}))))
        liar, honest = (SiteLink(LinkId(f"site:{peer}"), 9_999, b"the same", peer=peer) for peer in "BC")
        assert gate.outward(self.what(), HERE, (liar, honest), 0.0).allowed == [honest]
        assert gate.refuses(self.what(), liar, 0.0) is not None
        assert gate.refuses(self.what(), honest, 0.0) is None

    def test_over_a_link_that_proves_nothing_nothing_crosses_that_a_rule_about_sites_might_keep(self) -> None:
        unproved = SiteLink(LinkId("site:loopback:1"), 9_999, b"somebody")
        files_to_b = rule("no files to B", targets=frozenset({b"B"}), kinds=frozenset({Kind.FILE}))
        assert self.gate(BUILT_IN).outward(self.what(), HERE, (unproved,), 0.0).allowed == [unproved]
        assert self.gate(allowing(files_to_b)).outward(self.what(), HERE, (unproved,), 0.0).allowed == [unproved]
        for action in (Action.DENY, Action.ALLOW):
            gate = self.gate(
                allowing(rule("about B", action, targets=frozenset({b"B"})), rule("from B", action, origins=frozenset({b"B"})))
            )
            assert gate.outward(self.what(), HERE, (unproved,), 0.0).record == [(UNKNOWN, b"somebody", "policy", "about B")]
            assert gate.refuses(self.what(), unproved, 0.0) == (Reason.POLICY, "from B")

    def test_a_site_that_is_no_member_any_more_has_no_account_left(self) -> None:
        gate = self.gate(BUILT_IN)
        assert gate.pays(self.what(), SiteLink(LinkId("site:B"), 9_999, peer="B"), 0.0)
        assert {row.site for row in gate.credits.status(0.0)} == {b"B"}
        gate.forget("B")
        assert gate.credits.status(0.0) == ()

    def test_a_limit_for_each_site_is_not_used_up_by_others(self) -> None:
        gate = self.gate(allowing(limit("each", 1, Per.SITE)))
        sites = [self.site(number) for number in range(3)]
        assert gate.outward(self.what(), HERE, sites, 0.0).allowed == sites
        assert gate.outward(self.what(1), HERE, sites, 0.0).allowed == []

    @pytest.mark.parametrize("extra", [0, 5])
    def test_of_many_sites_a_few_are_named_and_the_rest_counted(self, extra: int) -> None:
        effects: list = []
        refused = [Sitewise(number.to_bytes(8), number.to_bytes(8), "policy", "shut") for number in range(MAX_SITES_TOLD + extra)]
        tell_kept_from(bytes(16), refused, effects)
        assert len(effects) == MAX_SITES_TOLD + bool(extra)
        assert effects[-1].detail == (f"sites {extra}" if extra else "")
