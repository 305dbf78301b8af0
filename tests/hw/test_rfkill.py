from pathlib import Path

from hw.rfkill import RadioSwitch, bluetooth_switches
from tests.hw.sysfs import rfkill


def test_every_bluetooth_switch_is_listed_and_no_other(tmp_path: Path) -> None:
    rfkill(tmp_path, 0, "phy0", kind="wlan", soft=True)
    rfkill(tmp_path, 1, "hci0", soft=True)
    rfkill(tmp_path, 2, "tpacpi_bluetooth_sw", hard=True)
    assert bluetooth_switches(tmp_path) == [
        RadioSwitch("hci0", soft=True, hard=False),
        RadioSwitch("tpacpi_bluetooth_sw", soft=False, hard=True),
    ]


def test_a_switch_that_vanishes_while_it_is_read_is_left_out(tmp_path: Path) -> None:
    rfkill(tmp_path, 0, "hci0")
    (tmp_path / "sys/class/rfkill/rfkill0/hard").unlink()
    assert bluetooth_switches(tmp_path) == []


def test_a_machine_without_rfkill_has_no_switch(tmp_path: Path) -> None:
    assert bluetooth_switches(tmp_path) == []
