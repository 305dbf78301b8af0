"""What keeps radios switched off: the kernel's rfkill switches, which everybody may read.

Source: Linux Documentation/ABI/stable/sysfs-class-rfkill.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RadioSwitch:
    """One switch of a Bluetooth radio."""

    name: str  # hci0 for the adapter's own; a board's or laptop's switch for several things has a name of its own
    soft: bool  # blocked by software
    hard: bool  # blocked by a button or by the firmware


def bluetooth_switches(root: Path = Path("/")) -> list[RadioSwitch]:
    """Return the switches of all Bluetooth radios, also of those that vanish while they are blocked."""
    found = []
    for place in sorted((root / "sys/class/rfkill").glob("rfkill*")):
        try:
            kind, name, soft, hard = ((place / part).read_text().strip() for part in ("type", "name", "soft", "hard"))
        except OSError:
            continue  # unplugged meanwhile
        if kind == "bluetooth":
            found.append(RadioSwitch(name, soft == "1", hard == "1"))
    return found
