"""Whether the parts of a gateway get anything done: what the watchdog is fed by.

Each part counts what it has finished. A number that stands still for longer than the part may take means that it is
stuck, however alive the process looks from outside. It knows no clock; time in which nobody looked is nobody's fault.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MOST_BETWEEN_LOOKS_S: Final = 2.0  # seconds that count: after a loop that stood still, everybody gets the time to answer


class Part(StrEnum):
    """What has to get on."""

    PUMP = "pump"  # moves what arrives to the engine and what it decides to the links
    STORE = "store"  # writes down what must outlive a restart
    RADIO = "radio"  # looks after the Bluetooth adapters


@dataclass(frozen=True, slots=True)
class Course:
    """One part and how far it has come.

    Args:
        part: which.
        done: how much it has finished, ever growing; None while it has nothing to do.
        patience_s: seconds it may take for one piece of work.

    """

    part: Part
    done: Callable[[], int | None]
    patience_s: float


class Progress:
    """Watches the numbers."""

    def __init__(self, courses: Sequence[Course]) -> None:
        self._courses = courses
        self._seen: dict[Part, int | None] = {course.part: None for course in courses}
        self._waited: dict[Part, float] = {course.part: 0.0 for course in courses}
        self._looked: float | None = None

    def look(self, now: float) -> tuple[Part, ...]:
        """Return the parts that are stuck; to be called every second or so."""
        passed = 0.0 if self._looked is None else min(max(0.0, now - self._looked), MOST_BETWEEN_LOOKS_S)
        self._looked = now
        stuck = []
        for course in self._courses:
            part, done = course.part, course.done()
            moved = done is None or done != self._seen[part]
            self._seen[part] = done
            self._waited[part] = 0.0 if moved else self._waited[part] + passed
            if self._waited[part] > course.patience_s:
                stuck.append(part)
        return tuple(stuck)

    def waited(self, part: Part) -> float:
        """Return how many seconds a part has finished nothing."""
        return self._waited[part]


def stall_trouble(part: Part) -> tuple[str, str]:
    """Say that a part is stuck."""
    return _STALLED[part], "Under systemd the gateway is started again by itself; otherwise restart it, and report it with the log."


_STALLED: Final = {
    Part.PUMP: "Nothing is passed on any more: the engine stands still.",
    Part.STORE: "The disk has not answered for a while, so nothing is kept.",
    Part.RADIO: "Bluetooth has not answered for a while.",
}
