"""How network and Bluetooth devices hang on this machine, as sysfs shows them to everybody."""

from enum import StrEnum
from pathlib import Path


class Attachment(StrEnum):
    """What carries the data of a device."""

    USB = "usb"
    UART = "uart"  # soldered to a serial port, as on every Raspberry Pi
    SDIO = "sdio"  # soldered to a card interface
    PCI = "pci"
    VIRTUAL = "virtual"
    OTHER = "other"


_BUSES = {"usb": Attachment.USB, "sdio": Attachment.SDIO, "pci": Attachment.PCI, "serial": Attachment.UART, "tty": Attachment.UART}


def bluetooth_device(name: str, root: Path = Path("/")) -> Path:
    """Return where sysfs keeps an adapter such as ``hci0``."""
    return root / "sys/class/bluetooth" / name


def attachment(device: Path) -> Attachment | None:
    """Return how a device of ``/sys/class`` hangs on the machine; None if there is no such device.

    The nearest ancestor with a bus that is known decides: a USB device is on PCI too, further up.
    """
    if not device.exists():
        return None
    place = device.resolve()
    if "virtual" in place.parts:
        return Attachment.VIRTUAL
    for ancestor in (place, *place.parents):
        bus = ancestor / "subsystem"
        if bus.is_symlink():
            known = _BUSES.get(bus.readlink().name)
            if known is not None:
                return known
    return Attachment.OTHER


def one_usb_device(first: Path, second: Path) -> bool:
    """Return whether two devices of ``/sys/class`` are parts of the same thing in one USB port."""
    ours, theirs = _usb_device(first), _usb_device(second)
    return ours is not None and ours == theirs


def _usb_device(device: Path) -> Path | None:
    place = device.resolve()
    # Only the device itself has its number on the bus; its interfaces and everything below have not.
    return next((ancestor for ancestor in (place, *place.parents) if (ancestor / "devnum").is_file()), None)
