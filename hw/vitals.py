"""How the machine is doing: heat, power, load and memory, as the kernel tells it."""

from dataclasses import dataclass
from pathlib import Path

_THERMAL = "sys/class/thermal/thermal_zone0/temp"
_HWMON = "sys/class/hwmon"
_PAGE = 4096  # bytes; that of every board we know, and a wrong one makes one figure wrong


@dataclass(frozen=True, slots=True)
class Vitals:
    """What could be read; None stands for what this machine does not tell."""

    temperature_c: float | None = None
    undervoltage: bool | None = None  # the supply is too weak right now (Raspberry Pi)
    load: float | None = None  # processes that wanted to run, mean of a minute
    memory_available_bytes: int | None = None
    process_bytes: int | None = None  # of memory, this process


def read_vitals(root: Path = Path("/")) -> Vitals:
    """Read them; takes a millisecond or so and never raises for what is not there."""
    heat = _number(_text(root / _THERMAL))
    load = _text(root / "proc/loadavg").split()
    resident = _text(root / "proc/self/statm").split()
    return Vitals(
        temperature_c=None if heat is None else round(heat / 1000, 1),
        undervoltage=_undervoltage(root),
        load=float(load[0]) if load else None,
        memory_available_bytes=_available(root),
        process_bytes=int(resident[1]) * _PAGE if len(resident) > 1 else None,
    )


def _undervoltage(root: Path) -> bool | None:
    """Ask the kernel's driver for the Raspberry Pi's power supply (raspberrypi-hwmon)."""
    try:
        monitors = sorted((root / _HWMON).iterdir())
    except OSError:
        return None
    for monitor in monitors:
        if _text(monitor / "name").strip() == "rpi_volt":
            alarm = _number(_text(monitor / "in0_lcrit_alarm"))
            return None if alarm is None else alarm > 0
    return None


def _available(root: Path) -> int | None:
    for line in _text(root / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            kilobytes = _number(line.split()[1])
            return None if kilobytes is None else int(kilobytes) * 1024
    return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
