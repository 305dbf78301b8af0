from itertools import combinations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transports import limits
from transports.betanet.errors import BetanetError, Fault
from transports.betanet.hops import LEAST_DELAY_MS, Gateway, HopChooser, choose, draw_delays, hop_seed, rank

SENDER, RECIPIENT = Gateway(b"sender"), Gateway(b"recipient")
BEACON = b"b" * 32


def gateways(count: int, group: str = "") -> list[Gateway]:
    return [Gateway(bytes((number,)), group) for number in range(count)]


@settings(max_examples=40)
@given(st.permutations(gateways(8)), st.binary(min_size=32, max_size=32), st.integers(0, 5))
def test_the_choice_does_not_depend_on_the_order_of_the_list(willing: list[Gateway], seed: bytes, count: int) -> None:
    chosen = choose(seed, willing, count, sender=SENDER, recipient=RECIPIENT)
    assert chosen == choose(seed, gateways(8), count, sender=SENDER, recipient=RECIPIENT)
    assert len(set(chosen)) == count


def test_every_gateway_is_chosen_about_as_often() -> None:
    print("seed 1")
    rng, counts = Random(1), dict.fromkeys(gateways(6), 0)
    for _ in range(3_000):
        for hop in choose(rng.randbytes(32), gateways(6), 3, sender=SENDER, recipient=RECIPIENT):
            counts[hop] += 1
    assert all(1_350 < count < 1_650 for count in counts.values())


def test_neither_end_is_a_hop() -> None:
    willing = [*gateways(3), SENDER, RECIPIENT]
    for number in range(50):
        assert not {SENDER, RECIPIENT} & set(choose(bytes((number,)) * 32, willing, 3, sender=SENDER, recipient=RECIPIENT))


def test_fewer_willing_gateways_than_hops_mean_no_packet() -> None:
    with pytest.raises(BetanetError) as caught:
        choose(bytes(32), [*gateways(2), SENDER], 3, sender=SENDER, recipient=RECIPIENT)
    assert caught.value.fault is Fault.POLICY_REJECTED
    with pytest.raises(ValueError, match="6 hops"):
        choose(bytes(32), gateways(9), 6, sender=SENDER, recipient=RECIPIENT)


def test_one_hop_is_of_neither_end_s_group() -> None:
    sender, recipient = Gateway(b"s", "one"), Gateway(b"r", "two")
    willing = [*(Gateway(b"1%d" % number, "one") for number in range(5)), *(Gateway(b"2%d" % number, "two") for number in range(5))]
    with pytest.raises(BetanetError) as caught:
        choose(bytes(32), willing, 3, sender=sender, recipient=recipient)
    assert caught.value.fault is Fault.POLICY_REJECTED
    other = Gateway(b"3", "three")
    for number in range(50):
        seed = bytes((number,)) * 32
        chosen = choose(seed, [*willing, other], 3, sender=sender, recipient=recipient)
        assert other in chosen
        if chosen[-1] == other:
            assert chosen[:2] == tuple(gateway for gateway in rank(seed, willing))[:2]
    assert choose(bytes(32), willing, 0, sender=sender, recipient=recipient) == ()


def test_no_set_comes_again_until_eight_others_were_used() -> None:
    print("seed 2")
    chooser = HopChooser(SENDER, Random(2).randbytes)
    sets = [frozenset(chooser.choose(gateways(8), 3, RECIPIENT, beacon=BEACON, epoch=1)) for _ in range(200)]
    for number in range(len(sets)):
        window = sets[number : number + limits.MIX_SETS + 1]
        assert len(set(window)) == len(window)


def test_where_there_are_few_sets_all_are_used_before_one_comes_again() -> None:
    print("seed 3")
    chooser = HopChooser(SENDER, Random(3).randbytes)
    possible = {frozenset(pair) for pair in combinations(gateways(3), 2)}
    sets = [frozenset(chooser.choose(gateways(3), 2, RECIPIENT, beacon=BEACON, epoch=1)) for _ in range(6)]
    assert set(sets[:3]) == set(sets[3:]) == possible


def test_the_memory_of_sets_ends_with_the_hour_and_with_too_many_recipients(monkeypatch: pytest.MonkeyPatch) -> None:
    chooser = HopChooser(SENDER, Random(4).randbytes)
    for number in range(limits.MAX_MEMBERS + 10):
        chooser.choose(gateways(4), 2, Gateway(b"to %d" % number), beacon=BEACON, epoch=1)
    assert len(chooser._used) == limits.MAX_MEMBERS
    chooser.choose(gateways(4), 2, RECIPIENT, beacon=BEACON, epoch=2)
    assert len(chooser._used) == 1


def test_the_seed_depends_on_everything() -> None:
    fields = [b"1" * 32, b"2", b"3", b"4" * 16]
    seeds = {hop_seed(*fields[:number], b"x", *fields[number + 1 :]) for number in range(4)}
    assert len({*seeds, hop_seed(*fields)}) == 5


@given(st.integers(0, 5), st.randoms(use_true_random=False))
def test_delays_stay_within_their_bounds(count: int, rng: Random) -> None:
    delays = draw_delays(count, rng)
    assert len(delays) == count
    assert all(LEAST_DELAY_MS <= delay <= limits.MIX_DELAY_MS for delay in delays)
    assert sum(delays) <= limits.MIX_TOTAL_DELAY_MS
