"""What the radio counts: plain integers without names or addresses."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from transports.ble.edge import DialFailure


@dataclass(slots=True)
class Counters:
    """Counts since the start, over all adapters."""

    frames_in: int = 0
    frames_out: int = 0  # on links that have ended; the others count their own
    frames_bad: int = 0  # empty or too long, dropped
    refused: int = 0  # frames a full link did not take; likewise
    links_dialled: int = 0
    links_arrived: int = 0
    links_silent: int = 0  # given up because nothing came
    idlers: int = 0  # devices sent away because they were connected and did not subscribe
    turned_away: int = 0  # devices that dialled us and found no place
    dials: int = 0
    scans: int = 0
    advertisements_heard: int = 0
    dial_failures: dict[DialFailure, int] = field(default_factory=lambda: dict.fromkeys(DialFailure, 0))

    def flat(self) -> dict[str, int]:
        """One level of names and numbers."""
        values = asdict(self)
        failures = values.pop("dial_failures")
        return values | {f"dials_failed_{kind.value}": count for kind, count in failures.items()}


def add_up(parts: Iterable[dict[str, int]]) -> dict[str, int]:
    """The sums of counts of the same name."""
    total: dict[str, int] = {}
    for part in parts:
        for name, count in part.items():
            total[name] = total.get(name, 0) + count
    return total
