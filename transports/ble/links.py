"""The links of all adapters: their names, what is known about them and what went over them.

Addresses and tags stay in here: they are needed to know whom not to dial again, and they are nobody else's
business. A link is known to everybody else as `ble:<number>`.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from hw.bluez.adapters import Role
from transports.ble.edge import Heard
from transports.link import LinkId, Sender


class Way(Sender, Protocol):
    """How frames leave on one link, and how many have."""

    @property
    def sent(self) -> int:
        """Frames that were taken."""

    @property
    def refused(self) -> int:
        """Frames that were not, because it was full."""


@dataclass(slots=True, eq=False)
class Link:
    """One link that is up."""

    id: LinkId
    role: Role  # ours: CENTRAL if we dialled
    adapter: str  # hci0
    device: str
    address: str
    tag: bytes
    mtu: int
    since: float  # monotonic seconds
    last_in: float  # when the last frame came, or `since`
    way: Way
    end: Callable[[], Awaitable[None]]  # ends the connection; never raises
    rssi: int | None = None  # dBm, as it was heard before the link
    frames_in: int = 0
    is_up: bool = False

    @property
    def frames_out(self) -> int:
        """Frames that went out."""
        return self.way.sent

    @property
    def is_mute(self) -> bool:
        """Whether not a single frame has come."""
        return self.frames_in == 0


class LinkTable:
    """Every link that is up, over all adapters."""

    def __init__(self, own_addresses: Callable[[], frozenset[str]], own_tag: bytes) -> None:
        self._own_addresses = own_addresses
        self._own_tag = own_tag
        self._links: dict[LinkId, Link] = {}
        self.by_id: Mapping[LinkId, Link] = self._links
        self._number = 0
        self._leaving: dict[str, int] = {}  # addresses whose connection is being ended

    def __len__(self) -> int:
        return len(self._links)

    def __iter__(self) -> Iterator[Link]:
        return iter(tuple(self._links.values()))

    def new_id(self) -> LinkId:
        """A name that was never used."""
        self._number += 1
        return LinkId(f"ble:{self._number}")

    def add(self, link: Link) -> None:
        """A link came up."""
        self._links[link.id] = link
        link.is_up = True

    def remove(self, link: Link) -> bool:
        """A link is gone; False if that was known already."""
        link.is_up = False
        return self._links.pop(link.id, None) is not None

    def get(self, link: LinkId) -> Link | None:
        """The link of that name, while it is up."""
        return self._links.get(link)

    def of(self, adapter: str, role: Role = Role.BOTH) -> list[Link]:
        """The links of one adapter, in the given role or in both."""
        return [link for link in self._links.values() if link.adapter == adapter and link.role in role]

    def is_linked(self, device: str) -> bool:
        """Whether a link goes over this device's connection."""
        return any(link.device == device for link in self._links.values())

    def is_taken(self, heard: Heard) -> bool:
        """Whether a device must not be dialled: it is linked already, in either role, or it is this gateway itself."""
        if heard.address in self._own_addresses() or heard.address in self._leaving or (heard.tag and heard.tag == self._own_tag):
            return True
        return any(link.address == heard.address or (heard.tag and link.tag == heard.tag) for link in self._links.values())

    def leaves(self, address: str) -> None:
        """The connection with a device is being ended; it is not dialled until `left`."""
        self._leaving[address] = self._leaving.get(address, 0) + 1

    def left(self, address: str) -> None:
        """The connection is ended."""
        count = self._leaving.pop(address, 0)
        if count > 1:
            self._leaving[address] = count - 1
