"""What the machine feels, on machines made of files."""

from pathlib import Path

import pytest

from hw.sensors import ALARM, HWMON, THERMAL, VOLTAGE, Readings, read


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_raspberry_pi_tells_heat_and_its_supply(tmp_path: Path) -> None:
    write(tmp_path / THERMAL, "48312\n")
    write(tmp_path / HWMON / "hwmon0/name", "cpu_thermal\n")
    write(tmp_path / HWMON / "hwmon1/name", f"{VOLTAGE}\n")
    write(tmp_path / HWMON / "hwmon1" / ALARM, "1\n")
    readings = read(tmp_path, tmp_path)
    assert (readings.celsius, readings.undervoltage) == (48.312, True)
    assert readings.disk_bytes is not None
    assert 0 <= readings.disk_free_bytes <= readings.disk_bytes


def test_a_machine_that_tells_nothing_is_not_guessed_at(tmp_path: Path) -> None:
    assert read(tmp_path / "nowhere", tmp_path) == Readings()


@pytest.mark.parametrize("text", ["", "hot", "4.5.6"])
def test_a_sensor_that_reads_nonsense_tells_nothing(tmp_path: Path, text: str) -> None:
    write(tmp_path / THERMAL, text)
    assert read(tmp_path, tmp_path).celsius is None


def test_a_supply_that_is_well_says_so(tmp_path: Path) -> None:
    write(tmp_path / HWMON / "hwmon0/name", VOLTAGE)
    write(tmp_path / HWMON / "hwmon0" / ALARM, "0\n")
    assert read(tmp_path, tmp_path).undervoltage is False
