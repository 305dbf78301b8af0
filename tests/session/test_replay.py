"""The replay window: every counter at most once, everything inside the window exactly once."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.limits import MAX_NONCE, REPLAY_WINDOW
from gateway.session.replay import ReplayWindow

NEARBY = st.integers(0, 3 * REPLAY_WINDOW)
ANYWHERE = st.integers(0, MAX_NONCE)


def offer(window: ReplayWindow, counter: int) -> bool:
    fresh = window.fresh(counter)
    if fresh:
        window.accept(counter)
    return fresh


@settings(deadline=None)
@given(st.lists(NEARBY | ANYWHERE, max_size=80))
def test_agrees_with_a_set_and_a_maximum(counters: list[int]) -> None:
    window = ReplayWindow()
    accepted: set[int] = set()
    for counter in counters:
        highest = max(accepted, default=-1)
        expected = counter not in accepted and counter > highest - REPLAY_WINDOW
        assert offer(window, counter) == expected
        if expected:
            accepted.add(counter)
        assert window.highest == max(accepted)


@settings(max_examples=30, deadline=None)
@given(st.integers(), st.integers(1, REPLAY_WINDOW))
def test_everything_inside_the_window_is_accepted_exactly_once_in_any_order(seed: int, count: int) -> None:
    counters = list(range(count)) * 2
    Random(seed).shuffle(counters)
    window = ReplayWindow()
    assert sorted(c for c in counters if offer(window, c)) == list(range(count))


def test_the_edges_of_the_window() -> None:
    window = ReplayWindow()
    window.accept(5_000)
    assert window.fresh(5_000 - REPLAY_WINDOW + 1)
    assert not window.fresh(5_000 - REPLAY_WINDOW)
    assert not window.fresh(5_000)
    assert window.fresh(5_001)


def test_the_window_moves_the_right_way() -> None:
    # The mistake of the phone apps: after 0..49 in order they accept replays of 42..48.
    window = ReplayWindow()
    for counter in range(50):
        assert offer(window, counter)
    assert not any(window.fresh(counter) for counter in range(50))


def test_a_jump_over_the_whole_range_keeps_the_bitmap_small() -> None:
    window = ReplayWindow()
    for counter in (0, MAX_NONCE - 1, MAX_NONCE):
        assert offer(window, counter)
    assert window._seen.bit_length() <= REPLAY_WINDOW
    assert not window.fresh(0)


def test_asking_changes_nothing() -> None:
    window = ReplayWindow()
    assert all(window.fresh(7) for _ in range(3))
    assert window.highest == -1
