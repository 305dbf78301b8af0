"""Versions side by side: a new one that is no good, a power cut, a full disk: the old one runs."""

import os
import sys
from pathlib import Path

import pytest

from gateway.update import staging
from gateway.update.errors import Refusal, UpdateError
from gateway.update.installation import Clock, Installation
from gateway.update.journal import Journal, Outcome, Phase, read_journal, write_journal
from gateway.update.limits import HOLD_S, MAX_RESTARTS, MAX_TRIAL_BOOTS, TRIAL_S
from gateway.update.tree import Tree
from gateway.update.trial import Look, Trial
from tests.update.box import NEW, OLD, UNIT, Box, full
from tests.update.bundles import MACHINE, SEED, TRUSTED

WELL = Look(failed=False, restarts=0, version=NEW, troubles=frozenset())


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Box:
    monkeypatch.setattr(staging, "MACHINE", MACHINE)
    monkeypatch.setattr(staging, "PYTHON", "cp311")
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)  # the order of writing is looked at, not the disk
    return Box(tmp_path)


def look(**about) -> Look:
    return Look(**{"failed": False, "restarts": 0, "version": NEW, "troubles": frozenset(), **about})


def test_a_version_that_stays_well_is_trusted_and_the_one_before_is_kept(box: Box) -> None:
    before = box.time
    report = box.apply()
    assert (report.outcome, report.version, report.origin, report.number) == (Outcome.APPLIED, NEW, OLD, 1)
    assert box.is_of_one_piece()
    assert box.tree.current == NEW
    assert box.time - before >= HOLD_S
    assert box.installation().journal.previous == OLD
    assert box.tree.is_complete(OLD)
    assert box.steps == ["install", "switch", "trial", "confirm"]


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        (lambda _age: look(failed=True), "systemd gave it up"),
        (lambda _age: look(version="", troubles=None), "it did not answer"),
        (lambda age: look(version="", troubles=None) if age > 60 else None, "it did not answer"),
        (lambda _age: look(troubles=frozenset({"store_unusable"})), "it was not ready: store_unusable"),
        (lambda age: look(restarts=int(age / 40)), f"it had to be started again {MAX_RESTARTS + 1} times"),
        (lambda _age: look(version=OLD), "another version answers in its place"),
    ],
)
def test_a_version_that_is_worse_than_the_one_before_gives_way_to_it(box: Box, behaviour, why: str) -> None:
    box.service.behaviour[NEW] = behaviour
    before = box.time
    report = box.apply()
    assert (report.outcome, report.why) == (Outcome.FELL_BACK, why)
    assert box.is_of_one_piece()
    assert box.tree.current == OLD
    assert not box.tree.of(NEW).exists()
    assert box.time - before <= TRIAL_S + 10
    assert box.installation().journal.last == report


def test_what_was_wrong_before_is_not_the_new_versions_fault(box: Box) -> None:
    broken = frozenset({"radio_unavailable"})
    box.service.behaviour[OLD] = lambda _age: look(version=OLD, troubles=broken)
    box.service.behaviour[NEW] = lambda _age: look(troubles=broken)
    assert box.apply().outcome is Outcome.APPLIED


def test_a_gateway_that_did_not_answer_may_be_mended_by_any_version_that_does(box: Box) -> None:
    box.service.behaviour[OLD] = lambda _age: look(version="", troubles=None)
    box.service.behaviour[NEW] = lambda _age: look(troubles=frozenset({"radio_unavailable"}))
    assert box.apply().outcome is Outcome.APPLIED


def test_a_version_has_time_to_come_up_and_must_be_well_without_a_break() -> None:
    trial = Trial(NEW, frozenset(), 0.0)
    assert trial.judge(look(version="", troubles=None), 0.0) is None
    assert trial.judge(WELL, 100.0) is None
    assert trial.judge(look(troubles=frozenset({"transport_down ble"})), 100.0 + HOLD_S - 1) is None
    assert trial.judge(WELL, 300.0) is None
    assert trial.judge(look(restarts=1), 310.0) is None  # started again between two looks
    assert trial.judge(look(restarts=1), 320.0) is None
    assert trial.judge(look(restarts=1), 320.0 + HOLD_S - 1) is None
    assert trial.judge(look(restarts=1), 320.0 + HOLD_S) is True


def test_going_back_is_put_on_trial_like_going_forward(box: Box) -> None:
    box.apply()
    report = box.installation().rollback(box.told)
    assert (report.outcome, report.version, report.origin) == (Outcome.ROLLED_BACK, OLD, NEW)
    assert box.is_of_one_piece()
    assert box.tree.current == OLD
    assert box.installation().rollback(box.told).version == NEW  # and forward again
    assert box.is_of_one_piece()


def test_an_old_version_that_is_no_good_any_more_is_not_gone_back_to(box: Box) -> None:
    box.apply()
    box.service.behaviour[OLD] = lambda _age: look(failed=True)
    assert box.installation().rollback(box.told).outcome is Outcome.FELL_BACK
    assert box.tree.current == NEW
    assert box.is_of_one_piece()
    assert box.installation().journal.previous == OLD


def test_there_is_no_way_back_where_there_was_none_forward(box: Box) -> None:
    with pytest.raises(UpdateError) as raised:
        box.installation().rollback(box.told)
    assert raised.value.refusal is Refusal.NO_PREVIOUS


def test_only_two_versions_are_kept(box: Box) -> None:
    box.apply()
    box.apply("0.3.0")
    assert {path.name for path in box.tree.versions.iterdir()} == {NEW, "0.3.0"}
    assert box.installation().journal.previous == NEW


@pytest.mark.parametrize(
    ("about", "refusal"),
    [
        ({"version": OLD}, Refusal.SAME),
        ({"version": "0.0.9", "oldest": "0.0.1"}, Refusal.OLDER),
        ({"machine": "aarch64"}, Refusal.MACHINE),
        ({"pythons": ("cp313",)}, Refusal.PYTHON),
        ({"seed": bytes(32)}, Refusal.KEY),
    ],
)
def test_what_is_refused_changes_nothing(box: Box, about, refusal: Refusal) -> None:
    with pytest.raises(UpdateError) as raised:
        box.apply(**about)
    assert raised.value.refusal is refusal
    assert box.is_of_one_piece()
    assert not box.tree.journal.exists()


def test_an_older_version_is_taken_where_that_was_asked_for(box: Box) -> None:
    assert box.apply("0.0.9", oldest="0.0.1", downgrade=True).outcome is Outcome.APPLIED


def test_a_bundle_that_turns_out_to_be_tampered_with_leaves_nothing_behind(box: Box) -> None:
    path = box.bundle()
    data = path.read_bytes()
    path.write_bytes(data.replace(b"PKPK", b"PKpk", 1))
    with pytest.raises(UpdateError) as raised:
        box.apply()
    assert raised.value.refusal is Refusal.TAMPERED
    assert box.is_of_one_piece()
    assert not box.tree.of(NEW).exists()
    journal = box.installation().journal
    assert journal.last is not None
    assert journal.last.outcome is Outcome.BROKEN_OFF


def test_a_disk_without_room_is_seen_before_anything_is_written(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    left = os.statvfs(box.root)
    monkeypatch.setattr(os, "statvfs", lambda _path: os.statvfs_result((*left[:4], 10, *left[5:])))
    with pytest.raises(UpdateError) as raised:
        box.apply()
    assert raised.value.refusal is Refusal.NO_ROOM
    assert box.is_of_one_piece()
    assert not box.tree.of(NEW).exists()


def test_a_disk_that_is_full_after_all_leaves_the_old_version_running(box: Box) -> None:
    installation = Installation(box.tree, box.service, box.system, Clock(lambda: 0.0, box.sleep, lambda: 0.0), make=full)
    with box.bundle().open("rb") as file, pytest.raises(UpdateError) as raised:
        installation.apply(file, TRUSTED, box.told)
    assert raised.value.refusal is Refusal.NO_ROOM
    assert box.is_of_one_piece()


def test_a_box_that_is_not_kept_in_versions_says_so(tmp_path: Path, box: Box) -> None:
    with box.bundle().open("rb") as file, pytest.raises(UpdateError) as raised:
        Installation(Tree(tmp_path / "nothing"), box.service).apply(file, TRUSTED, box.told)
    assert raised.value.refusal is Refusal.NOT_HERE


def test_nothing_else_is_begun_during_a_trial(box: Box) -> None:
    write_journal(box.tree.journal, Journal(Phase.TRIAL, origin=OLD, target=NEW))
    with pytest.raises(UpdateError) as raised:
        box.apply("0.3.0")
    assert raised.value.refusal is Refusal.BUSY


class PowerCut(BaseException):
    """The power goes."""


ROOMS = ("installation.py", "tree.py", "units.py", "journal.py", "trial.py", "bundle.py", "box.py")


class Cut:
    """Cuts the power before the line with a number is run, counted over everything that changes something."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, frame, event: str, _argument):
        if not frame.f_code.co_filename.endswith(ROOMS):
            return None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                sys.settrace(None)
                raise PowerCut
        return self


def cut(at: int, doing) -> bool:
    """Do something until the power is cut; whether it was."""
    before = sys.gettrace()
    sys.settrace(Cut(at))
    try:
        doing()
    except PowerCut:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.timeout(60)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # nobody closes files when the power goes
@pytest.mark.parametrize("is_good", [True, False], ids=["a good version", "a bad version"])
def test_a_power_cut_at_any_line_is_undone_or_gone_on_from(box: Box, tmp_path: Path, is_good: bool) -> None:
    """At places spread over all lines that are run, and at every third of them once more while it recovers."""
    at, ends, cuts = 1, set(), 0
    while True:
        here = Box(tmp_path / str(at))
        here.pace = 60.0
        here.service.behaviour[NEW] = (lambda _age: None) if is_good else (lambda _age: look(failed=True))
        if not cut(at, here.apply):
            break
        cuts += 1
        assert here.tree.is_complete(here.tree.current), at
        if cuts % 3 == 0:
            cut(1 + at % 97, here.restart)
            assert here.tree.is_complete(here.tree.current), at
        here.restart()
        here.restart()
        assert here.is_of_one_piece(), at
        ends.add(here.tree.current)
        at += 5
    assert cuts > 50
    assert ends == ({OLD, NEW} if is_good else {OLD})


def test_a_version_that_takes_the_box_down_is_given_up_after_some_starts(box: Box) -> None:
    def dies(_age: float) -> Look:
        raise PowerCut

    box.service.behaviour[NEW] = dies
    with pytest.raises(PowerCut):
        box.apply()
    for _ in range(MAX_TRIAL_BOOTS):
        with pytest.raises(PowerCut):
            box.restart()
        assert box.tree.current == NEW
    box.restart()
    assert box.is_of_one_piece()
    assert box.tree.current == OLD
    last = box.installation().journal.last
    assert last is not None
    assert "was started 4 times" in last.why


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff" * 100, b'{"phase": "other"}'])
def test_a_damaged_journal_leads_back_to_the_version_that_was_good(box: Box, damage: bytes) -> None:
    def dies(_age: float) -> Look:
        raise PowerCut

    box.service.behaviour[NEW] = dies
    with pytest.raises(PowerCut):
        box.apply()
    box.tree.journal.write_bytes(damage)
    assert read_journal(box.tree.journal) is None
    box.restart()
    assert box.is_of_one_piece()
    assert box.tree.current == OLD


def test_a_damaged_journal_of_a_box_at_rest_changes_nothing(box: Box) -> None:
    box.apply()
    box.tree.journal.write_bytes(b"?")
    box.restart()
    assert box.is_of_one_piece()
    assert box.tree.current == NEW


def test_units_of_a_new_version_go_with_it(box: Box, tmp_path: Path) -> None:
    socket = "etc/systemd/system/meshgate-new.socket"
    parts = (("locks/cp311.txt", b""), (f"units/{UNIT}", b"[Service]\nExecStart=/bin/true 2\n"), (f"units/{socket}", b"[Socket]\n"))
    box.bundle(parts=parts, pythons=("cp311",), seed=SEED)
    box.apply()
    assert (box.system / socket).read_bytes() == b"[Socket]\n"
    assert box.service.reloads == 1
    box.installation().rollback(box.told)
    assert not (box.system / socket).exists()
    assert (box.system / UNIT).read_text() == "old"


def forget(box: Box) -> None:
    """What a root that is read only does when it is started anew: the units are those it was made with."""
    (box.system / UNIT).write_text("old")
    box.service.reloads = 0


def test_units_that_the_system_has_forgotten_are_back_before_the_gateway_starts(box: Box) -> None:
    box.apply()
    forget(box)
    box.installation().recover()
    assert box.is_of_one_piece()
    assert box.service.reloads == 1
    box.installation().recover()
    assert box.service.reloads == 1


def test_a_version_on_trial_keeps_its_units_when_the_system_forgets_them(box: Box) -> None:
    def dies(_age: float) -> Look:
        raise PowerCut

    box.service.behaviour[NEW] = dies
    with pytest.raises(PowerCut):
        box.apply()
    forget(box)
    del box.service.behaviour[NEW]
    box.restart()
    assert box.is_of_one_piece()
    assert box.tree.current == NEW
