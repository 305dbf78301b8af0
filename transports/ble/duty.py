"""When to scan: always while links are few or busy, else now and then.

Scanning costs air time that the links would need. The figures are those of BitChat for iOS
(BLERadioController): continuous with at most two links or within 10 s of traffic, else 5 s of 15,
and 3 s of 18 from six links on.
"""

from dataclasses import dataclass
from typing import Final

FEW_LINKS: Final = 2
MANY_LINKS: Final = 6
TRAFFIC_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds of scanning and seconds of rest; a rest of 0 means always."""

    on: float
    off: float


ALWAYS: Final = Rhythm(1.0, 0.0)
SOME: Final = Rhythm(5.0, 10.0)
LITTLE: Final = Rhythm(3.0, 15.0)


def rhythm(links: int, traffic_age: float) -> Rhythm:
    """Choose the rhythm for an adapter with so many links, `traffic_age` seconds after the last frame."""
    if links >= MANY_LINKS:
        return LITTLE
    if links <= FEW_LINKS or traffic_age < TRAFFIC_S:
        return ALWAYS
    return SOME


class Duty:
    """Follows the rhythm of the moment; a change of it counts from the start of the running phase."""

    def __init__(self, now: float) -> None:
        self._scanning = True
        self._since = now

    def scans(self, links: int, traffic_age: float, now: float) -> bool:
        """Whether to scan now."""
        current = rhythm(links, traffic_age)
        if not current.off:
            if not self._scanning:
                self._turn(now)
        elif now - self._since >= (current.on if self._scanning else current.off):
            self._turn(now)
        return self._scanning

    def _turn(self, now: float) -> None:
        self._scanning = not self._scanning
        self._since = now
