"""What the rounds find, and what they make of it."""

import pytest

from gateway.telemetry.health import Health, Name
from gateway.telemetry.rounds import Check, Rounds
from hw.vitals import Vitals
from tests.hw.feeling import felt
from transports.link import TransportState, TransportStatus


class Asked:
    """Something with a status that can be set."""

    def __init__(self, state: TransportState) -> None:
        self.state = state

    def status(self) -> TransportStatus:
        return TransportStatus("libp2p", self.state, f"It is {self.state}.", "Look at it.")


@pytest.mark.parametrize(
    ("state", "names"),
    [
        (TransportState.STARTING, []),
        (TransportState.UP, []),
        (TransportState.DEGRADED, [Name.TRANSPORT_DEGRADED]),
        (TransportState.DOWN, [Name.TRANSPORT_DOWN]),
    ],
)
def test_the_state_of_a_transport_is_a_condition(state: TransportState, names: list[Name]) -> None:
    health = Health()
    Rounds(health, [Asked(state)], []).look(1.0)
    assert [(one.name, one.subject) for one in health.conditions] == [(name, "libp2p") for name in names]


def test_a_transport_that_fails_altogether_is_not_degraded_any_more() -> None:
    health, asked = Health(), Asked(TransportState.DEGRADED)
    rounds = Rounds(health, [asked], [])
    for now, state in enumerate((TransportState.DEGRADED, TransportState.DOWN, TransportState.DOWN, TransportState.UP)):
        asked.state = state
        rounds.look(float(now))
    assert health.conditions == ()
    assert (health.raised[Name.TRANSPORT_DEGRADED], health.raised[Name.TRANSPORT_DOWN]) == (1, 1)


def test_a_check_is_asked_every_time() -> None:
    health, found = Health(), [None, ("Wrong.", "Mend it."), None]
    rounds = Rounds(health, [], [Check(Name.STORE_UNUSABLE, found.pop)])
    held = []
    for now in range(3):
        rounds.look(float(now))
        held.append(health.holds(Name.STORE_UNUSABLE))
    assert held == [False, True, False]


@pytest.mark.parametrize(
    ("vitals", "names"),
    [
        (felt(), set()),
        (felt(60.0, False, 1_000, 500), set()),
        (felt(80.0, True, 1_000, 99), {Name.TOO_HOT, Name.UNDERVOLTAGE, Name.DISK_NEARLY_FULL}),
        (felt(disk=0), set()),
    ],
)
def test_what_the_machine_feels_is_a_condition(vitals: Vitals, names: set[Name]) -> None:
    health = Health()
    Rounds(health, [], []).feel(vitals, 1.0)
    assert {one.name for one in health.conditions} == names


def test_heat_at_the_bound_does_not_flicker() -> None:
    health = Health()
    rounds = Rounds(health, [], [])
    for now, celsius in enumerate((80.5, 79.0, 80.2, 76.0, 74.9, 79.0)):
        rounds.feel(felt(celsius), float(now))
    assert (health.holds(Name.TOO_HOT), health.raised[Name.TOO_HOT]) == (False, 1)


def test_a_sensor_that_falls_silent_changes_nothing() -> None:
    health = Health()
    rounds = Rounds(health, [], [])
    rounds.feel(felt(undervoltage=True), 0.0)
    rounds.feel(felt(), 1.0)
    assert health.holds(Name.UNDERVOLTAGE)
