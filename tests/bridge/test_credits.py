"""Air time is shared fairly: nobody starves, nothing is made from nothing, and inventing senders gets nobody more."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.bridge.credits import Credits, air_ms
from gateway.limits import (
    CREDIT_HEADROOM_MS,
    CREDIT_IDLE_S,
    CREDIT_ORIGIN_MS,
    CREDIT_SITE_MS,
    EARNED_SHARE,
    MAX_CREDIT_ORIGINS,
    MAX_SITES,
)

RATE = 250.0  # milliseconds of air a second
HUT, HALL, BARN = b"hut.....", b"hall....", b"barn...."


def invented(number):
    return b"fake" + number.to_bytes(4)


def row(ledger, now, site, origin=None):
    return next(one for one in ledger.status(now) if (one.site, one.origin) == (site, origin))


def drain(ledger, site, now, cost=50.0):
    """Use up what a site has, under one name."""
    while ledger.admit(site, b"drainer.", cost, now):
        pass


def test_air_time_follows_from_size_and_measured_rate():
    assert air_ms(64 * 1024) == 2_048.0
    assert air_ms(1_000, bytes_per_ms=100.0) == 10.0


def test_while_there_is_plenty_one_sender_may_use_more_than_a_share():
    ledger = Credits(RATE)
    assert sum(ledger.admit(HUT, b"only", 100.0, 0.0) for _ in range(200)) == CREDIT_SITE_MS / 2 / 100.0
    assert row(ledger, 0.0, HUT).level_ms == CREDIT_SITE_MS / 2


def test_one_who_takes_everything_leaves_a_reserve_for_who_asks_little():
    ledger = Credits(RATE)
    drain(ledger, HUT, 0.0)
    assert not ledger.admit(HUT, b"modest", 10.0, 0.0)  # a newcomer begins with nothing
    assert ledger.admit(HUT, b"modest", 10.0, 1.0)


def test_a_site_that_asks_for_less_than_its_share_is_never_refused():
    ledger = Credits(RATE)
    for tenth in range(600):
        now = tenth / 10
        for number in range(20):
            ledger.admit(HALL, invented(number), 40.0, now)
            ledger.admit(BARN, invented(number), 40.0, now)
        assert ledger.admit(HUT, b"modest", RATE / 3 / 10, now), now


def test_ten_thousand_invented_senders_leave_other_sites_and_active_senders_what_is_theirs():
    ledger = Credits(RATE)
    assert ledger.admit(HALL, b"active", 5.0, 0.0)
    for number in range(10_000):
        ledger.admit(HALL, invented(number), 5.0, 1.0)
    assert row(ledger, 1.0, HALL, b"active").admitted == 1, "an active sender was pushed out"
    assert len(ledger.status(1.0)) <= 1 + MAX_CREDIT_ORIGINS + 1
    assert ledger.admit(HUT, b"modest", CREDIT_SITE_MS / 2, 1.0), "another site's savings were touched"


def test_an_active_sender_gets_its_share_however_many_are_invented_beside_it():
    ledger = Credits(RATE)
    ledger.admit(HALL, b"active", 1.0, 0.0)
    drain(ledger, HALL, 0.0)
    through, number = 0, 0
    for tenth in range(1, 1_000):
        now = tenth / 10
        for _ in range(40):
            number += 1
            ledger.admit(HALL, invented(number), 5.0, now)
        through += ledger.admit(HALL, b"active", 5.0, now)
    assert number > 10_000
    fair = RATE / (MAX_CREDIT_ORIGINS + 1)  # all places taken, and the strangers
    assert through * 5.0 >= 0.9 * fair * 100


@settings(max_examples=30)
@given(
    st.integers(1, MAX_CREDIT_ORIGINS - 1),
    st.lists(st.tuples(st.integers(0, 62), st.floats(1.0, CREDIT_ORIGIN_MS)), min_size=1, max_size=40),
    st.floats(1.0, CREDIT_ORIGIN_MS),
)
def test_nobody_starves_whatever_the_others_do(others, demands, cost):
    """Whoever keeps asking is admitted once the others have used up their savings and the share has come in."""
    ledger = Credits(RATE)
    ledger.admit(HALL, b"patient", 0.001, 0.0)
    drain(ledger, HALL, 0.0)
    patience = (others + 2) * (CREDIT_ORIGIN_MS + cost) / RATE
    second = 0.0
    while not ledger.admit(HALL, b"patient", cost, second):
        for who, what in demands:
            ledger.admit(HALL, invented(who % others), what, second)
        second += 0.5
        assert second <= patience + CREDIT_SITE_MS / RATE, "starved"


SITES = st.sampled_from([b"", HUT, HALL, BARN])
STEPS = st.lists(
    st.tuples(st.floats(0, 20), SITES, st.integers(0, 5), st.floats(0.1, 20_000.0), st.booleans()),
    max_size=60,
)


@given(STEPS)
def test_no_more_is_spent_than_there_was(steps):
    ledger, now, spent, earned, largest = Credits(RATE), 0.0, 0.0, 0.0, 0.0
    for wait, site, origin, cost, earns in steps:
        now += wait
        if earns:
            ledger.earn(site, cost, now)
            earned += EARNED_SHARE * cost
        elif ledger.admit(site, invented(origin), cost, now):
            spent += cost
            largest = max(largest, cost)
    debts = 4 * max(0.0, largest - CREDIT_SITE_MS)
    assert spent <= 8 * CREDIT_SITE_MS + RATE * now + earned + debts + 1e-3  # four sites, each with its savings for talk and for bulk
    rows = ledger.status(now)
    assert sum(one.spent_ms for one in rows if one.origin is None) == pytest.approx(spent)
    assert all(one.level_ms <= CREDIT_SITE_MS for one in rows if one.origin is None)
    assert all(one.level_ms <= CREDIT_ORIGIN_MS for one in rows if one.origin is not None)
    assert all(0 <= one.headroom_ms <= CREDIT_HEADROOM_MS for one in rows)


def test_carrying_for_others_earns_headroom_up_to_a_limit_and_it_is_spent_last():
    ledger = Credits(RATE)
    ledger.earn(HUT, 1_000.0, 0.0)
    assert row(ledger, 0.0, HUT).headroom_ms == 500.0
    assert ledger.admit(HUT, b"a", 900.0, 0.0)
    assert (row(ledger, 0.0, HUT).headroom_ms, row(ledger, 0.0, HUT).level_ms) == (500.0, CREDIT_SITE_MS - 900.0)
    ledger.earn(HUT, 1e9, 0.0)
    assert row(ledger, 0.0, HUT).headroom_ms == CREDIT_HEADROOM_MS
    taken = 900.0 + 1_000.0 * sum(ledger.admit(HUT, b"a", 1_000.0, 0.0) for _ in range(50))
    left = row(ledger, 0.0, HUT)
    assert (left.level_ms, left.headroom_ms) == (0.0, CREDIT_SITE_MS + CREDIT_HEADROOM_MS - taken)
    assert 0 <= left.headroom_ms - CREDIT_SITE_MS / 2 < 1_000.0  # the reserve stays


def test_bulk_larger_than_all_savings_passes_when_they_are_full_and_only_bulk_waits_for_its_debt():
    ledger = Credits(RATE)
    assert ledger.admit(HUT, b"a", 30_000.0, 0.0)
    assert row(ledger, 0.0, HUT).bulk_ms == CREDIT_SITE_MS - 30_000.0
    assert not ledger.admit(HUT, b"b", CREDIT_ORIGIN_MS + 1, 60.0)
    assert ledger.admit(HUT, b"b", CREDIT_ORIGIN_MS, 60.0), "talk waited for a debt of bulk"
    assert ledger.admit(HUT, b"b", CREDIT_ORIGIN_MS + 1, 60.0 + 20_000.0 / RATE + CREDIT_ORIGIN_MS / RATE)


def test_a_flood_of_bulk_leaves_talk_what_it_asks_for():
    ledger = Credits(RATE)
    for tenth in range(1_200):
        now = tenth / 10
        ledger.admit(HUT, invented(tenth), 30_000.0, now)
        assert ledger.admit(HUT, b"modest", 10.0, now), now


def test_a_quiet_senders_place_is_given_away_and_a_used_one_is_not():
    ledger = Credits(RATE)
    for number in range(MAX_CREDIT_ORIGINS):
        ledger.admit(HUT, invented(number), 1.0, 0.0)
    ledger.admit(HUT, b"late", 1.0, CREDIT_IDLE_S - 1)
    assert row(ledger, CREDIT_IDLE_S - 1, HUT, b"").admitted == 1  # paid by the strangers' account
    ledger.admit(HUT, b"late", 1.0, CREDIT_IDLE_S)
    assert row(ledger, CREDIT_IDLE_S, HUT, b"late").admitted == 1
    assert not [one for one in ledger.status(CREDIT_IDLE_S) if one.origin == invented(0)]


def test_the_number_of_sites_is_bounded_and_a_site_in_use_keeps_its_place():
    ledger = Credits(RATE)
    sites = [b"s" + number.to_bytes(7) for number in range(MAX_SITES + 2)]  # two of them stand for our own island and the relays
    for site in sites:
        assert ledger.admit(site, b"a", 1.0, 0.0)
    assert not ledger.admit(HUT, b"a", 1.0, 1.0)
    assert ledger.admit(HUT, b"a", 1.0, CREDIT_IDLE_S)
    assert len([one for one in ledger.status(CREDIT_IDLE_S) if one.origin is None]) == MAX_SITES + 2


def test_a_site_that_is_forgotten_takes_its_headroom_along():
    ledger = Credits(RATE)
    ledger.earn(HUT, 1_000.0, 0.0)
    ledger.forget(HUT)
    assert ledger.status(0.0) == ()
    ledger.forget(HUT)


def test_a_clock_that_goes_back_gives_nothing():
    ledger = Credits(RATE)
    drain(ledger, HUT, 100.0)
    level = row(ledger, 100.0, HUT).level_ms
    assert row(ledger, 50.0, HUT).level_ms == level
    assert row(ledger, 101.0, HUT).level_ms == level + RATE


def test_there_must_be_something_to_share():
    with pytest.raises(ValueError, match="some air time"):
        Credits(0.0)
