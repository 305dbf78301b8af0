from pathlib import Path

import pytest

from hw.attachment import Attachment, attachment, bluetooth_device
from hw.board import Board
from hw.coexistence import WifiNeighbour, wifi_neighbours
from hw.nl80211 import WifiInterface, WifiMode
from tests.hw.sysfs import device, pi_radios, usb_device

PI = Board("Raspberry Pi 4 Model B Rev 1.4", shares_wifi=True)


def neighbour(root: Path, wifi: str = "wlan0", board: Board = PI, frequency: int | None = 2437) -> WifiNeighbour:
    (found,) = wifi_neighbours("hci0", [WifiInterface(wifi, WifiMode.STATION, frequency)], board, root)
    return found


def test_the_two_built_in_radios_of_a_pi_share_a_chip(tmp_path: Path) -> None:
    pi_radios(tmp_path)
    assert neighbour(tmp_path) == WifiNeighbour("wlan0", is_access_point=False, is_24_ghz=True, shares_chip=True)


def test_the_same_on_a_board_nobody_knows_is_unknown(tmp_path: Path) -> None:
    pi_radios(tmp_path)
    assert neighbour(tmp_path, board=Board("Banana Pi")).shares_chip is None


def test_a_stick_beside_built_in_wifi_has_an_antenna_of_its_own(tmp_path: Path) -> None:
    pi_radios(tmp_path)
    usb_device(tmp_path, "net", "wlan1", "1-2")
    assert neighbour(tmp_path, "wlan1").shares_chip is False


@pytest.mark.parametrize(("port", "shares"), [("1-1", True), ("1-2", False)])
def test_two_usb_devices_share_a_chip_if_they_are_one_stick(tmp_path: Path, port: str, shares: bool) -> None:
    usb_device(tmp_path, "bluetooth", "hci0", "1-1")
    usb_device(tmp_path, "net", "wlan0", port)
    assert neighbour(tmp_path, board=Board()).shares_chip is shares


def test_a_laptops_card_is_two_devices_and_so_unknown(tmp_path: Path) -> None:
    usb_device(tmp_path, "bluetooth", "hci0", "1-1")
    device(tmp_path, "net", "wlp2s0", "pci0000:00/0000:02:00.0/net/wlp2s0", {"pci0000:00/0000:02:00.0": "pci"})
    assert neighbour(tmp_path, "wlp2s0", Board()).shares_chip is None


def test_what_sysfs_does_not_show_is_unknown(tmp_path: Path) -> None:
    assert neighbour(tmp_path).shares_chip is None
    assert attachment(bluetooth_device("hci0", tmp_path)) is None


@pytest.mark.parametrize(("frequency", "band"), [(2412, True), (2484, True), (5180, False), (6135, False), (None, None)])
def test_the_band_follows_from_the_frequency(tmp_path: Path, frequency: int | None, band: bool | None) -> None:
    assert neighbour(tmp_path, frequency=frequency).is_24_ghz is band


def test_a_virtual_adapter_is_called_so(tmp_path: Path) -> None:
    device(tmp_path, "bluetooth", "hci0", "virtual/bluetooth/hci0", {})
    device(tmp_path, "bluetooth", "hci1", "platform/odd/hci1", {})
    assert attachment(bluetooth_device("hci0", tmp_path)) is Attachment.VIRTUAL
    assert attachment(bluetooth_device("hci1", tmp_path)) is Attachment.OTHER
