from pathlib import Path

import pytest

from hw.clock import EARLIEST, KEEP_S, RTC_TOLERANCE_S, LastTime, Source, kernel_synchronised, rtc_readings, vouched_by
from tests.hw.sysfs import rtc, write

NOW = EARLIEST + 10_000_000.0


def asked(root: Path, *, kernel: bool = False, now: float = NOW) -> Source | None:
    return vouched_by(root, kernel=lambda: kernel, wall=lambda: now)


def test_a_board_without_anything_has_nobody_who_vouches(tmp_path: Path) -> None:
    assert asked(tmp_path) is None


def test_the_kernel_vouches_when_a_time_service_disciplines_its_clock(tmp_path: Path) -> None:
    assert asked(tmp_path, kernel=True) is Source.KERNEL


def test_timesyncd_vouches_from_its_first_word_until_the_next_boot(tmp_path: Path) -> None:
    write(tmp_path, "run/systemd/timesync/synchronized", "")
    assert asked(tmp_path) is Source.TIMESYNC


@pytest.mark.parametrize(
    ("reading", "vouches"),
    [
        (f"{NOW:.0f}\n", True),
        (f"{NOW - RTC_TOLERANCE_S:.0f}\n", True),
        (f"{NOW + RTC_TOLERANCE_S + 1:.0f}\n", False),
        (f"{NOW - 86_400:.0f}\n", False),
        ("17\n", False),  # a Pi 5 whose clock has no battery
        ("", False),
        ("broken\n", False),
    ],
)
def test_a_hardware_clock_vouches_if_it_agrees(tmp_path: Path, reading: str, vouches: bool) -> None:
    rtc(tmp_path, "rtc0", reading)
    assert asked(tmp_path) is (Source.RTC if vouches else None)


def test_one_hardware_clock_that_agrees_is_enough(tmp_path: Path) -> None:
    rtc(tmp_path, "rtc0", "0\n")
    rtc(tmp_path, "rtc1", f"{NOW:.0f}\n")
    (tmp_path / "sys/class/rtc/rtc2").mkdir()
    assert rtc_readings(tmp_path) == [0.0, NOW]
    assert asked(tmp_path) is Source.RTC


def test_a_time_that_cannot_be_is_believed_from_nobody(tmp_path: Path) -> None:
    write(tmp_path, "run/systemd/timesync/synchronized", "")
    rtc(tmp_path, "rtc0", "17\n")
    assert asked(tmp_path, kernel=True, now=17.0) is None


def test_the_kernel_of_this_machine_answers() -> None:
    assert kernel_synchronised() in {True, False}


def test_the_last_time_outlives_a_restart_and_is_written_once_an_hour(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    last = LastTime(file)
    assert last.earliest() == EARLIEST
    for wall in (NOW, NOW + 10.0, NOW + KEEP_S - 1):
        last.keep(wall)
    assert LastTime(file).earliest() == NOW
    last.keep(NOW + KEEP_S)
    assert LastTime(file).earliest() == NOW + KEEP_S
    assert file.read_bytes() == b""


def test_a_disk_that_does_not_take_the_time_is_no_reason_to_stop(tmp_path: Path) -> None:
    last = LastTime(tmp_path / "missing/clock")
    last.keep(NOW)
    assert last.earliest() == EARLIEST
