import pytest

from transports.ble.candidates import WEAK, WEAK_ALONE, WEAK_CROWDED, WEAK_LONELY, Candidates, gate
from transports.ble.edge import DialFailure, Heard
from transports.ble.holds import Holds
from transports.limits import (
    BLE_CANDIDATE_FRESH_S,
    BLE_CANDIDATE_KEEP_S,
    BLE_CANDIDATES,
    BLE_CROSSING_S,
    BLE_HOLD_CAP_S,
    BLE_HOLD_TIMEOUT_S,
    BLE_HOLD_USELESS_S,
    BLE_HOLD_WEAK_S,
    BLE_HOLDS,
)


def heard(address: str, rssi: int = -60, tag: bytes = b"") -> Heard:
    return Heard(f"/dev_{address}", address, is_random=True, rssi=rssi, tag=tag)


def nobody(_heard: Heard) -> bool:
    return False


def best(candidates: Candidates, now: float, weakest: int = -95, taken=nobody) -> str | None:
    found = candidates.best(now, weakest, taken)
    return found.heard.address if found is not None else None


@pytest.fixture
def holds() -> Holds:
    return Holds()


@pytest.fixture
def candidates(holds: Holds) -> Candidates:
    return Candidates(holds)


def test_the_strongest_of_equals_is_dialled(candidates):
    for address, rssi in (("a", -80), ("b", -50), ("c", -70)):
        candidates.hear(heard(address, rssi), 0.0)
    assert best(candidates, 0.0) == "b"


def test_a_device_that_failed_comes_after_one_that_did_not(candidates):
    candidates.hear(heard("near", -50), 0.0)
    candidates.hear(heard("far", -60), 0.0)
    for at in (0.0, 20.0):
        candidates.failed("near", DialFailure.TIMEOUT, at)
    for address in ("near", "far"):
        candidates.hear(heard(address, -55), 200.0)
    assert best(candidates, 200.0) == "far"


def test_a_device_heard_just_now_is_preferred_to_one_heard_a_while_ago(candidates):
    candidates.hear(heard("before"), 0.0)
    candidates.hear(heard("now"), 20.0)
    assert best(candidates, 20.0) == "now"


def test_others_get_a_turn_before_a_device_that_was_linked_lately(candidates):
    candidates.hear(heard("again", -55), 0.0)
    candidates.hear(heard("other", -60), 0.0)
    candidates.linked("again", 0.0)
    assert best(candidates, 1.0) == "other"
    assert best(candidates, 1.0, taken=lambda one: one.address == "other") == "again"


def test_a_device_that_was_not_heard_lately_is_not_dialled_and_then_forgotten(candidates):
    candidates.hear(heard("a"), 0.0)
    assert best(candidates, BLE_CANDIDATE_FRESH_S) == "a"
    assert best(candidates, BLE_CANDIDATE_FRESH_S + 1) is None
    candidates.expire(BLE_CANDIDATE_KEEP_S)
    assert len(candidates) == 1
    candidates.expire(BLE_CANDIDATE_KEEP_S + 1)
    assert len(candidates) == 0


def test_one_weak_reading_does_not_make_a_device_weak(candidates):
    candidates.hear(heard("a", -60), 0.0)
    candidates.hear(heard("a", -100), 1.0)
    assert best(candidates, 1.0, weakest=WEAK) == "a"


@pytest.mark.parametrize(
    ("links", "crowded", "alone_for", "weakest"),
    [(1, False, 0.0, WEAK), (0, False, 0.0, WEAK_ALONE), (0, False, 30.0, WEAK_LONELY), (3, True, 0.0, WEAK_CROWDED)],
)
def test_the_gate_opens_with_loneliness(links, crowded, alone_for, weakest):
    assert gate(links=links, crowded=crowded, alone_for=alone_for) == weakest


def test_the_wait_after_failures_doubles_to_a_cap(candidates, holds):
    now, waits = 0.0, []
    for _ in range(8):
        candidates.hear(heard("a"), now)
        candidates.failed("a", DialFailure.TIMEOUT, now)
        waits.append(holds.until("a", b"") - now)
        now = holds.until("a", b"")
    assert waits[:3] == [BLE_HOLD_TIMEOUT_S, 2 * BLE_HOLD_TIMEOUT_S, 4 * BLE_HOLD_TIMEOUT_S]
    assert waits[-1] == BLE_HOLD_CAP_S


@pytest.mark.parametrize(
    ("rssi", "kind", "wait"),
    [
        (-60, DialFailure.ABORTED, BLE_HOLD_TIMEOUT_S),
        (-94, DialFailure.TIMEOUT, BLE_HOLD_WEAK_S),
        (-60, DialFailure.NO_SERVICE, BLE_HOLD_USELESS_S),
        (-60, DialFailure.SMALL_MTU, BLE_HOLD_USELESS_S),
    ],
)
def test_the_first_wait_depends_on_what_went_wrong(candidates, rssi, kind, wait):
    candidates.hear(heard("a", rssi), 0.0)
    candidates.failed("a", kind, 0.0)
    candidates.hear(heard("a", rssi), wait)
    assert best(candidates, wait - 0.1) is None
    assert candidates.next_ready(0.0) == wait
    assert best(candidates, wait) == "a"


def test_a_hold_on_a_tag_holds_every_address_with_it(candidates, holds):
    holds.hold(b"tag", 900.0, banned=True)
    candidates.hear(heard("new", tag=b"tag"), 1.0)
    assert best(candidates, 1.0) is None
    assert holds.is_banned("new", candidates.tag_of("new"), 1.0)
    assert not holds.is_banned("new", b"", 1.0)


def test_the_other_side_gets_a_moment_to_dial_first(candidates):
    candidates.hear(heard("a"), 0.0, yields=True)
    assert best(candidates, BLE_CROSSING_S - 0.1) is None
    assert best(candidates, BLE_CROSSING_S) == "a"


def test_a_tag_that_is_missing_from_one_report_is_remembered(candidates):
    candidates.hear(heard("a", tag=b"tag"), 0.0)
    candidates.hear(heard("a"), 1.0)
    assert candidates.tag_of("a") == b"tag"


def test_a_thousand_rotating_addresses_stay_bounded_and_do_not_push_out_who_has_been_there(candidates, holds):
    for second in range(12):
        candidates.hear(heard("honest", -85), float(second))
    for number in range(1_000):
        now = 12.0 + number / 100
        candidates.hear(heard(f"liar{number}", -30, tag=number.to_bytes(8, "big")), now)
        candidates.failed(f"liar{number}", DialFailure.TIMEOUT, now)
        if number % 100 == 0:
            candidates.hear(heard("honest", -85), now)
    assert len(candidates) == BLE_CANDIDATES
    assert len(holds) <= BLE_HOLDS
    assert "honest" in [known.heard.address for known in candidates.all()]


def test_while_dials_fail_every_second_one_goes_to_who_has_been_there(candidates):
    for second in range(12):
        candidates.hear(heard("honest", -85), float(second))
    chosen = []
    for number in range(6):
        candidates.hear(heard(f"liar{number}", -30), 12.0)
        chosen.append(best(candidates, 12.0))
        if chosen[-1] != "honest":
            candidates.failed(chosen[-1], DialFailure.TIMEOUT, 12.0)
        else:
            break
    assert chosen == ["liar0", "honest"]


def test_bans_outlast_a_flood_of_short_holds(holds):
    holds.hold("banned", 900.0, banned=True)
    for number in range(3 * BLE_HOLDS):
        holds.hold(f"short{number}", 5_000.0)
    assert len(holds) == BLE_HOLDS
    assert holds.is_banned("banned", b"", 1.0)


def test_a_shorter_hold_does_not_replace_a_longer_one(holds):
    holds.hold("a", 900.0, banned=True)
    holds.hold("a", 3.0)
    assert holds.until("a", b"") == 900.0
    assert holds.is_banned("a", b"", 899.0)
    holds.expire(900.0)
    assert len(holds) == 0
