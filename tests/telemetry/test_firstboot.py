"""What the first boot did is told once, and what was refused stays visible until it is put right."""

from pathlib import Path

from gateway.status import Severity
from gateway.store.audit import Action, Actor
from gateway.telemetry.firstboot import FILE_NAME, FirstBoot
from gateway.telemetry.health import Name, severity_of
from hw.firstboot.record import DONE, REFUSED, Record, noted, write_record


class Told:
    def __init__(self) -> None:
        self.notes: list[tuple[Action, str]] = []

    def __call__(self, actor: Actor, action: Action, detail: str = "", uid: int | None = None) -> None:
        assert (actor, uid) == (Actor.SYSTEM, None)
        self.notes.append((action, detail))


def put(state: Path, record: Record) -> Record:
    write_record(state / FILE_NAME, record, None)
    return record


def test_what_was_done_is_noted_once_over_restarts(tmp_path: Path) -> None:
    told = Told()
    record = put(tmp_path, noted(noted(Record(), "card", DONE, "Taken.", 1), "reset", REFUSED, "No.", 2))
    for _ in range(2):
        followed = FirstBoot(tmp_path, told)
        list(followed.look())
        assert list(followed.look()) == []
    assert told.notes == [(Action.FIRST_BOOT_DONE, "Taken."), (Action.FIRST_BOOT_REFUSED, "No.")]
    put(tmp_path, noted(record, "reset", DONE, "Reset.", 3))
    list(FirstBoot(tmp_path, told).look())
    assert told.notes[2:] == [(Action.FIRST_BOOT_DONE, "Reset.")]


def test_a_record_that_was_begun_anew_is_told_from_its_beginning(tmp_path: Path) -> None:
    told = Told()
    put(tmp_path, noted(noted(Record(), "card", DONE, "One.", 1), "card", DONE, "Two.", 2))
    list(FirstBoot(tmp_path, told).look())
    put(tmp_path, noted(Record(), "reset", DONE, "Blank.", 3))
    list(FirstBoot(tmp_path, told).look())
    assert [detail for _, detail in told.notes] == ["One.", "Two.", "Blank."]


def test_what_was_refused_is_a_condition_until_it_is_put_right(tmp_path: Path) -> None:
    followed = FirstBoot(tmp_path, Told())
    assert dict(followed.look()) == {}
    record = put(tmp_path, noted(Record(), "card", REFUSED, "meshgate.toml was not taken.", 1))
    found = dict(followed.look())[Name.FIRST_BOOT_REFUSED]
    assert found is not None
    assert found[0] == "meshgate.toml was not taken."
    put(tmp_path, noted(record, "card", DONE, "Taken.", 2))
    assert dict(followed.look()) == {Name.FIRST_BOOT_REFUSED: None}
    (tmp_path / FILE_NAME).write_bytes(b"?")
    assert dict(followed.look()) == {Name.FIRST_BOOT_REFUSED: None}
    assert severity_of(Name.FIRST_BOOT_REFUSED) is Severity.WARNING


def test_a_note_that_cannot_be_kept_stops_nothing(tmp_path: Path) -> None:
    told = Told()
    put(tmp_path, noted(Record(), "card", DONE, "Taken.", 1))
    (tmp_path / "firstboot.seen").mkdir()
    list(FirstBoot(tmp_path, told).look())
    assert len(told.notes) == 1
