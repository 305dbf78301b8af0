"""Keeps the hotspot: looks at the network every few seconds, and does what `hw.firstboot.spot` decides."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from hw.firstboot.kept import Kept
from hw.firstboot.limits import LOOK_S
from hw.firstboot.network import Network
from hw.firstboot.placing import ANY_NAME, HOME_ADDRESS
from hw.firstboot.spot import Act, Hotspot

_LOOKS: Final = 12  # between two looks at the firewall


class Firewall(Protocol):
    """What lets people in the hotspot reach the box."""

    def open(self, device: str, page: str) -> str:
        """Open for one device; returns why not, empty if it is open."""

    def is_open(self) -> bool:
        """Whether it still is."""

    def close(self) -> None:
        """Close, whether it is open or not."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The hotspot as the owner wants it.

    Attributes:
        enabled: there is to be one.
        name: of the network.
        key: of WPA2; empty for an open network, which the owner has to ask for.
        country: whose rules the radio follows, empty if nobody has said.

    """

    enabled: bool
    name: str
    key: str
    country: str


def wanted(kept: Kept) -> Wanted:
    """Return what the owner wants; a network is open only if they have said so, and none is opened that has lost its key."""
    spot = kept.table("hotspot")
    key = "" if spot.get("open") is True else str(spot.get("key") or kept.hotspot_key)
    usable = bool(kept.hotspot_name) and (bool(key) or spot.get("open") is True)
    return Wanted(spot.get("enabled", True) is True and usable, kept.hotspot_name, key, str(kept.table("wifi").get("country") or ""))


class Tending:
    """Keeps it.

    Args:
        wish: the hotspot as the owner wants it.
        network: the system's.
        firewall: the system's.
        portal: starts or ends what answers phones.
        told: takes sentences for the operator: whether it is good news, and which.
        now: monotonic seconds.

    """

    def __init__(
        self,
        wish: Wanted,
        network: Network,
        firewall: Firewall,
        portal: Callable[[bool], None],
        told: Callable[[bool, str], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wish = wish
        self._network = network
        self._firewall = firewall
        self._portal = portal
        self._told = told
        self._now = now
        self._hotspot = Hotspot(now())
        self._device = ""
        self._looks = 0

    def run(self, sleep: Callable[[float], None] = time.sleep) -> None:
        """Keep it until an exception ends this; what is open is closed then."""
        self.close()  # of one that was killed
        try:
            while True:
                self.look()
                sleep(LOOK_S)
        finally:
            self.close()

    def look(self) -> None:
        """Look, and do what is to be done."""
        match self._hotspot.look(self._network.look(), self._now()):
            case Act.OPEN:
                self._open()
            case Act.CLOSE:
                self.close()
            case Act.NOTHING:
                self._keep_open()

    def close(self) -> None:
        """Close it, whether it is open or not."""
        self._device = ""
        self._portal(False)
        self._firewall.close()
        self._network.close()

    def _open(self) -> None:
        self._device = self._network.open(self._wish.name, self._wish.key, (HOME_ADDRESS, ANY_NAME))
        why = self._firewall.open(self._device, HOME_ADDRESS) if self._device else "the radio does not open a network"
        if why:
            self._hotspot.failed(self._now())
            self.close()
            self._told(False, f"This box is without a network, and its own could not be opened: {why}.")
            return
        self._portal(True)
        self._told(True, f"This box was without a network, so it has opened its own: {self._wish.name}.")

    def _keep_open(self) -> None:
        self._looks += 1
        if self._device and self._looks % _LOOKS == 0 and not self._firewall.is_open():
            self._firewall.open(self._device, HOME_ADDRESS)
