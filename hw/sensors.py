"""What the machine feels: heat, a weak power supply, a full disk. Read from sysfs; no right is needed."""

import shutil
from dataclasses import dataclass
from pathlib import Path

THERMAL = Path("sys/class/thermal/thermal_zone0/temp")
HWMON = Path("sys/class/hwmon")
VOLTAGE = "rpi_volt"  # the name of the Raspberry Pi firmware's sensor (drivers/hwmon/raspberrypi-hwmon.c)
ALARM = "in0_lcrit_alarm"


@dataclass(frozen=True, slots=True)
class Readings:
    """What was read; None is what this machine does not tell."""

    celsius: float | None = None  # of the processor
    undervoltage: bool | None = None  # the supply was too weak since the last look
    disk_bytes: int | None = None  # of the file system asked for
    disk_free_bytes: int | None = None  # that this user may fill


def read(folder: Path, root: Path = Path("/")) -> Readings:
    """Look at every sensor; `folder` is on the disk to look at."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return Readings(_celsius(root), _undervoltage(root))
    return Readings(_celsius(root), _undervoltage(root), usage.used + usage.free, usage.free)


def _celsius(root: Path) -> float | None:
    try:
        return int((root / THERMAL).read_text()) / 1000
    except (OSError, ValueError):
        return None


def _undervoltage(root: Path) -> bool | None:
    try:
        for sensor in sorted((root / HWMON).iterdir()):
            if (sensor / "name").read_text().strip() == VOLTAGE:
                return (sensor / ALARM).read_text().strip() != "0"
    except OSError:
        return None
    return None
