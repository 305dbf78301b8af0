"""Which of several links is used, and how a link that failed earns its place back."""

import pytest

from gateway.bridge.route import Breaker, Health, Way, choose
from gateway.limits import PROBES_TO_TRUST, REST_CAP_S, REST_FIRST_S, REST_FORGET_S
from transports.link import LinkId


def way(name: str, order: int = 0, *, metered: bool = False, health: Health = Health.WELL, fits: bool = True) -> Way:
    return Way(LinkId(name), order, metered, health, fits)


@pytest.mark.parametrize(
    ("ways", "using", "chosen", "against"),
    [
        ([way("b", 1), way("a", 0)], None, "a", "the other is preferred"),
        ([way("a", 0, health=Health.FAILED), way("b", 1)], "a", "b", "it is not well"),
        ([way("a", 0, health=Health.ON_TRIAL), way("b", 1)], "b", "b", "it is on trial"),
        ([way("a", 0, metered=True), way("b", 1)], None, "b", "it costs money"),
        ([way("a", 0, fits=False), way("b", 1)], None, "b", "it takes too small frames"),
        ([way("a", 0, fits=False), way("b", 1, health=Health.FAILED)], None, "b", "it takes too small frames"),
        ([way("a", 0, health=Health.FAILED), way("b", 1, health=Health.FAILED)], "b", "b", "the other is preferred"),
        ([way("a", 0, health=Health.FAILED), way("b", 1, health=Health.FAILED)], None, "a", "the other is preferred"),
        ([way("b", 0), way("a", 0)], None, "a", "the other is preferred"),
    ],
)
def test_size_health_cost_and_order_decide_in_this_order(ways: list[Way], using: str | None, chosen: str, against: str) -> None:
    best, passed_over = choose(ways, LinkId(using) if using else None)
    assert best is not None
    assert best.link == chosen
    assert passed_over == ((next(one.link for one in ways if one.link != chosen), against),)


def test_without_a_link_that_can_be_used_there_is_no_way() -> None:
    assert choose([], None) == (None, ())
    assert choose([way("a", fits=False)], None) == (None, ((LinkId("a"), "it takes too small frames"),))


def test_a_link_that_failed_rests_and_then_answers_a_few_pings_in_a_row() -> None:
    breaker = Breaker()
    assert breaker.fail("it went down", 100.0)
    assert not breaker.fail("again", 100.0)
    assert (breaker.health, breaker.why) == (Health.FAILED, "it went down")
    assert not breaker.answered(in_time=True, now=100.0 + REST_FIRST_S - 0.1)
    assert breaker.health is Health.FAILED  # asked before it failed: no proof
    now = breaker.rests_until
    for _ in range(PROBES_TO_TRUST - 1):
        assert not breaker.answered(in_time=True, now=now)
    assert not breaker.answered(in_time=False, now=now)
    assert breaker.health is Health.ON_TRIAL
    for _ in range(PROBES_TO_TRUST - 1):
        assert not breaker.answered(in_time=True, now=now)
    assert breaker.answered(in_time=True, now=now)
    assert breaker.health is Health.WELL
    assert not breaker.answered(in_time=True, now=now)


def test_each_failure_doubles_the_rest_up_to_a_cap_and_good_service_forgives() -> None:
    breaker, now, rests = Breaker(), 0.0, []
    for _ in range(12):
        breaker.fail("again", now)
        rests.append(breaker.rests_until - now)
        now = breaker.rests_until
        for _ in range(PROBES_TO_TRUST):
            breaker.answered(in_time=True, now=now)
    assert rests[:3] == [REST_FIRST_S, 2 * REST_FIRST_S, 4 * REST_FIRST_S]
    assert rests[-1] == REST_CAP_S
    breaker.fail("after a long while", now + REST_FORGET_S)
    assert breaker.rests_until == now + REST_FORGET_S + REST_FIRST_S


def test_a_link_on_trial_that_fails_rests_again() -> None:
    breaker = Breaker()
    breaker.fail("first", 0.0)
    breaker.answered(in_time=True, now=10.0)
    assert breaker.fail("second", 10.0)
    assert (breaker.health, breaker.rests_until) == (Health.FAILED, 10.0 + 2 * REST_FIRST_S)
