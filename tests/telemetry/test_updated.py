"""What came of an update is told once, and stays visible as long as it matters."""

from pathlib import Path

import pytest

from gateway.store.audit import Action, Actor
from gateway.telemetry.health import Name
from gateway.telemetry.updated import Updated
from gateway.update.journal import Journal, Outcome, Phase, Report, write_journal


class Told:
    def __init__(self) -> None:
        self.notes: list[tuple[Action, str]] = []

    def __call__(self, actor: Actor, action: Action, detail: str = "", uid: int | None = None) -> None:
        assert (actor, uid) == (Actor.SYSTEM, None)
        self.notes.append((action, detail))


@pytest.mark.parametrize(
    ("outcome", "action"),
    [
        (Outcome.APPLIED, Action.UPDATE_APPLIED),
        (Outcome.ROLLED_BACK, Action.UPDATE_ROLLED_BACK),
        (Outcome.FELL_BACK, Action.UPDATE_FELL_BACK),
        (Outcome.BROKEN_OFF, None),
    ],
)
def test_what_came_of_an_update_is_noted_once_over_restarts(tmp_path: Path, outcome: Outcome, action: Action | None) -> None:
    told = Told()
    write_journal(tmp_path / "journal.json", Journal(last=Report(3, outcome, "0.2.0", "0.1.0")))
    for _ in range(2):
        updated = Updated(tmp_path, told, tmp_path)
        list(updated.look())
        list(updated.look())
    assert told.notes == ([(action, "0.2.0 in place of 0.1.0")] if action is not None else [])


def test_a_trial_and_a_version_that_was_no_good_are_conditions(tmp_path: Path) -> None:
    updated = Updated(tmp_path, Told(), tmp_path)
    assert dict(updated.look()) == {}
    write_journal(tmp_path / "journal.json", Journal(Phase.TRIAL, origin="0.1.0", target="0.2.0"))
    found = dict(updated.look())[Name.UPDATE_ON_TRIAL]
    assert found is not None
    assert "0.2.0 is on trial" in found[0]
    assert dict(updated.look()) == {}  # nothing else than before
    write_journal(tmp_path / "journal.json", Journal(last=Report(1, Outcome.FELL_BACK, "0.2.0", "0.1.0", "it did not answer")))
    found = dict(updated.look())[Name.UPDATE_FELL_BACK]
    assert found is not None
    assert "0.2.0 was no good (it did not answer)" in found[0]
    (tmp_path / "journal.json").write_bytes(b"?")
    assert dict(updated.look()) == {Name.UPDATE_ON_TRIAL: None, Name.UPDATE_FELL_BACK: None}


def test_a_note_that_cannot_be_kept_stops_nothing(tmp_path: Path) -> None:
    told = Told()
    write_journal(tmp_path / "journal.json", Journal(last=Report(1, Outcome.APPLIED, "0.2.0", "0.1.0")))
    updated = Updated(tmp_path / "missing", told, tmp_path)
    list(updated.look())
    list(updated.look())
    assert len(told.notes) == 1
