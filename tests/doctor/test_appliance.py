"""What the doctor says of a box from our image."""

from pathlib import Path

import pytest

from gateway.doctor.appliance import ApplianceFacts, check_appliance, look_at_appliance
from hw.firstboot.record import DONE, REFUSED, Record, noted, write_record

REFUSAL = noted(Record(), "card", REFUSED, "meshgate.toml was not taken: line 3.", 1)


def test_a_box_that_is_none_of_ours_has_no_row(tmp_path: Path) -> None:
    assert look_at_appliance(tmp_path, tmp_path) is None


def test_ours_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "usr/lib/meshgate").mkdir(parents=True)
    (tmp_path / "usr/lib/meshgate/appliance").touch()
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/mounts").write_text("overlayroot / overlay rw 0 0\n")
    write_record(tmp_path / "firstboot.json", REFUSAL, None)
    assert look_at_appliance(tmp_path, tmp_path) == ApplianceFacts(REFUSAL, overlay=True)


def test_a_refusal_is_a_warning_with_its_sentence() -> None:
    first, _ = check_appliance(ApplianceFacts(REFUSAL, overlay=False))
    assert (first.verdict.value, first.subject) == ("warn", "card")
    assert "line 3" in first.sentence
    first, _ = check_appliance(ApplianceFacts(noted(REFUSAL, "card", DONE, "Taken.", 2), overlay=False))
    assert first.verdict.value == "ok"


@pytest.mark.parametrize(
    ("overlay", "verdict", "said"), [(True, "ok", "is read only"), (False, "ok", "takes changes"), (None, "unknown", "cannot be seen")]
)
def test_the_root_is_what_the_mounts_say(overlay: bool | None, verdict: str, said: str) -> None:
    *_, last = check_appliance(ApplianceFacts(Record(), overlay))
    assert (last.verdict.value, said in last.sentence) == (verdict, True)
