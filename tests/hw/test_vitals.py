"""How the board is doing, on made-up trees like /sys and /proc."""

import os
import time
from pathlib import Path

import pytest

from hw.vitals import THROTTLED, Throttled, celsius, disk, read_vitals, throttled
from tests.hw.sysfs import rtc, write


def card(root: Path, *, options: str = "rw,noatime", extra: str = "rw", device: str = "mmcblk0p2") -> None:
    write(
        root,
        "proc/self/mountinfo",
        f"24 1 179:2 / / {options} shared:1 - ext4 /dev/{device} {extra}\n25 24 0:5 / /proc rw - proc proc rw\n",
    )


def test_a_machine_that_shows_nothing_is_unknown_in_everything(tmp_path: Path) -> None:
    seen = read_vitals(tmp_path / "state", tmp_path)
    assert (seen.celsius, seen.throttled, seen.memory_available, seen.has_rtc, seen.watchdog) == (None, None, None, False, "")
    assert seen.disk is not None  # some disk the directory is on
    assert (seen.disk.errors, seen.disk.worn_percent, seen.disk.read_only) == (None, None, False)


def test_the_hottest_zone_counts(tmp_path: Path) -> None:
    for number, text in enumerate(("45277\n", "81000\n", "nonsense\n")):
        write(tmp_path, f"sys/class/thermal/thermal_zone{number}/temp", text)
    assert celsius(tmp_path) == 81.0


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0\n", Throttled(0)),
        ("50005\n", Throttled.UNDER_VOLTAGE | Throttled.THROTTLED | Throttled.UNDER_VOLTAGE_SEEN | Throttled.THROTTLED_SEEN),
        ("0x10000\n", Throttled.UNDER_VOLTAGE_SEEN),
        ("f0f0f0f0\n", Throttled(0)),  # bits nobody has explained
    ],
)
def test_the_firmware_says_how_its_power_is(tmp_path: Path, text: str, meant: Throttled) -> None:
    write(tmp_path, str(THROTTLED), text)
    assert throttled(tmp_path) == meant


@pytest.mark.parametrize(("alarm", "meant"), [("1\n", Throttled.UNDER_VOLTAGE), ("0\n", Throttled(0))])
def test_without_the_firmware_the_kernels_look_at_the_voltage_counts(tmp_path: Path, alarm: str, meant: Throttled) -> None:
    write(tmp_path, "sys/class/hwmon/hwmon0/name", "cpu_thermal\n")
    write(tmp_path, "sys/class/hwmon/hwmon1/name", "rpi_volt\n")
    write(tmp_path, "sys/class/hwmon/hwmon1/in0_lcrit_alarm", alarm)
    assert throttled(tmp_path) == meant


def test_a_disk_with_errors_is_seen_also_behind_the_name_dev_root(tmp_path: Path) -> None:
    card(tmp_path, device="root")
    write(tmp_path, "dev/mmcblk0p2", "")
    (tmp_path / "dev/root").symlink_to("mmcblk0p2")
    write(tmp_path, "sys/fs/ext4/mmcblk0p2/errors_count", "3\n")
    seen = disk(tmp_path, tmp_path)
    assert (seen.device, seen.errors) == ("mmcblk0p2", 3)


@pytest.mark.parametrize(("options", "extra"), [("ro,noatime", "rw"), ("rw", "ro,errors=remount-ro")])
def test_a_disk_that_takes_no_writes_is_seen(tmp_path: Path, options: str, extra: str) -> None:
    card(tmp_path, options=options, extra=extra)
    assert disk(tmp_path, tmp_path).read_only


@pytest.mark.parametrize(
    ("text", "worn"), [("0x01 0x01\n", 10), ("0x03 0x09\n", 90), ("0x0b 0x01\n", 110), ("0x00 0x00\n", None), ("", None), ("x\n", None)]
)
def test_the_wear_of_an_emmc_is_the_worse_of_its_two_estimates(tmp_path: Path, text: str, worn: int | None) -> None:
    card(tmp_path)
    write(tmp_path, "sys/block/mmcblk0/device/life_time", text)
    assert disk(tmp_path, tmp_path).worn_percent == worn


def test_the_innermost_mount_is_the_one_a_directory_is_on(tmp_path: Path) -> None:
    state = tmp_path / "my state"
    state.mkdir()
    lines = (
        "24 1 179:2 / / rw - ext4 /dev/mmcblk0p2 rw",
        f"30 24 8:1 / {str(state).replace(' ', chr(92) + '040')} ro - ext4 /dev/sda1 ro",
        "31 24 8:2 / /elsewhere rw - ext4 /dev/sdb1 rw",
        "broken line",
    )
    write(tmp_path, "proc/self/mountinfo", "\n".join(lines))
    seen = disk(state / "not/there/yet", tmp_path)
    assert (seen.device, seen.read_only) == ("sda1", True)


def test_memory_clock_and_watchdog_are_seen(tmp_path: Path) -> None:
    write(tmp_path, "proc/meminfo", "MemTotal:  3884344 kB\nMemFree: 1 kB\nMemAvailable:  2000 kB\nHugePages_Total: 0\n")
    write(tmp_path, "sys/class/watchdog/watchdog0/identity", "Software Watchdog\n")
    write(tmp_path, "sys/class/watchdog/watchdog1/identity", "Broadcom BCM2835 Watchdog timer\n")
    write(tmp_path, "sys/class/watchdog/watchdog1/state", "active\n")
    rtc(tmp_path, "rtc0", str(int(time.time())))
    seen = read_vitals(tmp_path, tmp_path)
    assert (seen.memory_total, seen.memory_available) == (3884344 * 1024, 2000 * 1024)
    assert (seen.watchdog, seen.watchdog_fed, seen.has_rtc) == ("Broadcom BCM2835 Watchdog timer", True, True)


def test_load_and_the_memory_of_this_process_are_told(tmp_path: Path) -> None:
    write(tmp_path, "proc/loadavg", "0.52 0.58 0.59 1/978 1234\n")
    write(tmp_path, "proc/self/statm", "30000 10000 500 1 0 100 0\n")
    seen = read_vitals(tmp_path, tmp_path)
    assert (seen.load, seen.process_bytes) == (0.52, 10_000 * os.sysconf("SC_PAGE_SIZE"))
    assert seen.undervoltage is None
