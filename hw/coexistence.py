"""Which Wi-Fi interfaces are near a Bluetooth adapter, and whether they have to share its antenna.

A chip that does both takes turns: what Wi-Fi sends at 2.4 GHz, Bluetooth cannot hear. An access
point sends all the time and aborts connections (hbldh/bleak issue 1673).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hw.attachment import Attachment, attachment, bluetooth_device, one_usb_device
from hw.board import Board
from hw.nl80211 import WifiInterface, WifiMode

BAND_24_GHZ = range(2_400, 2_500)  # MHz


@dataclass(frozen=True, slots=True)
class WifiNeighbour:
    """One Wi-Fi interface, seen from one Bluetooth adapter."""

    name: str
    is_access_point: bool
    is_24_ghz: bool | None  # None while it is on no channel
    shares_chip: bool | None  # with the adapter; None: unknown


def wifi_neighbours(adapter: str, interfaces: Sequence[WifiInterface], board: Board, root: Path = Path("/")) -> list[WifiNeighbour]:
    """Return every Wi-Fi interface as it concerns an adapter such as ``hci0``."""
    return [
        WifiNeighbour(
            one.name,
            is_access_point=one.mode is WifiMode.ACCESS_POINT,
            is_24_ghz=None if one.frequency_mhz is None else one.frequency_mhz in BAND_24_GHZ,
            shares_chip=_shares_chip(bluetooth_device(adapter, root), root / "sys/class/net" / one.name, board),
        )
        for one in interfaces
    ]


def _shares_chip(bluetooth: Path, wifi: Path, board: Board) -> bool | None:
    ways = {attachment(bluetooth), attachment(wifi)}
    if None in ways:
        return None
    if ways == {Attachment.USB}:
        return one_usb_device(bluetooth, wifi)
    if Attachment.USB in ways:
        # A laptop's card has its Wi-Fi on PCI and its Bluetooth on USB; a stick beside a soldered radio is another thing.
        return None if Attachment.PCI in ways else False
    return board.shares_wifi
