"""The registry: beginnings, ends, order, severities."""

import pytest

from gateway.status import Severity
from gateway.telemetry.health import SEVERITIES, Change, Health, Name, severity_of


@pytest.fixture
def health() -> Health:
    return Health()


def test_a_condition_begins_once_however_often_it_is_raised_and_whatever_its_words(health: Health) -> None:
    assert health.raise_(Name.STORE_UNUSABLE, "The disk is full.", "Delete something.", 10.0)
    assert not health.raise_(Name.STORE_UNUSABLE, "The disk is read-only.", "Replace the card.", 20.0)
    (condition,) = health.conditions
    assert (condition.since, condition.sentence, condition.remedy) == (10.0, "The disk is read-only.", "Replace the card.")
    assert health.raised[Name.STORE_UNUSABLE] == 1


def test_what_is_over_is_over_once_and_begins_anew(health: Health) -> None:
    health.raise_(Name.CLOCK_NOT_SET, "No time.", "", 1.0)
    assert health.clear(Name.CLOCK_NOT_SET, 4.0)
    assert not health.clear(Name.CLOCK_NOT_SET, 5.0)
    health.raise_(Name.CLOCK_NOT_SET, "No time.", "", 9.0)
    assert health.conditions[0].since == 9.0
    assert health.raised[Name.CLOCK_NOT_SET] == 2


def test_the_same_condition_of_two_parts_is_two_conditions(health: Health) -> None:
    health.raise_(Name.TRANSPORT_DOWN, "libp2p.", "", 1.0, subject="libp2p")
    health.raise_(Name.TRANSPORT_DOWN, "ble.", "", 2.0, subject="ble")
    health.clear(Name.TRANSPORT_DOWN, 3.0, subject="libp2p")
    assert [one.subject for one in health.conditions] == ["ble"]
    assert health.holds(Name.TRANSPORT_DOWN, "ble")
    assert not health.holds(Name.TRANSPORT_DOWN, "libp2p")
    assert health.holds_any(Name.TRANSPORT_DOWN)


def test_the_gravest_comes_first_and_of_those_the_oldest(health: Health) -> None:
    health.raise_(Name.TRANSPORT_DEGRADED, "notice", "", 1.0, subject="libp2p")
    health.raise_(Name.BRIDGE_WITHOUT_CELL, "warning", "", 2.0)
    health.raise_(Name.STORE_UNUSABLE, "younger error", "", 4.0)
    health.raise_(Name.CLOCK_NOT_SET, "older error", "", 3.0)
    assert [one.sentence for one in health.conditions] == ["older error", "younger error", "warning", "notice"]


@pytest.mark.parametrize(
    ("names", "worst", "ready"),
    [
        ((), None, True),
        ((Name.TRANSPORT_DEGRADED,), Severity.NOTICE, True),
        ((Name.TRANSPORT_DEGRADED, Name.TOO_HOT), Severity.WARNING, True),
        ((Name.TOO_HOT, Name.STORE_UNUSABLE), Severity.ERROR, False),
    ],
)
def test_only_an_error_makes_a_gateway_unready(health: Health, names: tuple[Name, ...], worst: Severity | None, ready: bool) -> None:
    for name in names:
        health.raise_(name, "Something.", "", 0.0)
    assert (health.worst, health.is_ready) == (worst, ready)


def test_watchers_are_told_of_beginnings_and_ends_and_of_nothing_between(health: Health) -> None:
    told: list[Change] = []
    health.watch(told.append)
    health.note(Name.TOO_HOT, ("Hot.", "Cool it."), 5.0)
    health.note(Name.TOO_HOT, ("Hotter.", "Cool it."), 6.0)
    health.note(Name.TOO_HOT, None, 12.5)
    health.note(Name.TOO_HOT, None, 13.0)
    assert [(change.raised, change.condition.sentence, change.lasted) for change in told] == [(True, "Hot.", 0.0), (False, "Hotter.", 7.5)]


def test_the_status_shows_name_severity_subject_and_age(health: Health) -> None:
    health.raise_(Name.TRANSPORT_DOWN, "Port 4001 is taken.", "Choose another.", 100.0, subject="libp2p")
    (problem,) = health.problems(160.04)
    assert (problem.name, problem.subject, problem.severity, problem.lasting_s) == ("transport_down", "libp2p", Severity.ERROR, 60.0)
    assert (problem.sentence, problem.remedy) == ("Port 4001 is taken.", "Choose another.")


def test_every_condition_has_a_severity_and_a_name_fit_for_a_label() -> None:
    assert {severity_of(name) for name in Name} == set(Severity)
    assert set(SEVERITIES) < set(Name)
    assert all(name.value == name.value.lower() and name.value.isidentifier() for name in Name)
    assert [severity.rank for severity in Severity] == [0, 1, 2]
