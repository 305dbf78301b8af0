"""Which of several links to a site is used: by size, health, cost and the operator's order. Pure.

A link that fails is left alone for a while, which doubles each time; then pings on it must be answered in time, a few in
a row, before it is used again (a circuit breaker: closed, open, half open). Nothing is lost by choosing wrongly, because
`gateway.bridge.trunk` keeps what is not acknowledged; it only costs time. If no link is well, the
one in use stays in use.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.limits import PROBES_TO_TRUST, REST_CAP_S, REST_FIRST_S, REST_FORGET_S
from transports.link import LinkId


class Health(StrEnum):
    """What is known about a link."""

    WELL = "well"
    FAILED = "failed"  # it is left alone
    ON_TRIAL = "on trial"  # it answers pings again, and not yet often enough


class Breaker:
    """The health of one link, over all the times it comes and goes under its name."""

    def __init__(self) -> None:
        self.health = Health.WELL
        self.why = ""
        self._until = 0.0  # when it may prove itself again
        self._rest = REST_FIRST_S
        self._answered = 0
        self._well_since = 0.0

    def fail(self, why: str, now: float) -> bool:
        """Note that the link did not do what it should; True if that is news."""
        if self.health is Health.FAILED:
            return False
        if self.health is Health.WELL and now - self._well_since >= REST_FORGET_S:
            self._rest = REST_FIRST_S
        self.health, self.why = Health.FAILED, why
        self._until = now + self._rest
        self._rest = min(REST_CAP_S, self._rest * 2)
        self._answered = 0
        return True

    @property
    def rests_until(self) -> float:
        """Until when no ping should be sent, if it has failed."""
        return self._until if self.health is Health.FAILED else 0.0

    def answered(self, *, in_time: bool, now: float) -> bool:
        """A ping was answered; True if the link is well again by that."""
        if self.health is Health.WELL:
            return False
        if now < self._until:
            return False  # asked before it failed: no proof of anything since
        self._answered = self._answered + 1 if in_time else 0
        self.health = Health.ON_TRIAL
        if self._answered < PROBES_TO_TRUST:
            return False
        self.health, self.why = Health.WELL, ""
        self._well_since = now
        return True


@dataclass(frozen=True, slots=True)
class Way:
    """One link to a site, as far as the choice is concerned."""

    link: LinkId
    order: int  # the operator's, smallest first
    metered: bool
    health: Health
    fits: bool  # whether it takes the largest frame a site may be sent


@dataclass(frozen=True, slots=True)
class Decision:
    """Which link is used from now on, and why none of the others."""

    at: float  # seconds, the engine's clock
    site: str
    link: LinkId | None  # None: there is none
    why: str
    passed_over: tuple[tuple[LinkId, str], ...] = ()


def choose(ways: Sequence[Way], using: LinkId | None) -> tuple[Way | None, tuple[tuple[LinkId, str], ...]]:
    """Return the best way and why each of the others was passed over.

    Args:
        ways: every link that is up.
        using: the link in use, which stays in use while none is well.

    """
    usable = [way for way in ways if way.fits]
    if not usable:
        return None, tuple((way.link, "it takes too small frames") for way in ways)
    well = [way for way in usable if way.health is Health.WELL]
    in_use = [way for way in usable if way.link == using]
    best = min(well or in_use or usable, key=_rank)
    return best, tuple((way.link, _against(way, best)) for way in ways if way is not best)


def _rank(way: Way) -> tuple[bool, int, str]:
    return way.metered, way.order, way.link


def _against(way: Way, best: Way) -> str:
    if not way.fits:
        return "it takes too small frames"
    if way.health is not best.health:
        return f"it is {'on trial' if way.health is Health.ON_TRIAL else 'not well'}"
    return "it costs money" if way.metered and not best.metered else "the other is preferred"
