"""The one registry of what is wrong, which the page, the command line, probes and the log all render.

Rules:

* A condition is raised when it begins and cleared when it is over; between them it has one beginning, however
  its sentence changes.
* Names are a closed set, because they become labels of metrics and words in alert rules.
* It knows no clock: whoever raises says when. Times are seconds of one monotonic clock.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from gateway.status import Problem, Severity


class Name(StrEnum):
    """Every condition there is."""

    RADIO_UNAVAILABLE = "radio_unavailable"  # there is no Bluetooth to be used at all
    TRANSPORT_DOWN = "transport_down"  # a transport does not work
    TRANSPORT_DEGRADED = "transport_degraded"  # a transport does less than it should: somebody cannot be reached
    CLOCK_NOT_SET = "clock_not_set"  # nobody vouches for the time of day, so the gateway is silent
    STORE_UNUSABLE = "store_unusable"  # the database cannot be written, so nothing new can be promised
    FEDERATION_NOT_KEPT = "federation_not_kept"  # the list of members cannot be written, so nobody can join
    PROGRESS_STALLED = "progress_stalled"  # a part of the gateway runs and gets nothing done
    BRIDGE_WITHOUT_CELL = "bridge_without_cell"  # consent mode does not know where it stands and stays closed
    POLICY_REFUSED = "policy_refused"  # the file with the operator's rules cannot be used; those read before are in force
    RELOAD_REFUSED = "reload_refused"  # what was to be loaded anew could not be used; the old is in force
    METRICS_UNREACHABLE = "metrics_unreachable"  # the address for metrics cannot be listened on
    PAGE_UNREACHABLE = "page_unreachable"  # an address of the page cannot be listened on
    CERTIFICATE_OVER = "certificate_over"  # of the page; browsers refuse it
    MQTT_UNREACHABLE = "mqtt_unreachable"  # no broker has answered for a minute
    DISK_NEARLY_FULL = "disk_nearly_full"  # of the state directory
    UPDATE_ON_TRIAL = "update_on_trial"  # another version runs and has to show that it is no worse
    UPDATE_FELL_BACK = "update_fell_back"  # a version was no good, and the one before runs again
    FIRST_BOOT_REFUSED = "first_boot_refused"  # something that the card wants, or that the first boot has to do, was not done
    UNDERVOLTAGE = "undervoltage"  # the board's supply is too weak
    TOO_HOT = "too_hot"  # the processor slows down or is about to


SEVERITIES: Final[dict[Name, Severity]] = {
    Name.TRANSPORT_DEGRADED: Severity.NOTICE,
    Name.UPDATE_ON_TRIAL: Severity.NOTICE,
    Name.UPDATE_FELL_BACK: Severity.WARNING,
    Name.BRIDGE_WITHOUT_CELL: Severity.WARNING,
    Name.FEDERATION_NOT_KEPT: Severity.WARNING,
    Name.POLICY_REFUSED: Severity.WARNING,
    Name.RELOAD_REFUSED: Severity.WARNING,
    Name.METRICS_UNREACHABLE: Severity.WARNING,
    Name.PAGE_UNREACHABLE: Severity.WARNING,
    Name.CERTIFICATE_OVER: Severity.WARNING,
    Name.MQTT_UNREACHABLE: Severity.WARNING,
    Name.DISK_NEARLY_FULL: Severity.WARNING,
    Name.FIRST_BOOT_REFUSED: Severity.WARNING,
    Name.UNDERVOLTAGE: Severity.WARNING,
    Name.TOO_HOT: Severity.WARNING,
}
"""Every name not listed is `Severity.ERROR`: then the gateway is not ready."""


def severity_of(name: Name) -> Severity:
    """Return how much a condition matters."""
    return SEVERITIES.get(name, Severity.ERROR)


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that holds."""

    name: Name
    subject: str  # which transport or part; empty where there is only one
    sentence: str  # what a person should read
    remedy: str  # what that person can do, empty if nothing
    since: float  # seconds, when it began

    @property
    def severity(self) -> Severity:
        """How much it matters."""
        return severity_of(self.name)

    def problem(self, now: float) -> Problem:
        """Return it as the status shows it."""
        lasting = round(max(0.0, now - self.since), 1)
        return Problem(self.sentence, self.remedy, self.name.value, self.subject, self.severity, lasting)


@dataclass(frozen=True, slots=True)
class Change:
    """A condition was raised, or cleared after it had held for `lasted` seconds."""

    condition: Condition
    raised: bool
    lasted: float = 0.0


Found = tuple[str, str] | None
"""What a look found: a sentence and a remedy, or that all is well."""


class Health:
    """What is wrong with one gateway."""

    def __init__(self) -> None:
        self._held: dict[tuple[Name, str], Condition] = {}
        self._watchers: list[Callable[[Change], None]] = []
        self.raised: dict[Name, int] = dict.fromkeys(Name, 0)  # how often each began

    def watch(self, watcher: Callable[[Change], None]) -> None:
        """Tell `watcher` of everything that begins or is over from now on."""
        self._watchers.append(watcher)

    def raise_(self, name: Name, sentence: str, remedy: str, now: float, *, subject: str = "") -> bool:
        """Note that a condition holds; True if that is news. Of one that holds already only the words are changed."""
        key = name, subject
        held = self._held.get(key)
        if held is not None:
            if (held.sentence, held.remedy) != (sentence, remedy):
                self._held[key] = replace(held, sentence=sentence, remedy=remedy)
            return False
        self._held[key] = Condition(name, subject, sentence, remedy, now)
        self.raised[name] += 1
        self._tell(Change(self._held[key], raised=True))
        return True

    def clear(self, name: Name, now: float, *, subject: str = "") -> bool:
        """Note that a condition does not hold; True if that is news."""
        condition = self._held.pop((name, subject), None)
        if condition is None:
            return False
        self._tell(Change(condition, raised=False, lasted=max(0.0, now - condition.since)))
        return True

    def note(self, name: Name, found: Found, now: float, *, subject: str = "") -> bool:
        """Raise or clear a condition by what a look found; True if that is news."""
        if found is None:
            return self.clear(name, now, subject=subject)
        return self.raise_(name, *found, now, subject=subject)

    def holds(self, name: Name, subject: str = "") -> bool:
        """Whether a condition holds."""
        return (name, subject) in self._held

    def holds_any(self, name: Name) -> bool:
        """Whether a condition holds of anything."""
        return any(held is name for held, _ in self._held)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Everything that holds, the gravest first, and of those the oldest."""
        return tuple(sorted(self._held.values(), key=lambda one: (-one.severity.rank, one.since)))

    @property
    def worst(self) -> Severity | None:
        """The severity of the gravest condition, None if none holds: what a lamp shows."""
        return max((one.severity for one in self._held.values()), key=lambda severity: severity.rank, default=None)

    @property
    def is_ready(self) -> bool:
        """Whether every part does its work: no condition is an error."""
        return self.worst is not Severity.ERROR

    def problems(self, now: float) -> tuple[Problem, ...]:
        """Return everything that holds as the status shows it."""
        return tuple(condition.problem(now) for condition in self.conditions)

    def _tell(self, change: Change) -> None:
        for watcher in self._watchers:
            watcher(change)
