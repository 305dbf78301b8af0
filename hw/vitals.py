"""How the board itself is doing: heat, power, memory, card, clock and watchdog, from files everybody may read.

``vcgencmd`` would need a device that a hardened service cannot open; the firmware shows the same in sysfs.
What a board does not show is None. Sources: Linux Documentation/ABI/testing/sysfs-class-thermal,
sysfs-class-watchdog and sysfs-fs-ext4, Documentation/hwmon/raspberrypi-hwmon.rst, drivers/mmc/core/mmc.c;
the bits of ``get_throttled`` are those of Raspberry Pi's documentation of vcgencmd.
"""

import os
import shutil
from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path
from typing import Final

from hw.clock import rtc_readings

THROTTLED: Final = Path("sys/devices/platform/soc/soc:firmware/get_throttled")


class Throttled(IntFlag):
    """What the firmware of a Raspberry Pi says of its power and heat, now and since it started."""

    UNDER_VOLTAGE = 1 << 0
    FREQUENCY_CAPPED = 1 << 1
    THROTTLED = 1 << 2
    SOFT_TEMPERATURE_LIMIT = 1 << 3
    UNDER_VOLTAGE_SEEN = 1 << 16
    FREQUENCY_CAPPED_SEEN = 1 << 17
    THROTTLED_SEEN = 1 << 18
    SOFT_TEMPERATURE_LIMIT_SEEN = 1 << 19


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk a directory is on."""

    free_bytes: int  # that this user may fill
    total_bytes: int  # without what is kept for root
    read_only: bool
    device: str = ""  # mmcblk0p2; empty where it is not a plain block device
    errors: int | None = None  # that ext4 has noted in its superblock since it was made or last checked
    worn_percent: int | None = None  # of the life the maker of an eMMC promises, in steps of 10; SD cards do not tell


@dataclass(frozen=True, slots=True)
class Vitals:
    """Everything at one moment."""

    celsius: float | None = None  # of the hottest zone
    throttled: Throttled | None = None
    memory_available: int | None = None  # bytes that programs could still get
    memory_total: int | None = None
    disk: Disk | None = None
    has_rtc: bool = False  # a hardware clock that keeps the time
    watchdog: str = ""  # name of the hardware watchdog; empty: there is none
    watchdog_fed: bool = False  # somebody feeds it
    load: float | None = None  # processes that wanted to run, mean of a minute
    process_bytes: int | None = None  # of memory, this process

    @property
    def undervoltage(self) -> bool | None:
        """Whether the supply is too weak right now."""
        return None if self.throttled is None else Throttled.UNDER_VOLTAGE in self.throttled


def read_vitals(directory: Path, root: Path = Path("/")) -> Vitals:
    """Return how the board is doing; never raises for what it does not show.

    Args:
        directory: what is on the disk to look at, such as the state directory; it need not exist yet.
        root: where ``sys`` and ``proc`` are.

    """
    memory = _memory(root)
    name, fed = _watchdog(root)
    load, resident = _text(root / "proc/loadavg").split(), _text(root / "proc/self/statm").split()
    return Vitals(
        celsius=celsius(root),
        throttled=throttled(root),
        memory_available=memory.get("MemAvailable"),
        memory_total=memory.get("MemTotal"),
        disk=disk(directory, root),
        has_rtc=bool(rtc_readings(root)),
        watchdog=name,
        watchdog_fed=fed,
        load=float(load[0]) if load else None,
        process_bytes=int(resident[1]) * os.sysconf("SC_PAGE_SIZE") if len(resident) > 1 else None,
    )


def celsius(root: Path = Path("/")) -> float | None:
    """Return the temperature of the hottest zone."""
    found = (_number(zone / "temp") for zone in (root / "sys/class/thermal").glob("thermal_zone*"))
    return max((one / 1_000 for one in found if one is not None), default=None)


def throttled(root: Path = Path("/")) -> Throttled | None:
    """Return what is said of power and heat: by the firmware, else by the kernel's own look at the voltage."""
    try:
        return Throttled(int(_text(root / THROTTLED), 16) & sum(Throttled))
    except ValueError:
        pass
    for place in sorted((root / "sys/class/hwmon").glob("hwmon*")):
        if _text(place / "name") == "rpi_volt" and (low := _number(place / "in0_lcrit_alarm")) is not None:
            return Throttled.UNDER_VOLTAGE if low else Throttled(0)
    return None


def disk(directory: Path, root: Path = Path("/")) -> Disk | None:
    """Return how the disk is doing that a directory, or the nearest one above that exists, is on."""
    place = next((one for one in (directory, *directory.parents) if one.exists()), None)
    if place is None:
        return None
    try:
        usage, mount = shutil.disk_usage(place), _mount(place, root)
    except OSError:
        return None
    device, options = mount
    errors = _number(root / "sys/fs/ext4" / device / "errors_count") if device else None
    whole = device.partition("p")[0] if device.startswith("mmcblk") else device
    return Disk(
        usage.free,
        usage.used + usage.free,
        read_only="ro" in options.split(","),
        device=device,
        errors=None if errors is None else int(errors),
        worn_percent=_worn(_text(root / "sys/block" / whole / "device/life_time")),
    )


def _worn(text: str) -> int | None:
    """Read an eMMC's two estimates, ``0x02 0x01``: each is tenths of its life that are used up, and 0x0b more than all."""
    try:
        return max(min(int(part, 16), 11) for part in text.split()) * 10 or None
    except ValueError:
        return None


def _mount(place: Path, root: Path) -> tuple[str, str]:
    """Return device and options of the mount a path is on (proc(5), mountinfo)."""
    target = place.resolve()
    best: tuple[int, str, str] = (-1, "", "")
    for line in _text(root / "proc/self/mountinfo").splitlines():
        fields, _, rest = line.partition(" - ")
        words, source = fields.split(), rest.split()
        if len(words) < 6 or len(source) < 3:
            continue
        point = Path(words[4].encode().decode("unicode_escape"))
        if target.is_relative_to(point) and len(point.parts) >= best[0]:
            best = (len(point.parts), source[1], f"{words[5]},{source[2]}")
    _, source_name, options = best
    device = source_name.removeprefix("/dev/")
    return (_real(device, root) if source_name.startswith("/dev/") else "", options)


def _real(device: str, root: Path) -> str:
    """The root disk may be called ``/dev/root``, or by its label: what it leads to has the kernel's name."""
    path = root / "dev" / device
    return path.resolve().name if path.is_symlink() else device.rpartition("/")[2]


def _watchdog(root: Path) -> tuple[str, bool]:
    """Return the first hardware watchdog, and whether somebody feeds it; the kernel's software one does not count."""
    for place in sorted((root / "sys/class/watchdog").glob("watchdog*")):
        name = _text(place / "identity")
        if name and "software" not in name.lower():
            return name, _text(place / "state") == "active"
    return "", False


def _memory(root: Path) -> dict[str, int]:
    found = {}
    for line in _text(root / "proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        number = rest.split()
        if number and number[0].isdecimal():
            found[name] = int(number[0]) * 1_024
    return found


def _number(file: Path) -> float | None:
    try:
        return float(_text(file))
    except ValueError:
        return None


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace").strip()
    except OSError:
        return ""
