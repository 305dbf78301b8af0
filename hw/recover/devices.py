"""Where an adapter hangs, as sysfs tells it: what can be reset behind ``/sys/class/bluetooth/hciN``.

Sources: Linux Documentation/ABI/testing/sysfs-bus-usb, Documentation/ABI/stable/sysfs-class-rfkill,
Documentation/driver-api/driver-model/binding.rst.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NUMBER = re.compile(r"[0-9]{1,3}")
_REBINDABLE = frozenset({"serial", "sdio"})  # buses on which a device is nothing but its Bluetooth


class NotPossibleError(Exception):
    """Nothing can be done about this adapter; the text says why."""


@dataclass(frozen=True, slots=True)
class UsbPort:
    """A USB device, by the file that stands for it."""

    node: Path


@dataclass(frozen=True, slots=True)
class Bound:
    """A device and the driver it is bound to."""

    device: Path
    driver: Path


def adapter_device(root: Path, adapter: str) -> Path:
    """Return where the kernel keeps an adapter.

    Raises:
        NotPossibleError: there is no such adapter.

    """
    try:
        place = (root / "sys/class/bluetooth" / adapter).resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise NotPossibleError(f"The kernel has no adapter {adapter}: it is unplugged, or its driver did not start.") from error
    if not place.is_relative_to((root / "sys/devices").resolve()):
        raise NotPossibleError(f"{adapter} is no device of this machine.")
    return place


def resettable(root: Path, adapter: str) -> UsbPort | Bound:
    """Return what to reset for an adapter: its USB device, else its parent on a serial or card bus.

    Raises:
        NotPossibleError: neither can be found, or a network card would be reset with it.

    """
    place = adapter_device(root, adapter)
    for device in _ancestors(root, place):
        if (device / "devnum").is_file():
            return _usb(root, device, adapter)
    for device in _ancestors(root, place):
        bus, driver = device / "subsystem", device / "driver"
        if bus.is_symlink() and driver.is_symlink() and bus.readlink().name in _REBINDABLE:
            return Bound(device, driver.resolve())
    raise NotPossibleError(f"{adapter} hangs neither on USB nor on a bus whose driver can be bound anew.")


def soft_switches(root: Path, adapter: str) -> list[Path]:
    """Return the files of the rfkill switches that software can turn, and that belong to an adapter."""
    switches = sorted((root / "sys/class/rfkill").glob("rfkill*"))
    return [switch / "soft" for switch in switches if _read(switch / "type") == "bluetooth" and _read(switch / "name") == adapter]


def _usb(root: Path, device: Path, adapter: str) -> UsbPort:
    if next(device.glob("*/net/*"), None):
        raise NotPossibleError(f"{adapter} is in one USB device with a network card, which would lose its connection.")
    bus, number = _read(device / "busnum"), _read(device / "devnum")
    if not _NUMBER.fullmatch(bus) or not _NUMBER.fullmatch(number):
        raise NotPossibleError(f"The USB port of {adapter} has no number.")
    return UsbPort(root / f"dev/bus/usb/{int(bus):03}/{int(number):03}")


def _ancestors(root: Path, place: Path) -> Iterator[Path]:
    top = (root / "sys/devices").resolve()
    for ancestor in (place, *place.parents):
        if ancestor == top:
            return
        yield ancestor


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, ValueError):
        return ""
