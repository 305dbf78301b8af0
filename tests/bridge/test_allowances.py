"""What a limit gives, and that nobody gets more of it by being many."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.bridge.allowances import Allowances
from gateway.bridge.policy import Action, Limit, Per, Policy, Rule, decide
from gateway.limits import MAX_POLICY_BUCKETS
from tests.bridge.packets import HALL, HUT, facts


def admitted(allowances, limit, now, *, sender=b"a", **changes):
    packet = facts(**changes)
    verdict = decide(packet, Policy(Action.DENY, (Rule("slowly", Action.LIMIT, limit=limit),)))
    return allowances.admit(verdict, packet, sender, now)


def test_a_limit_gives_a_minutes_worth_at_once_and_then_evenly():
    allowances, limit = Allowances(), Limit(6, None)
    assert [admitted(allowances, limit, 100.0) for _ in range(7)] == [True] * 6 + [False]
    assert not admitted(allowances, limit, 109.9)
    assert admitted(allowances, limit, 110.0)


def test_a_packet_over_its_bytes_uses_up_no_packet():
    allowances, limit = Allowances(), Limit(1, 1_000)
    assert not admitted(allowances, limit, 0.0, size=1_001)
    assert admitted(allowances, limit, 0.0, size=1_000)


def test_a_packet_over_its_number_uses_up_no_bytes():
    allowances, limit = Allowances(), Limit(1, 1_000)
    assert admitted(allowances, limit, 0.0, size=400)
    assert not admitted(allowances, limit, 0.0, size=600)
    assert admitted(allowances, limit, 60.0, size=1_000)


def test_allow_and_deny_need_no_allowance():
    allowances = Allowances()
    for action in (Action.ALLOW, Action.DENY):
        packet = facts()
        assert allowances.admit(decide(packet, Policy(action)), packet, b"a", 0.0) is (action is Action.ALLOW)
    assert len(allowances) == 0


def test_each_limit_is_counted_for_whom_it_says():
    for per, both in ((Per.ORIGIN, True), (Per.SITE, False), (Per.ALL, False)):
        allowances = Allowances()
        assert admitted(allowances, Limit(1, None, per), 0.0, sender=b"a")
        assert admitted(allowances, Limit(1, None, per), 0.0, sender=b"b") is both
    allowances = Allowances()
    assert admitted(allowances, Limit(1, None, Per.SITE), 0.0, target=HUT)
    assert admitted(allowances, Limit(1, None, Per.SITE), 0.0, target=HALL)


def test_invented_senders_neither_grow_the_table_nor_push_out_who_is_active():
    allowances, limit = Allowances(), Limit(2, None, Per.ORIGIN)
    assert admitted(allowances, limit, 0.0, sender=b"honest")
    crossed = sum(admitted(allowances, limit, 0.0, sender=number.to_bytes(8)) for number in range(10_000))
    assert len(allowances) <= MAX_POLICY_BUCKETS + 1
    assert crossed == MAX_POLICY_BUCKETS - 1 + 2  # one each for those with an allowance of their own, two for all others together
    assert [admitted(allowances, limit, 0.0, sender=b"honest") for _ in range(2)] == [True, False]


def test_who_has_been_quiet_gives_up_the_place_and_loses_nothing_by_it():
    allowances, limit = Allowances(), Limit(2, None, Per.ORIGIN)
    assert admitted(allowances, limit, 0.0, sender=b"quiet")
    for number in range(MAX_POLICY_BUCKETS):
        admitted(allowances, limit, 60.0, sender=number.to_bytes(8))
    assert [admitted(allowances, limit, 120.0, sender=b"quiet") for _ in range(3)] == [True, True, False]


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, 3), st.integers(1, 2_000)), max_size=60))
def test_no_order_of_packets_gets_more_across_than_the_limit(steps):
    allowances, limit = Allowances(), Limit(5, 3_000, Per.ALL)
    now, packets, size = 0.0, 0, 0
    for wait, sender, length in steps:
        now += wait
        if admitted(allowances, limit, now, sender=bytes([sender]), size=length):
            packets, size = packets + 1, size + length
    assert packets <= 5 + 5 * now / 60 + 1e-6
    assert size <= 3_000 + 3_000 * now / 60 + 1e-6
