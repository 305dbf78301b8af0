"""What machines of tests feel."""

from hw.vitals import Disk, Throttled, Vitals


def felt(celsius: float | None = None, undervoltage: bool | None = None, disk: int | None = None, free: int = 0) -> Vitals:
    """Return vitals; what is not given the machine does not tell. Disk and free are bytes."""
    power = None if undervoltage is None else Throttled.UNDER_VOLTAGE if undervoltage else Throttled(0)
    return Vitals(celsius, power, disk=None if disk is None else Disk(free, disk, read_only=False))
