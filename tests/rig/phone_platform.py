"""How the two apps drive their radio, as one table; how they receive and speak is in `gateway.testing.manners`."""

from dataclasses import dataclass, field
from enum import Flag, auto
from typing import Literal


class PhoneRole(Flag):
    """Which side of a connection a phone may take; real ones take both."""

    CENTRAL = auto()
    PERIPHERAL = auto()
    BOTH = CENTRAL | PERIPHERAL


@dataclass(frozen=True, slots=True)
class Platform:
    """What one kind of phone does with its radio.

    Args:
        name: ``ios`` or ``android``.
        mtu: ATT MTU it asks for as a client and grants as a server.
        tagged: it puts its peer ID into the scan response, and passes by a peer whose tag it is connected to.
        takes_long_writes: its server takes prepared writes.
        burst: writes or notifications handed to the controller before the first has left.
        mtu_wait: seconds before the MTU is asked for.
        max_central: links it starts itself.
        max_links: links in both roles.

    """

    name: Literal["ios", "android"]
    mtu: int
    tagged: bool
    takes_long_writes: bool
    burst: int
    mtu_wait: float
    max_central: int
    max_links: int


IOS = Platform(
    name="ios",
    mtu=517,
    tagged=False,
    takes_long_writes=True,
    burst=4,
    mtu_wait=0.0,
    max_central=6,
    max_links=12,
)
ANDROID = Platform(
    name="android",
    mtu=517,
    tagged=True,
    takes_long_writes=False,
    burst=1,
    mtu_wait=0.2,
    max_central=8,
    max_links=8,
)
PLATFORMS = {platform.name: platform for platform in (IOS, ANDROID)}


@dataclass(frozen=True, slots=True)
class Pace:
    """How busy a phone keeps the air, and with it the machine that simulates it.

    Args:
        advertise_ms: milliseconds between advertisements.
        scan_on: seconds it listens at a stretch.
        scan_off: seconds it then rests, when nobody was there to be called.
        enough: links after which it looks for no more; None for as many as the platform holds.
        connect_timeout: seconds a call may take until the connection stands.
        session_timeout: seconds a session may take from there until it is subscribed.
        between_dials: seconds between two calls.
        hold_failed: seconds an address is left alone after a failed call.
        hold_dropped: the same after a link that went down.

    """

    advertise_ms: float = 200.0
    scan_on: float = 5.0
    scan_off: float = 0.0
    enough: int | None = None
    connect_timeout: float = 8.0
    session_timeout: float = 10.0
    between_dials: float = 0.5
    hold_failed: float = 15.0
    hold_dropped: float = 3.0


@dataclass(frozen=True, slots=True)
class PhoneOptions:
    """One phone: its platform, and what is particular about it.

    Args:
        platform: see `Platform`.
        role: sides it takes.
        mtu: ATT MTU other than the platform's (iPhones: 185 to 517), None for the platform's.
        rotates: it shows a resolvable private address, which `rotate` changes; otherwise a random static one.
        two_addresses: it calls from another address than it advertises with, so that two links with one
            neighbour are possible, as between real phones.
        pace: see `Pace`.

    """

    platform: Platform = IOS
    role: PhoneRole = PhoneRole.BOTH
    mtu: int | None = None
    rotates: bool = True
    two_addresses: bool = False
    pace: Pace = field(default_factory=Pace)

    @property
    def att_mtu(self) -> int:
        """The MTU it asks for and grants."""
        return self.mtu if self.mtu is not None else self.platform.mtu
