"""Which board this is, and what is known of the radio soldered onto it.

Only what somebody has read from a controller and published is written down here; everything
else is unknown. Whatever is said here holds for the built-in radio, not for one in a USB port.
"""

from dataclasses import dataclass
from pathlib import Path

MODEL = Path("proc/device-tree/model")


@dataclass(frozen=True, slots=True)
class Board:
    """A board and its built-in radio."""

    model: str = ""  # as the firmware names it, "Raspberry Pi 4 Model B Rev 1.4"; empty where there is no device tree
    long_packets: bool | None = None  # LE data length extension: 251 bytes in a link-layer packet instead of 27; None: unknown
    shares_wifi: bool | None = None  # Wi-Fi and Bluetooth are one chip with one antenna; None: unknown


_LONG_PACKETS = {
    # RPi-Distro/firmware-nonfree issue 31: LE Read Local Supported Features of both boards.
    "Raspberry Pi Zero 2 W": False,
    "Raspberry Pi 4 Model B": True,
    # The same chip family as the Zero 2 W's, BCM43430A1 with firmware for Bluetooth 4.1; the extension came with 4.2.
    "Raspberry Pi 3 Model B Rev": False,
}
_RASPBERRY_PI = "Raspberry Pi "


def read_board(root: Path = Path("/")) -> Board:
    """Return what is known of this machine; a machine without a device tree (a PC) is an unknown board."""
    try:
        model = (root / MODEL).read_bytes().rstrip(b"\0").decode(errors="replace").strip()
    except OSError:
        return Board()
    known = next((able for start, able in _LONG_PACKETS.items() if model.startswith(start)), None)
    # Every Raspberry Pi with a radio has both in one chip by Cypress, Infineon or Synaptics.
    return Board(model, known, True if model.startswith(_RASPBERRY_PI) else None)
