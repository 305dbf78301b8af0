"""A policy tried on the past changes what a rule decided, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.bridge.gate import CROSSED
from gateway.bridge.policy import HERE, Action, Direction, Kind, Limit, Mode, Policy, Rule, mark_of
from gateway.bridge.policy_trial import Past, dry_run, pasts_of
from gateway.errors import Reason
from gateway.store.shapes import Shape
from gateway.wire.types import MessageType
from tests.bridge.packets import FACTS, HALL, HUT, POLICIES, facts

NO_FILES = Policy(Action.ALLOW, (Rule("no files", Action.DENY, kinds=frozenset({Kind.FILE})),))
VERDICTS = st.sampled_from([CROSSED, *(reason.value for reason in Reason)])
PAST = st.lists(st.builds(Past, at=st.floats(0, 1e4), facts=FACTS, sender=st.binary(max_size=2), verdict=VERDICTS), max_size=30)


def past(at=0.0, verdict=CROSSED, sender=b"a", **changes):
    return Past(at, facts(**changes), sender, verdict)


def test_the_trial_counts_what_would_newly_cross_and_what_no_longer():
    trial = dry_run(
        NO_FILES,
        [
            past(kind=Kind.FILE, size=900),
            past(kind=Kind.FILE, verdict=Reason.POLICY.value),
            past(verdict=Reason.POLICY.value, size=70),
            past(verdict=Reason.POLICY_LIMIT.value),
            past(),
            past(verdict=Reason.SIGNATURE.value),
        ],
    )
    assert (trial.no_longer_crosses.packets, trial.no_longer_crosses.size) == (1, 900)
    assert (trial.newly_crosses.packets, trial.newly_crosses.size) == (2, 270)
    assert (trial.still_crosses.packets, trial.still_stays.packets, trial.refused_anyway.packets) == (1, 1, 1)
    assert trial.looked_at.packets == 6
    assert trial.changes == {("no files", "file", False): 1, ("default", "message", True): 2}
    assert trial.kinds == {"file": (1, 0), "message": (1, 3)}
    assert trial.rules == {"no files": (0, 2), "default": (3, 0)}


def test_limits_are_tried_in_the_time_of_the_past():
    policy = Policy(Action.DENY, (Rule("slowly", Action.LIMIT, limit=Limit(1, None)),))
    trial = dry_run(policy, [past(1_000.0), past(1_030.0), past(1_090.0)])
    assert (trial.still_crosses.packets, trial.no_longer_crosses.packets) == (2, 1)


def test_where_the_record_does_not_say_where_a_packet_went_the_trial_says_so():
    to_hut = Policy(Action.ALLOW, (Rule("hut", Action.DENY, targets=frozenset({HUT})),))
    trial = dry_run(to_hut, [past(target=None), past(target=mark_of(HUT))])
    assert (trial.target_unknown, trial.no_longer_crosses.packets) == (1, 1)
    assert dry_run(NO_FILES, [past(target=None)]).target_unknown == 0


@given(POLICIES, PAST)
def test_every_packet_is_counted_once(policy, history):
    trial = dry_run(policy, history)
    tallies = (trial.still_crosses, trial.newly_crosses, trial.no_longer_crosses, trial.still_stays, trial.refused_anyway)
    assert sum(tally.packets for tally in tallies) == trial.looked_at.packets == len(history)
    assert sum(tally.size for tally in tallies) == trial.looked_at.size
    assert sum(before for before, _ in trial.kinds.values()) == trial.still_crosses.packets + trial.no_longer_crosses.packets
    assert sum(after for _, after in trial.kinds.values()) == sum(crosses for crosses, _ in trial.rules.values())
    assert trial.changes.total() == trial.newly_crosses.packets + trial.no_longer_crosses.packets


@given(PAST)
def test_what_was_refused_for_another_reason_never_crosses(history):
    refused = [one for one in history if one.verdict not in {CROSSED, "policy", "policy_limit"}]
    trial = dry_run(Policy(Action.ALLOW), refused)
    assert trial.newly_crosses.packets == trial.still_crosses.packets == 0


def shape(kind=MessageType.NOISE_ENCRYPTED, **changes):
    plain = {"packet_id": bytes(16), "at_ms": 5_000, "kind": kind, "size": 300, "directed": True, "signed": False}
    return Shape(**(plain | {"origin": b"hash", "via": b"", "verdict": CROSSED} | changes))


def test_a_packet_of_our_island_has_a_way_out_to_each_site_it_was_to_go_to():
    out = list(pasts_of(shape(sites=((HUT, CROSSED), (HALL, "policy")))))
    private = {"kind": Kind.PRIVATE, "size": 300, "directed": True, "signed": False}
    assert out == [Past(5.0, facts(**private), b"hash", CROSSED), Past(5.0, facts(target=HALL, **private), b"hash", "policy")]


def test_where_no_rule_was_asked_there_is_one_way_to_nobody_knows_where():
    (out,) = pasts_of(shape(verdict="no_site"))
    assert (out.facts.direction, out.facts.target, out.verdict) == (Direction.OUT, None, "no_site")


def test_what_a_site_brought_has_a_way_in_and_one_to_each_site_it_was_passed_on_to():
    came, passed = pasts_of(shape(MessageType.NOSTR_CARRIER, via=HUT, sites=((HALL, "policy_limit"),)))
    assert (came.facts.direction, came.facts.origin, came.facts.target, came.facts.mode) == (Direction.IN, HUT, HERE, Mode.CONSENT)
    assert (passed.facts.direction, passed.facts.origin, passed.facts.target) == (Direction.OUT, HUT, HALL)
    assert (came.verdict, passed.verdict) == (CROSSED, "policy_limit")
