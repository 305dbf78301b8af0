import pytest

from transports.ble.duty import ALWAYS, LITTLE, SOME, Duty, rhythm

LONG_AGO = 1e9


@pytest.mark.parametrize(
    ("links", "traffic_age", "expected"),
    [
        (0, LONG_AGO, ALWAYS),
        (2, LONG_AGO, ALWAYS),
        (3, 9.9, ALWAYS),
        (3, 10.0, SOME),
        (5, LONG_AGO, SOME),
        (6, 0.0, LITTLE),
        (9, LONG_AGO, LITTLE),
    ],
)
def test_the_rhythm_follows_links_and_traffic_as_on_ios(links, traffic_age, expected):
    assert rhythm(links, traffic_age) == expected


def share(links: int, seconds: int) -> float:
    duty = Duty(0.0)
    return sum(duty.scans(links, LONG_AGO, float(now)) for now in range(seconds)) / seconds


def test_the_share_of_time_spent_scanning_is_that_of_the_rhythm():
    assert share(2, 600) == 1.0
    assert share(4, 600) == pytest.approx(5 / 15, abs=0.01)
    assert share(6, 720) == pytest.approx(3 / 18, abs=0.01)


def test_scanning_starts_at_once_when_links_become_few():
    duty = Duty(0.0)
    duty.scans(4, LONG_AGO, 5.0)
    assert not duty.scans(4, LONG_AGO, 6.0)
    assert duty.scans(2, LONG_AGO, 7.0)


def test_a_rest_is_not_cut_short_by_looking_often():
    duty = Duty(0.0)
    assert not duty.scans(4, LONG_AGO, 5.0)
    assert not any(duty.scans(4, LONG_AGO, 5.0 + step / 10) for step in range(100))
    assert duty.scans(4, LONG_AGO, 15.0)
