"""The machines that QEMU plays, and how long things take on each."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Board:
    """A kind of machine.

    Args:
        name: what QEMU calls it.
        words: for the kernel's command line, beside those of the image.
        is_card: whether its disk is an SD card: its size is a power of two, and it stores what it is given before it answers.
        has_shell: whether the words ask for a root shell, on a serial line of its own.
        page_s: seconds until the page answers, at most; an idle machine takes a fifth.
        end_s: seconds for an orderly end.

    """

    name: str
    words: tuple[str, ...]
    is_card: bool
    has_shell: bool
    page_s: float
    end_s: float


PATIENCE: Final = "systemd.default_device_timeout_sec=600 systemd.default_timeout_start_sec=600"
"""An emulator on a busy machine needs minutes for what a board does in seconds; systemd's own limits are of 90 seconds."""
VIRT: Final = Board(
    "virt",
    ("console=ttyAMA0", PATIENCE, "systemd.default_debug_tty=ttyS0", "systemd.debug_shell=ttyS0"),
    is_card=False,
    has_shell=True,
    page_s=900.0,
    end_s=120.0,
)
RASPI3B: Final = Board(
    "raspi3b",
    # The emulated watchdog resets the board the moment it is opened, and USB has one port, which the network has: it speaks through
    # cdc_ether, unless cdc_subset takes it first.
    (
        "earlycon=pl011,mmio32,0x3f201000",
        "console=ttyS1,115200",
        PATIENCE,
        "systemd.watchdog_sec=0",
        "modprobe.blacklist=bcm2835_wdt,cdc_subset",
    ),
    is_card=True,
    has_shell=False,
    page_s=1500.0,
    end_s=240.0,
)
BOARDS: Final = {board.name: board for board in (VIRT, RASPI3B)}

STEP_S: Final = 240.0
"""Seconds a command in the machine may take, if it does not say otherwise."""
SOON_S: Final = 420.0
"""Seconds until something that was set going there shows."""
