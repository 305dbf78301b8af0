"""Whom to dial next: the devices heard, what is held against them, and their score.

Addresses rotate and anybody may make up a thousand of them, so everything here is bounded. A device that
has been there for a while is preferred to one that has just appeared, when somebody has to give way and,
while dials fail, every second time one is chosen: whoever changes the address for every advertisement never
becomes one that has been there.

    score = strength in dBm - a second since it was heard: 1 - failure: 15 + been there: up to 10 - linked lately: 10
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from transports.ble.edge import DialFailure, Heard
from transports.ble.holds import Holds
from transports.limits import (
    BLE_CANDIDATE_FRESH_S,
    BLE_CANDIDATE_KEEP_S,
    BLE_CANDIDATES,
    BLE_CROSSING_S,
    BLE_DIAL_TIMEOUT_S,
    BLE_HOLD_CAP_S,
    BLE_HOLD_DROP_S,
    BLE_HOLD_TIMEOUT_S,
    BLE_HOLD_USELESS_S,
    BLE_HOLD_WEAK_S,
)

WEAK: Final = -90  # dBm, the weakest device dialled; the gates are those of BitChat for iOS
WEAK_CROWDED: Final = -85  # dBm, while places or candidates are scarce
WEAK_ALONE: Final = -95  # dBm, without any link
WEAK_LONELY: Final = -100  # dBm, without any link for LONELY_S
LONELY_S: Final = 30.0

_FAILURE_COST: Final = 15.0
_PRESENCE_WORTH: Final = 10.0
_TURN_COST: Final = 10.0  # others get a turn before a device that was linked lately
_TURN_S: Final = 120.0
_SMOOTHING: Final = 0.3  # share of a new reading in the remembered strength
_FIRST_HOLD: Final = {
    DialFailure.NO_SERVICE: BLE_HOLD_USELESS_S,
    DialFailure.SMALL_MTU: BLE_HOLD_USELESS_S,
    DialFailure.SHORT: BLE_HOLD_DROP_S,
}
_UNREACHED: Final = (DialFailure.ABORTED, DialFailure.TIMEOUT, DialFailure.VANISHED, DialFailure.BROKEN)


@dataclass(slots=True)
class Candidate:
    """One device that was heard."""

    heard: Heard
    rssi: float  # dBm, smoothed
    first: float  # monotonic seconds
    last: float
    since: float  # when it appeared, or appeared again
    yields: bool = False  # we do: the other side may dial first
    failures: int = 0  # in a row
    failed_at: float = float("-inf")
    failed_for: DialFailure | None = None
    linked_at: float | None = None

    @property
    def presence(self) -> float:
        """Seconds it has been there, as far as they count."""
        return min(_PRESENCE_WORTH, self.last - self.first)

    def score(self, now: float) -> float:
        """The higher, the sooner it is dialled."""
        turn = _TURN_COST if self.linked_at is not None and now - self.linked_at < _TURN_S else 0.0
        return self.rssi - (now - self.last) - _FAILURE_COST * self.failures + self.presence - turn


def gate(*, links: int, crowded: bool, alone_for: float) -> int:
    """The weakest strength, in dBm, that is worth dialling; `alone_for` is seconds without any link."""
    if crowded:
        return WEAK_CROWDED
    if links:
        return WEAK
    return WEAK_LONELY if alone_for >= LONELY_S else WEAK_ALONE


class Candidates:
    """The devices one adapter hears; `holds` says whom all adapters leave alone."""

    def __init__(self, holds: Holds) -> None:
        self._holds = holds
        self._known: dict[str, Candidate] = {}  # by address
        self._patient = False  # choose by presence first

    def __len__(self) -> int:
        return len(self._known)

    @property
    def is_full(self) -> bool:
        """Whether others had to give way."""
        return len(self._known) >= BLE_CANDIDATES

    def all(self) -> tuple[Candidate, ...]:
        """Everyone known."""
        return tuple(self._known.values())

    def hears(self, device: str) -> bool:
        """Whether a device was heard lately."""
        return any(known.heard.device == device for known in self._known.values())

    def tag_of(self, address: str) -> bytes:
        """The tag the device last advertised; empty if none."""
        known = self._known.get(address)
        return known.heard.tag if known is not None else b""

    def hear(self, heard: Heard, now: float, *, yields: bool = False) -> bool:
        """Take an advertisement; True if the device is new or back. With `yields` it may dial us first."""
        known = self._known.get(heard.address)
        if known is not None:
            back = known.last <= known.failed_at or now - known.last > BLE_CANDIDATE_FRESH_S
            known.rssi += (heard.rssi - known.rssi) * _SMOOTHING
            # A scan response may be missing from one report and present in the next.
            known.heard = (
                heard
                if heard.tag or not known.heard.tag
                else Heard(heard.device, heard.address, heard.is_random, heard.rssi, known.heard.tag)
            )
            known.last, known.yields = now, yields
            if back:
                known.since = now
            return back
        if self.is_full:
            self._make_place(now)
        self._known[heard.address] = Candidate(heard, heard.rssi, now, now, now, yields)
        return True

    def best(self, now: float, weakest: int, is_taken: Callable[[Heard], bool]) -> Candidate | None:
        """The candidate to dial now: strong enough, fresh, not held, not `is_taken`."""
        ready = [
            known
            for known in self._known.values()
            if known.rssi >= weakest
            and now - known.last <= BLE_CANDIDATE_FRESH_S
            and known.last > known.failed_at  # it is still there
            and self._ready_at(known) <= now
            and not is_taken(known.heard)
        ]
        return max(ready, key=lambda known: (known.presence if self._patient else 0.0, known.score(now)), default=None)

    def next_ready(self, now: float) -> float | None:
        """When the next device that has to wait may be dialled; None if none waits."""
        return min((at for at in map(self._ready_at, self._known.values()) if at > now), default=None)

    def failed(self, address: str, kind: DialFailure, now: float) -> None:
        """A dial failed: hold the device, longer after every failure in a row."""
        self._patient = not self._patient
        known = self._known.get(address)
        failures, weak, gone = 1, False, False
        if known is not None:
            known.failed_at, known.failed_for = now, kind
            known.failures = failures = known.failures + 1
            weak = known.rssi <= WEAK
            gone = kind is DialFailure.TIMEOUT and now - known.last >= BLE_DIAL_TIMEOUT_S
        # One that walked away need not wait when it returns.
        first = BLE_HOLD_DROP_S if gone else BLE_HOLD_WEAK_S if weak else _FIRST_HOLD.get(kind, BLE_HOLD_TIMEOUT_S)
        self._holds.hold(address, now + min(BLE_HOLD_CAP_S, first * 2.0 ** min(failures - 1, 10)))

    def linked(self, address: str, now: float) -> None:
        """A dial worked."""
        self._patient = False
        known = self._known.get(address)
        if known is not None:
            known.linked_at = now

    def forgive(self, since: float) -> None:
        """Give those another chance with whom no connection came about since then: a link has ended.

        It may have been to the same device under its former address, and a controller has one connection with a device.
        """
        for address, known in self._known.items():
            if known.failed_at >= since and known.failed_for in _UNREACHED:
                known.failures = 0
                self._holds.release(address)

    def proved(self, address: str) -> None:
        """A frame came from a device that was dialled: it is what it says."""
        known = self._known.get(address)
        if known is not None:
            known.failures = 0

    def expire(self, now: float) -> None:
        """Forget who was not heard for a while."""
        self._known = {address: known for address, known in self._known.items() if now - known.last <= BLE_CANDIDATE_KEEP_S}

    def _ready_at(self, known: Candidate) -> float:
        at = max(known.since, self._holds.until(known.heard.address, known.heard.tag))
        return at + BLE_CROSSING_S if known.yields else at

    def _make_place(self, now: float) -> None:
        """The least worthy candidate gives way."""
        del self._known[min(self._known, key=lambda address: (self._known[address].presence, self._known[address].score(now)))]
