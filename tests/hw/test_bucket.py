import pytest

from hw.bluez.bucket import TokenBucket


def test_a_burst_passes_and_then_the_rate() -> None:
    bucket = TokenBucket(rate=100, burst=50, now=7.0)
    assert bucket.wait(50, 7.0) == 0
    bucket.take(50)
    assert bucket.wait(20, 7.0) == pytest.approx(0.2)
    assert bucket.wait(20, 7.1) == pytest.approx(0.1)
    assert bucket.wait(20, 7.25) == 0


def test_rest_saves_no_more_than_the_burst() -> None:
    bucket = TokenBucket(rate=100, burst=50, now=0.0)
    assert bucket.wait(50, 1_000.0) == 0
    bucket.take(50)
    assert bucket.wait(1, 1_000.0) > 0


def test_what_is_larger_than_the_burst_passes_and_is_paid_for() -> None:
    bucket = TokenBucket(rate=100, burst=50, now=0.0)
    assert bucket.wait(80, 0.0) == 0
    bucket.take(80)
    assert bucket.wait(50, 0.0) == pytest.approx(0.8)
