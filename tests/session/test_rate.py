"""Token buckets."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.session.rate import KeyedBuckets, TokenBucket


def test_starts_full_empties_and_refills() -> None:
    bucket = TokenBucket(rate=2.0, burst=3.0)
    assert [bucket.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(10.4)
    assert bucket.take(10.5)
    assert bucket.level(1_000.0) == 3.0


def test_takes_all_or_nothing() -> None:
    bucket = TokenBucket(rate=1.0, burst=5.0)
    assert not bucket.take(0.0, 6)
    assert bucket.take(0.0, 5)
    assert not bucket.take(0.5, 1)
    assert bucket.take(0.5, 0.5)


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = TokenBucket(rate=1.0, burst=1.0)
    assert bucket.take(100.0)
    assert not bucket.take(50.0)
    assert not bucket.take(100.5)
    assert bucket.take(101.0)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 2), st.integers(1, 3)), max_size=60))
def test_never_gives_more_than_burst_and_rate_allow(steps: list[tuple[float, int]]) -> None:
    bucket = TokenBucket(rate=5.0, burst=4.0)
    now, taken = 0.0, 0
    for wait, n in steps:
        now += wait
        taken += n if bucket.take(now, n) else 0
        assert taken <= 4 + 5 * now + 1e-6


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (1, 0), (-1, 1)])
def test_refuses_a_bucket_that_never_gives(rate: float, burst: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        TokenBucket(rate, burst)


def test_keys_have_budgets_of_their_own() -> None:
    buckets = KeyedBuckets(rate=1.0, burst=1.0, cap=10)
    assert buckets.take(b"a", 0.0)
    assert not buckets.take(b"a", 0.0)
    assert buckets.take(b"b", 0.0)


def test_the_key_used_longest_ago_is_forgotten_above_the_cap() -> None:
    buckets = KeyedBuckets(rate=0.001, burst=1.0, cap=2)
    for key in (b"a", b"b", b"a", b"c"):
        buckets.take(key, 0.0)
    assert len(buckets) == 2
    assert not buckets.take(b"a", 0.0)
    assert buckets.take(b"b", 0.0)
