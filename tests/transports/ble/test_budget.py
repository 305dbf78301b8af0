import pytest

from transports.ble.budget import Budget
from transports.limits import BLE_GROW_S


def test_a_refusal_lowers_the_limit_to_what_is_held():
    budget = Budget(8)
    budget.refused(5, now=10.0)
    assert budget.limit == 5
    assert budget.has_room(4)
    assert not budget.has_room(5)


def test_a_later_refusal_at_more_links_does_not_raise_the_limit():
    budget = Budget(8)
    budget.refused(3, now=10.0)
    budget.refused(6, now=11.0)
    assert budget.limit == 3


def test_a_refusal_of_the_only_link_says_nothing_about_room():
    budget = Budget(8)
    budget.refused(0, now=10.0)
    assert budget.limit == 8
    assert budget.refusals == 1


def test_it_grows_back_one_by_one_after_quiet_time_and_never_above_the_start():
    budget = Budget(4)
    budget.refused(2, now=100.0)
    budget.tick(100.0 + BLE_GROW_S - 1)
    assert budget.limit == 2
    for spell in range(1, 6):
        budget.tick(100.0 + spell * BLE_GROW_S)
    assert budget.limit == 4


def test_a_refusal_starts_the_quiet_time_anew():
    budget = Budget(4)
    budget.refused(2, now=0.0)
    budget.refused(2, now=BLE_GROW_S - 1)
    budget.tick(BLE_GROW_S)
    assert budget.limit == 2


def test_aborted_connections_with_several_devices_count_as_a_refusal():
    budget = Budget(8)
    assert [budget.aborted(device, 4, now=1.0) for device in "aba"] == [False, False, False]
    assert budget.limit == 4
    assert budget.refusals == 1


def test_one_device_that_keeps_aborting_costs_nobody_a_place():
    budget = Budget(8)
    assert not any(budget.aborted("a", 4, now=1.0) for _ in range(20))
    assert budget.limit == 8


def test_aborted_connections_without_any_link_are_a_storm():
    budget = Budget(8)
    assert [budget.aborted("a", 0, now=1.0) for _ in range(4)] == [False, False, True, True]
    assert budget.limit == 8


def test_a_link_that_comes_up_ends_the_row_of_aborted_ones():
    budget = Budget(8)
    budget.aborted("a", 0, now=1.0)
    budget.aborted("b", 0, now=1.0)
    budget.worked()
    assert not budget.aborted("a", 0, now=1.0)


def test_an_adapter_without_any_place_is_refused():
    with pytest.raises(ValueError, match="no link"):
        Budget(0)
