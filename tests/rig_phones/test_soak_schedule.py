"""The arithmetic of the soak: without it a slow recovery could look like a quick one."""

from collections import Counter
from itertools import pairwise
from random import Random

import pytest

from tests.rig.soak_schedule import PER_DAY, Fault, Struck, plan, recovery, summary, table, unexplained


def test_a_day_has_every_fault_as_often_as_promised_and_room_between_them():
    planned = plan(24, Random(1))
    assert Counter(one.fault for one in planned) == PER_DAY
    assert PER_DAY[Fault.BLUEZ] == PER_DAY[Fault.BUS] == 20
    assert {one.site for one in planned} == {"north", "south"}
    for one, following in pairwise(planned):
        assert following.at - one.at - one.lasts >= 120
    assert planned[-1].at + planned[-1].lasts < 24 * 3600


@pytest.mark.parametrize("hours", [0.5, 1, 3])
def test_a_shorter_run_has_at_least_one_of_each(hours):
    planned = plan(hours, Random(2))
    assert {one.fault for one in planned} == set(Fault)
    assert planned[-1].at + planned[-1].lasts < hours * 3600


UP, DOWN = True, False


@pytest.mark.parametrize(
    ("diary", "expected"),
    [
        ([(10, "1", "hci0", UP)], (0, 0.0)),
        ([(10, "1", "hci0", UP), (101, "1", "hci0", DOWN), (118, "2", "hci0", UP)], (1, 8.0)),
        ([(10, "1", "hci0", UP), (101, "1", "hci0", DOWN), (105, "2", "hci0", UP)], (1, 0.0)),
        ([(10, "1", "hci0", UP), (101, "1", "hci0", DOWN)], (1, None)),
        ([(10, "1", "hci0", UP), (101, "1", "hci0", DOWN), (900, "2", "hci0", UP)], (1, None)),
        ([(10, "1", "hci0", UP), (11, "2", "hci1", UP), (101, "1", "hci0", DOWN), (200, "3", "hci0", UP)], (1, 0.0)),
        (
            [(10, "1", "hci0", UP), (11, "2", "hci1", UP), (101, "1", "hci0", DOWN), (102, "2", "hci1", DOWN), (150, "3", "hci1", UP)],
            (2, 40.0),
        ),
        ([(10, "1", "hci0", UP), (101, "1", "hci0", DOWN), (103, "9", "Bela", UP)], (1, None)),
        (
            [(10, "1", "hci0", UP), (101, "1", "hci0", DOWN), (105, "2", "hci0", UP), (106, "2", "hci0", DOWN), (130, "3", "hci0", UP)],
            (2, 20.0),
        ),
    ],
    ids=["unnoticed", "lost", "back-before-its-end", "never", "only-after-the-next", "one-of-two", "both", "only-a-phone", "twice"],
)
def test_recovery_counts_from_the_end_of_the_fault_to_a_link_with_the_gateway(diary, expected):
    assert recovery({"Ada": diary}, ["hci0", "hci1"], began=100, ended=110, until=800) == expected


def test_the_slowest_phone_counts():
    diaries = {
        "Ada": [(1, "1", "hci0", UP), (101, "1", "hci0", DOWN), (120, "2", "hci0", UP)],
        "Bela": [(1, "1", "hci0", UP), (101, "1", "hci0", DOWN), (170, "2", "hci0", UP)],
    }
    assert recovery(diaries, ["hci0"], 100, 110, 800) == (2, 60.0)


def test_the_table_and_the_summary_tell_who_never_came_back():
    rows = [Struck(Fault.BUS, "north", 3_725, 0, 2, 12.34), Struck(Fault.BUS, "south", 8_000, 0, 1, None)]
    assert "1:02:05" in table(rows)
    assert "12.3 s" in table(rows)
    assert "never" in table(rows)
    assert summary(rows) == {Fault.BUS.value: {"count": 2, "not_recovered": 1, "median_s": 12.3, "max_s": 12.3}}


def test_a_link_that_goes_down_by_itself_is_counted():
    diaries = {
        "Ada": [(1, "1", "hci0", UP), (50, "1", "hci0", DOWN), (60, "2", "hci0", UP), (105, "2", "hci0", DOWN), (106, "3", "Bela", DOWN)]
    }
    assert unexplained(diaries, ["hci0"], [(100, 110)]) == 1
