"""Whom a phone might call: everybody it heard advertise, minus those it is linked with or leaves alone for now."""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass

from bumble.hci import Address

MAX_CANDIDATES = 100  # iOS keeps as many
FRESH_S = 10.0  # seconds an advertisement counts


@dataclass(slots=True)
class Candidate:
    """One advertiser."""

    address: Address
    tag: bytes
    rssi: int
    heard_at: float


class Candidates:
    """Advertisers of the service by address."""

    def __init__(self) -> None:
        self._heard: OrderedDict[Address, Candidate] = OrderedDict()
        self._held: dict[Address, float] = {}

    def __len__(self) -> int:
        return len(self._heard)

    def heard(self, address: Address, tag: bytes, rssi: int, now: float) -> None:
        """Note an advertisement."""
        self._heard[address] = Candidate(address, tag, rssi, now)
        self._heard.move_to_end(address)
        if len(self._heard) > MAX_CANDIDATES:
            self._heard.popitem(last=False)

    def hold(self, address: Address, until: float) -> None:
        """Leave an address alone until then, or longer if it is left alone longer already."""
        self._held[address] = max(until, self._held.pop(address, until))
        if len(self._held) > MAX_CANDIDATES:
            self._held.pop(next(iter(self._held)))

    def best(self, now: float, linked: Collection[Address], tags: Collection[bytes]) -> Candidate | None:
        """The strongest advertiser that may be called, None if there is none.

        Args:
            now: seconds.
            linked: addresses there is a connection with.
            tags: tags of neighbours there is a link with, passed by under whatever address.

        """
        for address in [address for address, candidate in self._heard.items() if now - candidate.heard_at > FRESH_S]:
            del self._heard[address]
        able = [
            candidate
            for address, candidate in self._heard.items()
            if address not in linked and candidate.tag not in tags and self._held.get(address, now) <= now
        ]
        return max(able, key=lambda candidate: candidate.rssi, default=None)
