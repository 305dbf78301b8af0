from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from transports.betanet.cover import MOST_PADDING, Cover, Padding, Ping


@settings(max_examples=25)
@given(st.randoms(use_true_random=False))
def test_pings_come_between_nine_and_sixty_six_seconds_apart(rng: Random) -> None:
    cover, last = Cover(rng, 0.0), 0.0
    for _ in range(50):
        now = cover.next_wakeup
        assert 8.999 < now - last < 66.001
        assert cover.due(now - 0.001) == []
        assert cover.due(now) == [Ping()]
        last = now


def test_pings_are_never_in_step() -> None:
    print("seed 1")
    cover, gaps, last = Cover(Random(1), 0.0), [], 0.0
    for _ in range(500):
        now = cover.next_wakeup
        cover.due(now)
        gaps.append(now - last)
        last = now
    assert len({round(gap, 2) for gap in gaps}) > 400
    assert 30 < sum(gaps) / len(gaps) < 40


@given(st.randoms(use_true_random=False), st.floats(0, 1e6))
def test_a_silence_is_padded_once(rng: Random, now: float) -> None:
    cover = Cover(rng, now)
    cover.sent(now)
    cover.sent(now + 0.1)
    due = cover.next_wakeup
    assert 0.29 < due - now < 1.31
    (padding,) = cover.due(due)
    assert isinstance(padding, Padding)
    assert 0 <= padding.size <= MOST_PADDING
    assert cover.next_wakeup >= now + 9.0
    assert cover.due(due + 5.0) == []


def test_whoever_wakes_late_sends_both_once() -> None:
    print("seed 2")
    cover = Cover(Random(2), 0.0)
    cover.sent(0.0)
    assert [type(each) for each in cover.due(1_000.0)] == [Padding, Ping]
    assert cover.next_wakeup > 1_000.0
