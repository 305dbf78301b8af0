import itertools
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.bluez.ladder import BREAKS_LINKS, ROUTES, STANDING, Ladder, Outcome, Sign, Step, Symptom
from hw.bluez.pace import (
    FADE_S,
    LOOK_AGAIN_S,
    MAX_HISTORY,
    REST_S,
    SETTLE_S,
    SILENCE_CYCLE_CAP_S,
    SILENCE_CYCLE_S,
    SILENCE_SCANNER_S,
    STEP_LIMIT_S,
    WAIT_CAP_S,
)
from hw.bluez.steps import CURES

HOUR = 3600.0
EVENTS = [symptom for symptom in Symptom if symptom not in STANDING]
FAULTS = [symptom for symptom in Symptom if ROUTES[symptom] and symptom is not Symptom.SILENT]
Taken = list[tuple[float, Step]]


def drive(
    ladder: Ladder,
    now: float,
    until: float,
    outcome: Callable[[Step], Outcome] = lambda _: Outcome.OK,
    again: Symptom | None = None,
    takes: float = 2.0,
) -> Taken:
    """Own an adapter: take every step when it is due, and note `again` whenever the ladder is looked at."""
    taken: Taken = []
    while now < until:
        if again:
            ladder.note(again, now)
        step = ladder.due(now)
        if step is None:
            ahead = ladder.next_check(now)
            assert ahead >= now
            now = max(ahead, now + 0.5)  # a clock does move
            continue
        taken.append((now, step))
        ladder.began(step, now)
        assert ladder.due(now) is None
        now += takes
        ladder.ended(step, outcome(step), now)
    return taken


def gaps(taken: Taken, *steps: Step) -> list[float]:
    times = [now for now, step in taken if step in (steps or tuple(Step))]
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def test_nothing_is_due_while_all_is_well() -> None:
    ladder = Ladder("hci0")
    assert ladder.due(0.0) is None
    assert ladder.next_check(0.0) == LOOK_AGAIN_S
    assert (ladder.sentence(), ladder.remedy(), ladder.symptom) == ("", "", None)


@pytest.mark.parametrize("symptom", FAULTS)
def test_a_fault_that_stays_is_climbed_step_by_step_in_the_order_of_its_route(symptom: Symptom) -> None:
    ladder = Ladder("hci0")
    ladder.note(symptom, 0.0)
    taken = drive(ladder, 0.0, HOUR, again=symptom)
    route = ROUTES[symptom]
    assert [step for _, step in taken[: 2 * len(route)]] == [*route, *route]
    assert taken[len(route) - 1][0] <= 200.0  # the top is reached within minutes


@pytest.mark.parametrize("symptom", FAULTS)
def test_after_the_top_it_starts_over_with_waits_that_grow_up_to_half_an_hour(symptom: Symptom) -> None:
    ladder = Ladder("hci0")
    ladder.note(symptom, 0.0)
    taken = drive(ladder, 0.0, 48 * HOUR, again=symptom)
    first = ROUTES[symptom][0]
    between = gaps(taken, first)
    assert all(later >= earlier - 1.0 for earlier, later in itertools.pairwise(between))
    assert between[0] >= REST_S
    assert max(gaps(taken)) <= WAIT_CAP_S + 10.0
    assert gaps(taken)[-1] >= WAIT_CAP_S


@pytest.mark.parametrize("symptom", EVENTS)
def test_an_event_is_answered_further_only_after_fresh_evidence(symptom: Symptom) -> None:
    ladder = Ladder("hci0")
    ladder.note(symptom, 0.0)
    assert len(drive(ladder, 0.0, FADE_S / 2)) == 1  # a new scanner that starts in an empty hall is no failure
    ladder.note(symptom, FADE_S / 2)
    assert [step for _, step in drive(ladder, FADE_S / 2, FADE_S)] == [ROUTES[symptom][1]]


def test_a_fault_that_comes_and_goes_does_not_repeat_a_step_faster_than_it_can_work() -> None:
    ladder = Ladder("hci0")
    taken: Taken = []
    for second in range(120):
        ladder.note(Symptom.CONNECT_STORM, float(second))
        taken += drive(ladder, float(second), second + 0.5, takes=0.1)
        ladder.well(second + 0.5, Sign.LINK)
    assert {step for _, step in taken} == {Step.FORGET_DEVICES}
    assert min(gaps(taken)) >= SETTLE_S[Step.FORGET_DEVICES]


def test_failures_that_a_running_step_causes_are_no_evidence() -> None:
    ladder = Ladder("hci0")
    ladder.note(Symptom.SCAN_FAILED, 0.0)
    ladder.began(Step.NEW_SCANNER, 0.0)
    ladder.note(Symptom.SCAN_FAILED, 1.0)
    ladder.note(Symptom.ADVERTISING_FAILED, 1.0)
    ladder.ended(Step.NEW_SCANNER, Outcome.OK, 2.0)
    assert drive(ladder, 2.0, 300.0) == []


def test_a_step_that_failed_or_was_not_possible_needs_no_fresh_evidence() -> None:
    for outcome in (Outcome.FAILED, Outcome.NOT_POSSIBLE):
        ladder = Ladder("hci0")
        ladder.note(Symptom.SCAN_FAILED, 0.0)
        taken = drive(ladder, 0.0, REST_S, lambda _, outcome=outcome: outcome)
        assert [step for _, step in taken][:5] == list(ROUTES[Symptom.SCAN_FAILED])


def test_a_step_that_is_not_possible_is_skipped_at_once_and_said() -> None:
    ladder = Ladder("hci0")
    ladder.note(Symptom.POWERED_OFF, 0.0)
    start = ladder.next_check(0.0)
    ladder.began(Step.POWER_CYCLE, start)
    ladder.ended(Step.POWER_CYCLE, Outcome.NOT_POSSIBLE, start, "A switch on the device blocks it.")
    assert ladder.due(start) is Step.RESET_ADAPTER
    assert "A switch on the device blocks it." in ladder.sentence()
    assert "rfkill" in ladder.remedy()


def test_without_any_possible_step_the_tries_still_slow_down() -> None:
    ladder = Ladder("")
    ladder.note(Symptom.BLUEZ_GONE, 0.0)
    taken = drive(ladder, 0.0, 24 * HOUR, lambda _: Outcome.NOT_POSSIBLE, takes=0.0)
    assert gaps(taken)[0] >= REST_S
    assert gaps(taken)[-1] >= WAIT_CAP_S
    assert len(taken) < 60


def test_silence_causes_a_new_scanner_every_90_s_and_power_cycles_after_10_min_doubling_to_6_h() -> None:
    ladder = Ladder("hci0")
    ladder.note(Symptom.SILENT, 0.0)
    taken = drive(ladder, 0.0, 72 * HOUR)
    assert {step for _, step in taken} == {Step.NEW_SCANNER, Step.POWER_CYCLE}
    assert taken[0] == (0.0, Step.NEW_SCANNER)  # whoever notes silence has waited already
    assert SILENCE_SCANNER_S <= min(gaps(taken, Step.NEW_SCANNER)) < SILENCE_SCANNER_S + 5
    cycles = gaps(taken, Step.POWER_CYCLE)
    assert [round(gap / 60) for gap in cycles[:5]] == [20, 40, 80, 160, 320]
    assert round(cycles[-1] / 60) == SILENCE_CYCLE_CAP_S / 60
    assert next(now for now, step in taken if step is Step.POWER_CYCLE) >= SILENCE_CYCLE_S


def test_silence_never_breaks_a_link() -> None:
    ladder = Ladder("hci0")
    ladder.linked(1, 0.0)
    ladder.note(Symptom.SILENT, 0.0)
    assert {step for _, step in drive(ladder, 0.0, 24 * HOUR)} == {Step.NEW_SCANNER}
    ladder.linked(0, 24 * HOUR)  # ten minutes alone come first even then
    assert next(now for now, step in drive(ladder, 24 * HOUR, 26 * HOUR) if step is Step.POWER_CYCLE) >= 24 * HOUR + SILENCE_CYCLE_S


def test_connections_that_strangers_make_fail_never_break_a_link() -> None:
    ladder = Ladder("hci0")
    ladder.linked(1, 0.0)
    ladder.note(Symptom.CONNECT_STORM, 0.0)
    taken = drive(ladder, 0.0, 24 * HOUR, again=Symptom.CONNECT_STORM)
    assert {step for _, step in taken} == {Step.FORGET_DEVICES, Step.NEW_SCANNER}
    assert gaps(taken)[-1] > WAIT_CAP_S / 2


@pytest.mark.parametrize("symptom", FAULTS)
def test_the_service_is_not_restarted_while_another_adapter_carries_links(symptom: Symptom) -> None:
    ladder = Ladder("hci0")
    ladder.linked(0, 0.0, others=1)
    ladder.note(symptom, 0.0)
    taken = drive(ladder, 0.0, 6 * HOUR, again=symptom)
    assert Step.RESTART_BLUETOOTH not in {step for _, step in taken}
    assert taken or symptom is Symptom.BLUEZ_GONE


def test_a_lost_bus_is_said_but_nothing_is_tried_from_here() -> None:
    ladder = Ladder("hci0")
    ladder.note(Symptom.SCAN_FAILED, 0.0)
    ladder.note(Symptom.BUS_LOST, 0.0)
    assert drive(ladder, 0.0, HOUR) == []
    assert "D-Bus" in ladder.sentence()
    assert "restart the box" in ladder.remedy()


def test_a_graver_state_hides_what_it_causes_and_its_end_makes_that_evidence_stale() -> None:
    ladder = Ladder("hci0")
    ladder.note(Symptom.ADVERTISING_FAILED, 0.0)
    ladder.note(Symptom.SCAN_FAILED, 0.0)
    ladder.note(Symptom.SILENT, 0.0)
    ladder.note(Symptom.BLUEZ_GONE, 1.0)
    assert ladder.due(5.0) is None
    ladder.well(8.0, Sign.POWERED)  # systemd was faster than we are
    assert drive(ladder, 8.0, 120.0) == []
    ladder.note(Symptom.SCAN_FAILED, 121.0)
    assert ladder.due(121.0) is Step.NEW_SCANNER


def test_a_sign_cures_what_it_proves_and_no_more() -> None:
    for sign in Sign:
        ladder = Ladder("hci0")
        for symptom in Symptom:
            ladder.note(symptom, 0.0)
        ladder.well(1.0, sign)
        left = set()
        while ladder.symptom:
            left.add(ladder.symptom)
            ladder._climbs.pop(ladder.symptom)
        assert left == set(Symptom) - CURES[sign] - {Symptom.SILENT}  # the end of an outage starts the silence anew


def test_hearing_others_does_not_hide_that_advertising_fails() -> None:
    ladder = Ladder("hci0")
    taken = []
    for second in range(600):
        ladder.note(Symptom.ADVERTISING_FAILED, float(second))
        ladder.well(float(second), Sign.HEARD)
        taken += drive(ladder, float(second), second + 0.5, takes=0.1)
    assert [step for _, step in taken][:3] == list(ROUTES[Symptom.ADVERTISING_FAILED])


def test_an_event_that_nobody_repeats_is_forgotten() -> None:
    ladder = Ladder("hci0")
    ladder.note(Symptom.CONNECT_STORM, 0.0)
    drive(ladder, 0.0, 60.0)
    assert ladder.sentence()
    assert ladder.due(FADE_S + 60.0) is None
    assert ladder.sentence() == ""
    assert not ladder.recoveries


def test_a_recovery_is_recorded_with_its_steps_and_its_seconds() -> None:
    ladder = Ladder("hci0")
    ladder.note(Symptom.SCAN_FAILED, 100.0)
    ladder.began(Step.NEW_SCANNER, 100.0)
    ladder.ended(Step.NEW_SCANNER, Outcome.OK, 101.0, "fine")
    ladder.well(104.5, Sign.HEARD)
    assert [(entry.symptom, entry.steps, entry.seconds) for entry in ladder.recoveries] == [(Symptom.SCAN_FAILED, (Step.NEW_SCANNER,), 4.5)]
    assert [(a.step, a.symptom, a.seconds, a.outcome, a.why) for a in ladder.history] == [
        (Step.NEW_SCANNER, Symptom.SCAN_FAILED, 1.0, Outcome.OK, "fine"),
    ]


def test_what_went_away_by_itself_is_a_recovery_too_but_not_what_our_own_step_caused() -> None:
    ladder = Ladder("hci0")
    ladder.note(Symptom.BLUEZ_GONE, 0.0)
    ladder.well(3.0, Sign.POWERED)
    assert [(entry.symptom, entry.steps, entry.seconds) for entry in ladder.recoveries] == [(Symptom.BLUEZ_GONE, (), 3.0)]
    ladder.began(Step.POWER_CYCLE, 10.0)
    ladder.note(Symptom.POWERED_OFF, 10.5)
    ladder.well(11.0, Sign.POWERED)
    ladder.ended(Step.POWER_CYCLE, Outcome.OK, 11.0)
    assert len(ladder.recoveries) == 1


def test_the_end_of_a_silence_is_a_recovery_only_close_to_a_step() -> None:
    ladder = Ladder("hci0")
    ladder.note(Symptom.SILENT, 0.0)
    drive(ladder, 0.0, 5.0)
    ladder.well(6.0, Sign.HEARD)
    assert [entry.symptom for entry in ladder.recoveries] == [Symptom.SILENT]
    ladder.note(Symptom.SILENT, 100.0)
    drive(ladder, 100.0, 150.0)
    ladder.well(150.0, Sign.HEARD)  # a minute later, somebody came near
    assert len(ladder.recoveries) == 1


def test_a_step_that_never_ends_counts_as_failed_and_late_news_of_it_is_ignored() -> None:
    ladder = Ladder("hci0")
    ladder.note(Symptom.SCAN_FAILED, 0.0)
    ladder.began(Step.NEW_SCANNER, 0.0)
    assert ladder.next_check(0.0) == LOOK_AGAIN_S
    assert ladder.due(STEP_LIMIT_S - 1) is None
    assert ladder.next_check(STEP_LIMIT_S - 1) == STEP_LIMIT_S
    assert ladder.due(STEP_LIMIT_S) is None
    assert ladder.due(STEP_LIMIT_S + SETTLE_S[Step.NEW_SCANNER]) is Step.POWER_CYCLE
    ladder.ended(Step.NEW_SCANNER, Outcome.OK, STEP_LIMIT_S + 50.0)
    assert [attempt.outcome for attempt in ladder.history] == [Outcome.FAILED]


def test_a_step_that_a_person_asked_for_is_counted_and_takes_no_rung() -> None:
    ladder = Ladder("hci0")
    ladder.note(Symptom.SCAN_FAILED, 0.0)
    ladder.began(Step.RESET_ADAPTER, 0.0)
    ladder.ended(Step.RESET_ADAPTER, Outcome.OK, 1.0)
    assert ladder.counts[Step.RESET_ADAPTER] == 1
    assert ladder.history[-1].symptom is None
    ladder.note(Symptom.SCAN_FAILED, 2.0)
    assert ladder.due(2.0) is None  # given time to work
    assert ladder.due(1.0 + SETTLE_S[Step.RESET_ADAPTER]) is Step.NEW_SCANNER


def test_another_step_closes_one_whose_owner_was_stopped() -> None:
    ladder = Ladder("hci0")
    ladder.began(Step.POWER_CYCLE, 0.0)
    ladder.began(Step.NEW_SCANNER, 1.0)
    assert [(a.step, a.outcome) for a in ladder.history] == [(Step.POWER_CYCLE, Outcome.FAILED)]
    assert ladder.running is Step.NEW_SCANNER


@pytest.mark.parametrize("symptom", list(Symptom))
def test_every_trouble_has_a_sentence_in_plain_words_and_at_its_end_a_remedy(symptom: Symptom) -> None:
    ladder = Ladder("hci0")
    ladder.note(symptom, 0.0)
    said = {ladder.sentence()}
    for _ in range(6):
        step = ladder.due(ladder.next_check(0.0) + HOUR)
        if step is None:
            break
        ladder.began(step, HOUR)
        said.add(ladder.sentence())
        ladder.ended(step, Outcome.FAILED, HOUR)
        said.add(ladder.sentence())
    drive(ladder, HOUR, 3 * HOUR, lambda _: Outcome.FAILED, again=symptom)
    said.add(ladder.sentence())
    assert all(line[0].isupper() and line[-1] == "." and "{" not in line and "None" not in line for line in said)
    assert ladder.remedy().endswith(".")


def test_while_steps_are_left_a_person_need_not_do_anything() -> None:
    ladder = Ladder("hci0")
    ladder.note(Symptom.SCAN_FAILED, 0.0)
    assert ladder.remedy() == ""
    ladder.began(Step.NEW_SCANNER, 0.0)
    assert ladder.sentence() == "Bluetooth adapter hci0 does not search for phones; trying to start searching anew."
    assert ladder.remedy() == ""
    ladder.ended(Step.NEW_SCANNER, Outcome.OK, 1.0)
    assert ladder.remedy() == ""
    drive(ladder, 1.0, 400.0, again=Symptom.SCAN_FAILED)
    for hint in ("other program", "meshgate radio reset", "Unplug"):
        assert hint in ladder.remedy()


# Properties: any owner, any order of events, any timing.

happenings = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.floats(0.0, 2 * HOUR, allow_nan=False)),
        st.tuples(st.just("note"), st.sampled_from(list(Symptom))),
        st.tuples(st.just("well"), st.sampled_from([None, *Sign])),
        st.tuples(st.just("take"), st.tuples(st.sampled_from(list(Outcome)), st.floats(0.0, 30.0))),
        st.tuples(st.just("take"), st.tuples(st.none(), st.just(0.0))),
        st.tuples(st.just("ask"), st.sampled_from(list(Step))),
        st.tuples(st.just("links"), st.tuples(st.integers(0, 2), st.integers(0, 2))),
    ),
    max_size=80,
)


def live(ladder: Ladder, script: list[tuple[str, object]]) -> Iterator[tuple[str, object, float]]:
    """Play a script; yields what was done, before and after looking at the ladder, each with its time."""
    now = 1000.0
    for verb, argument in script:
        match verb, argument:
            case "wait", float(seconds):
                now += seconds
            case "note", Symptom() as symptom:
                ladder.note(symptom, now)
            case "well", (None | Sign()) as sign:
                ladder.well(now, sign)
                yield "well", sign, now
            case "links", (int(links), int(others)):
                ladder.linked(links, now, others)
                yield "links", (links, others), now
            case "ask", Step() as step:
                ladder.began(step, now)
                yield "asked", step, now
                ladder.ended(step, Outcome.OK, now)
            case "take", (outcome, float(seconds)):
                step = ladder.due(now)
                if step:
                    ladder.began(step, now)
                    yield "took", (step, ladder._running.symptom if ladder._running else None), now
                    if isinstance(outcome, Outcome):
                        now += seconds
                        ladder.ended(step, outcome, now)
        yield "looked", None, now


@given(happenings)
def test_whatever_happens_never_two_steps_at_once_bounds_hold_and_answers_repeat(script: list[tuple[str, object]]) -> None:
    ladder = Ladder("hci0")
    counted = dict(ladder.counts)
    for _, _, now in live(ladder, script):
        assert ladder.due(now) == ladder.due(now)
        assert ladder.running is None or ladder.due(now) is None
        assert now <= ladder.next_check(now) <= now + LOOK_AGAIN_S
        assert len(ladder.history) <= MAX_HISTORY >= len(ladder.recoveries)
        assert all(ladder.counts[step] >= counted[step] >= 0 for step in Step)
        counted = dict(ladder.counts)
        assert all(attempt.seconds >= 0 for attempt in ladder.history)
        assert all(entry.seconds >= 0 and len(entry.steps) <= len(Step) for entry in ladder.recoveries)
        assert bool(ladder.sentence()) == (ladder.symptom is not None)


@given(happenings)
def test_whatever_happens_a_step_keeps_its_distance_from_itself(script: list[tuple[str, object]]) -> None:
    ladder = Ladder("hci0")
    last: dict[Step, float] = {}
    for kind, what, now in live(ladder, script):
        if kind == "took" and isinstance(what, tuple):
            step, symptom = what
            assert symptom in Symptom
            assert now >= last.get(step, 0.0) + SETTLE_S[step]
        last |= {attempt.step: attempt.started + attempt.seconds for attempt in ladder.history}


@given(happenings)
def test_whatever_strangers_do_a_working_link_is_not_broken_for_it(script: list[tuple[str, object]]) -> None:
    ladder = Ladder("hci0")
    links = others = 0
    for kind, what, _ in live(ladder, script):
        if kind == "links" and isinstance(what, tuple):
            links, others = what
        if kind == "took" and isinstance(what, tuple):
            step, symptom = what
            assert not (links and step in BREAKS_LINKS and symptom in (Symptom.SILENT, Symptom.CONNECT_STORM))
            assert not (others and step is Step.RESTART_BLUETOOTH)


@given(st.lists(st.tuples(st.sampled_from(["silent", "heard", "frame"]), st.floats(0.0, HOUR)), max_size=60))
def test_silence_alone_however_it_comes_and_goes_stays_within_its_pace(script: list[tuple[str, float]]) -> None:
    ladder = Ladder("hci0")
    now, taken = 0.0, []
    for what, wait in script:
        if what == "silent":
            ladder.note(Symptom.SILENT, now)
        else:
            ladder.well(now, Sign.HEARD if what == "heard" else Sign.FRAME)
        taken += drive(ladder, now, now + wait)
        now = max([now + wait, *(at + 2.0 for at, _ in taken[-1:])])
    assert {step for _, step in taken} <= {Step.NEW_SCANNER, Step.POWER_CYCLE}
    assert all(gap >= SILENCE_SCANNER_S for gap in gaps(taken, Step.NEW_SCANNER))
    assert all(gap >= SILENCE_CYCLE_S for gap in gaps(taken, Step.POWER_CYCLE))


@given(happenings, st.sampled_from(FAULTS))
def test_after_all_is_well_the_next_trouble_starts_at_the_bottom_and_the_record_stays(
    script: list[tuple[str, object]], symptom: Symptom
) -> None:
    ladder = Ladder("hci0")
    now = 1000.0
    for _, _, at in live(ladder, script):
        now = at
    counts, attempts = dict(ladder.counts), [attempt for attempt in ladder.history if attempt.outcome is Outcome.OK]
    ladder.linked(0, now)
    ladder.well(now + STEP_LIMIT_S)
    assert (ladder.symptom, ladder.sentence(), ladder.remedy()) == (None, "", "")
    assert ladder.counts == counts
    assert [attempt for attempt in ladder.history if attempt.outcome is Outcome.OK][-len(attempts) :] == attempts[-MAX_HISTORY:]
    ladder.note(symptom, now + HOUR)
    fresh = Ladder("hci0")
    fresh.note(symptom, now + HOUR)
    assert drive(ladder, now + HOUR, now + 3 * HOUR, again=symptom) == drive(fresh, now + HOUR, now + 3 * HOUR, again=symptom)
