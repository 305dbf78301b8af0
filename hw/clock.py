"""Whether the time of day of this machine can be believed.

A board without a real-time clock starts with a time that is somebody's guess: the day its image
was built, or the moment it was last shut down. It looks like a time and is none. Sources that
are better than a guess are the kernel's own flag, which NTP clears, the stamp of
systemd-timesyncd, and a hardware clock that kept running.
"""

import ctypes
import os
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

EARLIEST = 1_750_000_000.0  # unix seconds; a clock before this has never been set (a Pi without RTC starts in 1970)
RTC_TOLERANCE_S = 60.0  # seconds between the hardware clock and the system's; half of what phones tolerate
KEEP_S = 3_600.0  # seconds between two notes of the time; a card lives by its writes
TIMESYNC_STAMP = Path("run/systemd/timesync/synchronized")

_STA_UNSYNC = 0x0040
_TIME_ERROR = 5


class Source(StrEnum):
    """Who vouches for the time of day."""

    KERNEL = "kernel"  # a time service disciplines the clock
    TIMESYNC = "timesync"  # systemd-timesyncd has set it since this boot
    RTC = "rtc"  # a hardware clock that runs agrees with it


class _Timex(ctypes.Structure):
    """The head of the kernel's ``struct timex``, and room for the rest of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def kernel_synchronised() -> bool:
    """Return what the kernel says of its clock; False where it cannot be asked (adjtimex(2), no right needed)."""
    timex = _Timex()  # modes 0: only look
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return False
    return state not in {-1, _TIME_ERROR} and not timex.status & _STA_UNSYNC


def vouched_by(
    root: Path = Path("/"),
    *,
    kernel: Callable[[], bool] = kernel_synchronised,
    wall: Callable[[], float] = time.time,
) -> Source | None:
    """Return who vouches for the time of day, None if it is nobody.

    Args:
        root: where ``sys`` and ``run`` are.
        kernel: whether the kernel calls its clock synchronised.
        wall: unix seconds of the system clock.

    """
    now = wall()
    if now < EARLIEST:
        return None
    if kernel():
        return Source.KERNEL
    if (root / TIMESYNC_STAMP).exists():
        return Source.TIMESYNC
    if any(abs(reading - now) <= RTC_TOLERANCE_S for reading in rtc_readings(root)):
        return Source.RTC
    return None


def rtc_readings(root: Path = Path("/")) -> list[float]:
    """Return unix seconds of every hardware clock that gives them; one that lost its time reads 1970 or an error."""
    readings = []
    for clock in sorted((root / "sys/class/rtc").glob("rtc*")):
        try:
            readings.append(float((clock / "since_epoch").read_text()))
        except (OSError, ValueError):
            continue
    return readings


class LastTime:
    """The last time of day that was believed, so that a clock which stands before it is known to be wrong.

    It is kept as the modification time of an empty file: one inode an hour is written, and no block.

    Args:
        path: the file.

    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = 0.0

    def earliest(self) -> float:
        """Return unix seconds before which it cannot be."""
        try:
            return max(EARLIEST, self._path.stat().st_mtime)
        except OSError:
            return EARLIEST

    def keep(self, wall: float) -> None:
        """Note a time that is believed, at most once in `KEEP_S`; a disk that does not take it is no reason to stop."""
        if abs(wall - self._written) < KEEP_S:
            return
        self._written = wall
        try:
            self._path.touch(mode=0o600)
            os.utime(self._path, (wall, wall))
        except OSError:
            return
