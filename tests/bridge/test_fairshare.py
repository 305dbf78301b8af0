"""What is granted goes evenly to whoever has room, and none of it is lost or made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bridge.fairshare import FairShare

BURST = 100.0
KEYS = st.sampled_from([b"a", b"b", b"c", b"d", b"e"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("grant"), st.floats(0, 300)),
        st.tuples(st.just("spend"), st.tuples(KEYS, st.floats(0, 150))),
        st.tuples(st.just("open"), st.tuples(KEYS, st.floats(0, 120))),
        st.tuples(st.just("close"), KEYS),
    ),
    max_size=40,
)


class Plain:
    """The same by going over all accounts again and again."""

    def __init__(self):
        self.levels = {}

    def grant(self, amount):
        while amount > 1e-9 and (filling := [key for key, level in self.levels.items() if level < BURST - 1e-9]):
            step = min(amount / len(filling), *(BURST - self.levels[key] for key in filling))
            for key in filling:
                self.levels[key] += step
            amount -= step * len(filling)
        return amount


def test_who_is_full_leaves_the_rest_to_the_others():
    share = FairShare(BURST)
    for key, level in ((b"a", 90.0), (b"b", 0.0), (b"c", 100.0)):
        share.open(key, level)
    assert share.grant(50.0) == 0.0
    assert [share.level(key) for key in (b"a", b"b", b"c")] == [100.0, 40.0, 100.0]
    assert share.grant(100.0) == pytest.approx(40.0)


def test_a_debt_is_paid_from_the_same_share_as_everybody_gets():
    share = FairShare(BURST)
    share.open(b"debtor", 100.0)
    share.open(b"other", 0.0)
    share.spend(b"debtor", 250.0)
    share.grant(100.0)
    assert (share.level(b"debtor"), share.level(b"other")) == (-100.0, 50.0)


@given(STEPS)
def test_it_does_what_the_plain_way_does(steps):
    share, plain = FairShare(BURST), Plain()
    for verb, what in steps:
        if verb == "grant":
            assert share.grant(what) == pytest.approx(plain.grant(what), abs=1e-6)
        elif verb == "spend" and what[0] in plain.levels:
            share.spend(*what)
            plain.levels[what[0]] -= what[1]
        elif verb == "open":
            share.open(*what)
            plain.levels[what[0]] = min(what[1], BURST)
        elif verb == "close":
            share.close(what)
            plain.levels.pop(what, None)
        assert len(share) == len(plain.levels)
        for key, level in plain.levels.items():
            assert key in share
            assert share.level(key) == pytest.approx(level, abs=1e-6)


def test_spending_without_end_does_not_grow_anything():
    share = FairShare(BURST)
    for number in range(8):
        share.open(bytes([number]), BURST)
    for number in range(20_000):
        share.spend(bytes([number % 8]), 0.001)
    assert len(share._heap) <= 4 * 8 + 64 + 1


def test_an_account_must_hold_something():
    with pytest.raises(ValueError, match="hold something"):
        FairShare(0.0)
