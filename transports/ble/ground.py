"""What the stations of all adapters have in common."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from transports.ble.budget import Budget
from transports.ble.candidates import Candidates
from transports.ble.config import BleConfig
from transports.ble.counters import Counters
from transports.ble.edge import Heard
from transports.ble.holds import Holds
from transports.ble.links import Link, LinkTable
from transports.limits import BLE_HOLD_BANNED_S, BLE_HOLD_DROP_S
from transports.link import LinkEvent


@dataclass(slots=True)
class Ground:
    """One transport's settings, links and counts, and whom it tells."""

    config: BleConfig
    rng: Random
    table: LinkTable
    now: Callable[[], float]  # monotonic seconds
    post: Callable[[LinkEvent], None]
    report: Callable[[str], None]
    counters: Counters = field(default_factory=Counters)
    surveys: list[Callable[[Heard], None]] = field(default_factory=list)  # told of every advertisement
    holds: Holds = field(default_factory=Holds)
    shown: dict[str, str] = field(default_factory=dict)  # adapter -> address under which we advertise
    heard_at: dict[str, float] = field(default_factory=dict)  # adapter -> when it heard an advertisement last, seconds

    _candidates: dict[str, Candidates] = field(default_factory=dict)  # by adapter; what was learned outlives its stations
    _budgets: dict[str, Budget] = field(default_factory=dict)

    def candidates(self, adapter: str) -> Candidates:
        """Whom an adapter has heard."""
        return self._candidates.setdefault(adapter, Candidates(self.holds))

    def budget(self, adapter: str) -> Budget:
        """How many links an adapter is trusted with, both roles together."""
        return self._budgets.setdefault(adapter, Budget(self.config.max_central + self.config.max_peripheral))

    def tag_of(self, address: str) -> bytes:
        """The tag a device advertised lately, whichever adapter heard it; empty if none."""
        return next((tag for candidates in self._candidates.values() if (tag := candidates.tag_of(address))), b"")

    def is_banned(self, address: str) -> bool:
        """Whether a device that dials us is to be sent away."""
        return self.holds.is_banned(address, self.tag_of(address), self.now())

    def ban(self, link: Link) -> None:
        """Have nothing to do with the device behind a link, under this address or with this tag, for a quarter of an hour."""
        for key in (link.address, link.tag):
            if key:
                self.holds.hold(key, self.now() + BLE_HOLD_BANNED_S, banned=True)

    def dropped(self, link: Link) -> None:
        """A link ended by itself: give the device a moment."""
        self.holds.hold(link.address, self.now() + BLE_HOLD_DROP_S)

    def yields(self, heard: Heard) -> bool:
        """Whether the other side may dial first.

        Where both sides advertise and search, both would dial at the same moment and end with two links. So the
        one with the smaller tag (or address, if one of them has no tag) dials at once, and the other waits a little.
        """
        if not self.shown:
            return False
        if heard.tag and self.config.tag:
            return heard.tag < self.config.tag
        return all(heard.address < address for address in self.shown.values())
