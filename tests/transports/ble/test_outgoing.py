import pytest
from hypothesis import given
from hypothesis import strategies as st

from transports.ble.outgoing import Outgoing


def test_frames_leave_in_their_order_and_the_first_is_a_fence():
    outgoing = Outgoing(depth=10, fence=4)
    for number in range(9):
        assert outgoing.offer(bytes([number]))
    taken = [outgoing.take() for _ in range(9)]
    assert [frame for frame, _ in taken] == [bytes([number]) for number in range(9)]
    assert [fence for _, fence in taken] == [True, False, False, False, True, False, False, False, True]
    assert outgoing.take() is None


def test_a_full_queue_refuses_and_tells_once_when_half_of_it_is_free():
    outgoing = Outgoing(depth=4, fence=100)
    assert [outgoing.offer(b"x") for _ in range(6)] == [True] * 4 + [False] * 2
    assert not outgoing.room()
    outgoing.take()
    assert not outgoing.room()
    outgoing.take()
    assert outgoing.room()
    assert not outgoing.room()


def test_nobody_is_told_of_room_who_was_not_refused():
    outgoing = Outgoing(depth=4)
    outgoing.offer(b"x")
    outgoing.take()
    assert not outgoing.room()


@given(st.lists(st.booleans(), max_size=200), st.integers(1, 8), st.integers(1, 8))
def test_whatever_is_accepted_comes_out_once_and_a_refusal_is_always_followed_by_room(steps, depth, fence):
    outgoing, accepted, out, refused = Outgoing(depth, fence), [], [], False
    for number, is_offer in enumerate(steps):
        if is_offer:
            if outgoing.offer(number.to_bytes(2, "big")):
                accepted.append(number)
            else:
                refused = True
        elif (taken := outgoing.take()) is not None:
            out.append(int.from_bytes(taken[0], "big"))
            assert taken[1] == ((len(out) - 1) % fence == 0)
            if outgoing.room():
                assert refused
                refused = False
        assert len(outgoing) <= depth
    while (taken := outgoing.take()) is not None:
        out.append(int.from_bytes(taken[0], "big"))
        refused = refused and not outgoing.room()
    assert out == accepted
    assert not refused or not accepted


@pytest.mark.parametrize(("depth", "fence"), [(0, 1), (1, 0)])
def test_a_queue_without_room_or_fence_is_refused(depth, fence):
    with pytest.raises(ValueError):
        Outgoing(depth, fence)
