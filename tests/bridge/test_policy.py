"""The first rule that fits decides, and says so in words."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bridge.policy import BUILT_IN, DEFAULT, HERE, UNKNOWN, Action, Direction, Kind, Limit, Mode, Per, Policy, Rule, decide, kind_of
from gateway.bridge.policy_words import explain
from gateway.wire.types import MessageType
from tests.bridge.packets import FACTS, HALL, HUT, POLICIES, RULES, facts


@pytest.mark.parametrize(
    ("condition", "fitting", "other"),
    [
        ({"kinds": frozenset({Kind.FILE, Kind.VOICE})}, {"kind": Kind.VOICE}, {"kind": Kind.MESSAGE}),
        ({"direction": Direction.IN}, {"direction": Direction.IN}, {"direction": Direction.OUT}),
        ({"origins": frozenset({HUT})}, {"origin": HUT}, {"origin": HERE}),
        ({"targets": frozenset({HUT})}, {"target": HUT}, {"target": HALL}),
        ({"targets": frozenset({HUT})}, {"target": HUT}, {"target": None}),
        ({"directed": True}, {"directed": True}, {"directed": False}),
        ({"signed": False}, {"signed": False}, {"signed": True}),
        ({"mode": Mode.CONSENT}, {"mode": Mode.CONSENT}, {"mode": Mode.OPEN}),
        ({"larger_than": 200}, {"size": 201}, {"size": 200}),
    ],
)
def test_each_condition_fits_what_it_names_and_nothing_else(condition, fitting, other):
    policy = Policy(Action.ALLOW, (Rule("one", Action.DENY, **condition),))
    assert decide(facts(**fitting), policy).action is Action.DENY
    assert decide(facts(**other), policy).action is Action.ALLOW


def test_a_rule_without_conditions_fits_everything():
    assert decide(facts(), Policy(Action.ALLOW, (Rule("all", Action.DENY),))).rule == "all"


@given(FACTS, POLICIES)
def test_the_first_rule_that_fits_decides(packet, policy):
    fitting = [rule for rule in policy.rules if rule.fits(packet)]
    verdict = decide(packet, policy)
    assert (verdict.rule, verdict.action) == ((fitting[0].name, fitting[0].action) if fitting else (DEFAULT, policy.default))
    assert (verdict.limit is not None) == (verdict.action is Action.LIMIT)


@given(FACTS, POLICIES, st.booleans())
def test_a_place_nobody_has_proved_is_let_across_by_no_rule_that_names_sites_and_past_none_that_denies_one(packet, policy, is_origin):
    place = "origin" if is_origin else "target"
    verdict = decide(replace(packet, **{place: UNKNOWN}), policy)
    if verdict.action is not Action.DENY:
        named = {site for rule in policy.rules for site in (rule.origins if is_origin else rule.targets)}
        assert all(decide(replace(packet, **{place: site}), policy).rule == verdict.rule for site in named)


@given(FACTS, POLICIES, RULES)
def test_a_rule_after_one_that_fits_changes_nothing(packet, policy, rule):
    longer = replace(policy, rules=(*policy.rules, rule))
    if decide(packet, policy).rule != DEFAULT:
        assert decide(packet, longer) == decide(packet, policy)


@given(FACTS)
def test_without_rules_the_mode_alone_decides(packet):
    assert decide(packet, BUILT_IN).action is Action.ALLOW


@given(FACTS, POLICIES)
def test_every_verdict_is_a_sentence_that_names_its_rule(packet, policy):
    verdict = decide(packet, policy)
    assert verdict.sentence.endswith(".")
    assert verdict.rule in verdict.sentence


def test_a_verdict_calls_a_site_as_the_table_does():
    policy = Policy(Action.DENY, sites={HUT: "hut"})
    assert decide(facts(), policy).sentence == (
        "message, 200 bytes, signed public, out to hut: no rule fits, and the default keeps it here."
    )
    assert f"in from {HALL.decode()}" in decide(facts(direction=Direction.IN, origin=HALL, target=HERE), policy).sentence


def test_every_packet_type_has_a_word_and_an_unknown_one_is_other():
    housekeeping = {MessageType.FRAGMENT, MessageType.REQUEST_SYNC}  # never leaves an island, whatever a rule says
    assert {kind_of(kind) for kind in MessageType if kind not in housekeeping} == set(Kind) - {Kind.OTHER}
    assert {kind_of(kind) for kind in (*housekeeping, 0x7F, 0xFF)} == {Kind.OTHER}


def test_the_table_reads_as_sentences():
    policy = Policy(
        Action.DENY,
        (
            Rule("no voice", Action.DENY, kinds=frozenset({Kind.VOICE, Kind.FILE}), targets=frozenset({HUT}), larger_than=4096),
            Rule("mail", Action.LIMIT, directed=True, direction=Direction.IN, limit=Limit(6, 60_000, Per.ORIGIN)),
            Rule("one a minute", Action.LIMIT, kinds=frozenset({Kind.PING}), limit=Limit(1, None, Per.SITE)),
            Rule("ours", Action.ALLOW, origins=frozenset({HERE, HALL}), mode=Mode.CONSENT),
        ),
        {HUT: "hut"},
    )
    assert explain(policy) == (
        "1. no voice: Files and voice packets (larger than 4,096 bytes) to hut must stay.",
        "2. mail: Everything that is directed coming in may cross, 6 packets and 60,000 bytes a minute for each sender.",
        "3. one a minute: Pings may cross, 1 packet a minute for each site.",
        f"4. ours: Everything from {HALL.decode()} or here, in consent mode, may cross.",
        "Everything else stays here.",
    )
    assert explain(BUILT_IN) == ("Everything crosses as far as the mode of the bridge allows.",)


@given(POLICIES)
def test_every_table_can_be_said_in_words(policy):
    words = explain(policy)
    assert len(words) == len(policy.rules) + 1
    assert all(rule.name in line for rule, line in zip(policy.rules, words, strict=False))


@given(st.integers(0, 255))
def test_every_byte_is_some_kind(number):
    assert kind_of(number) in Kind
