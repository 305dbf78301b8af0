"""Looks at the parts of a gateway and keeps the registry of conditions true."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.telemetry.health import Found, Health, Name
from hw.vitals import Vitals
from transports.link import TransportState, TransportStatus

DISK_FULL: Final = 0.9  # of a file system: beyond it an SD card wears out fast, and soon nothing can be kept
HOT_C: Final = 80.0  # degrees Celsius at which a Raspberry Pi begins to slow down
COOL_C: Final = 75.0  # below which that is over


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at: `look` returns what is wrong and what to do, None if nothing."""

    name: Name
    look: Callable[[], Found]
    subject: str = ""


class HasStatus(Protocol):
    """What can be asked how it is doing."""

    def status(self) -> TransportStatus:
        """Return a snapshot."""


class Rounds:
    """Asks everything how it is doing and writes down what is wrong.

    Args:
        health: the registry.
        transports: whose states are conditions.
        checks: everything else.

    """

    def __init__(self, health: Health, transports: Sequence[HasStatus], checks: Sequence[Check]) -> None:
        self.health = health
        self._transports = transports
        self._checks = checks

    def look(self, now: float) -> None:
        """Look at everything once; cheap enough for every second."""
        for check in self._checks:
            self.health.note(check.name, check.look(), now, subject=check.subject)
        for transport in self._transports:
            status = transport.status()
            said = status.sentence, status.remedy
            down, degraded = status.state is TransportState.DOWN, status.state is TransportState.DEGRADED
            self.health.note(Name.TRANSPORT_DOWN, said if down else None, now, subject=status.name)
            self.health.note(Name.TRANSPORT_DEGRADED, said if degraded else None, now, subject=status.name)

    def feel(self, vitals: Vitals, now: float) -> None:
        """Note what the machine feels; what it does not tell stays as it was."""
        if vitals.disk is not None:
            used = 1 - vitals.disk.free_bytes / vitals.disk.total_bytes if vitals.disk.total_bytes else 0.0
            self.health.note(Name.DISK_NEARLY_FULL, disk_trouble(used) if used > DISK_FULL else None, now)
        if vitals.undervoltage is not None:
            self.health.note(Name.UNDERVOLTAGE, UNDERVOLTAGE if vitals.undervoltage else None, now)
        if vitals.celsius is not None:
            bound = COOL_C if self.health.holds(Name.TOO_HOT) else HOT_C
            self.health.note(Name.TOO_HOT, TOO_HOT if vitals.celsius >= bound else None, now)


UNDERVOLTAGE: Final = (
    "The power supply of this board is too weak.",
    "Use the supply made for the board and a short, thick cable; unplug what draws power over USB.",
)
TOO_HOT: Final = (
    f"The processor is hotter than {HOT_C:.0f} °C and slows down.",
    "Give the board air, shade or a heat sink.",
)


def disk_trouble(used: float) -> tuple[str, str]:
    """Say that a disk is nearly full; whole percents, so that the words change seldom."""
    return (
        f"The disk with this gateway's state is {used:.0%} full.",
        "Delete what is not needed there, or move gateway.state_dir to a larger disk.",
    )
