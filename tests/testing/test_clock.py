import pytest

from gateway.testing.clock import VirtualClock


def test_time_moves_only_when_told_and_only_forward():
    clock = VirtualClock(5.0, offset=100.0)
    assert (clock(), clock.unix) == (5.0, 105.0)
    clock.advance_to(7.5)
    assert clock() == 7.5
    with pytest.raises(ValueError, match="back"):
        clock.advance_to(7.4)
