"""What the transport wants of a machine's Bluetooth: small interfaces, so that tests can put an air of their own in place.

`transports.ble.bluez` has the real thing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from hw.bluez.adapter_pace import AdapterPace
from hw.bluez.adapters import Adapter
from hw.bluez.peripheral import PeripheralEvents, Profile
from hw.bluez.steps import Outcome, Step

SERVICE: Final = "f47b5e2d-4a9e-4c5a-9b3f-8e1d2c3a4b5c"  # BitChat, production
CHARACTERISTIC: Final = "a1b2c3d4-e5f6-4a5b-8c9d-0e1f2a3b4c5d"


@dataclass(frozen=True, slots=True)
class Heard:
    """One advertisement of a device that offers the service; everything in it may be a lie."""

    device: str  # what BlueZ calls it, an object path
    address: str
    is_random: bool  # a random address, as phones have
    rssi: int  # dBm
    tag: bytes = b""  # service data of the scan response


class DialFailure(StrEnum):
    """Why there is no link with a device that was dialled."""

    TIMEOUT = "timeout"
    ABORTED = "aborted"  # the connection broke while it was set up, or the controller would not
    FULL = "full"  # the controller holds as many connections as it can
    VANISHED = "vanished"  # BlueZ has forgotten the device
    NO_SERVICE = "no_service"  # it advertises what it does not have
    SMALL_MTU = "small_mtu"  # it takes no frame of useful size
    REFUSED = "refused"  # it would not let us subscribe
    SHORT = "short"  # the link came up and ended soon, without a single frame
    CUT_OFF = "cut_off"  # the bus, BlueZ or the adapter went away meanwhile, or the adapter is off
    BROKEN = "broken"  # BlueZ is at fault


class DialError(Exception):
    """A dial failed; `kind` says how."""

    def __init__(self, kind: DialFailure, text: str = "") -> None:
        self.kind = kind
        super().__init__(text or kind.value)


class Sink(Protocol):
    """Who is told what comes from a dialled device; called in the event loop, returns at once."""

    def received(self, frame: bytes) -> None:
        """Take one notification."""

    def lost(self, why: str) -> None:
        """The connection is gone; nothing follows."""


class Remote(Protocol):
    """A device that was dialled and whose notifications are on."""

    @property
    def mtu(self) -> int:
        """Largest frame in bytes."""

    async def write(self, frame: bytes, *, answered: bool) -> None:
        """Write one frame, with or without response; at most one write at a time.

        Raises:
            BluezError: it did not work; the link is of no use any more.
        """

    async def disconnect(self) -> None:
        """End the connection; never raises."""


class Subscriber(Protocol):
    """A device that dialled us and has subscribed (`hw.bluez.peripheral.Central`)."""

    device: str
    address: str
    mtu: int

    @property
    def send(self) -> Callable[[bytes], bool]:
        """Notifies one frame; False means full. It may become another while the device is here."""

    @property
    def sent(self) -> int:
        """Frames that were taken."""

    @property
    def refused(self) -> int:
        """Frames that were not."""

    async def disconnect(self) -> None:
        """End the connection."""


class Advertiser(Protocol):
    """One run of the peripheral role (`hw.bluez.peripheral.Peripheral`)."""

    ready: asyncio.Event

    @property
    def counters(self) -> Mapping[str, int]:
        """What was counted in this run."""

    async def run(self) -> None:
        """Serve until cancelled; raises `BluezError` when it cannot."""


class Radio(Protocol):
    """One adapter that is there and switched on."""

    @property
    def pace(self) -> AdapterPace:
        """How fast frames may leave on all its links together."""

    def peripheral(self, profile: Profile, events: PeripheralEvents) -> Advertiser:
        """Make a run of the peripheral role."""

    async def start_scan(self, hear: Callable[[Heard], None]) -> None:
        """Scan for devices with the service until `stop_scan`.

        Raises:
            BluezError: BlueZ refused.
        """

    async def stop_scan(self) -> None:
        """End scanning; never raises, whatever BlueZ says."""

    async def connect(self, heard: Heard) -> None:
        """Connect with a device; one that is connected already is fine. The caller limits the time, and hangs up if it fails.

        Raises:
            DialError: it did not work.
        """

    async def subscribe(self, heard: Heard, sink: Sink) -> Remote:
        """Find the characteristic of a connected device and turn its notifications on; `sink` is told from then on.

        Raises:
            DialError: it did not work.
        """

    async def hang_up(self, device: str) -> None:
        """End a connection, or the attempt at one; never raises."""

    def remembered(self) -> Sequence[str]:
        """List the devices that BlueZ remembers and nobody uses."""

    def connected(self) -> Collection[str]:
        """List the devices that are connected now, but for those a person has paired and those a program of this machine has dialled."""

    async def forget(self, device: str) -> None:
        """Make BlueZ forget a device that is not connected; never raises."""


class Curing(Protocol):
    """The steps of the recovery ladder, done (`hw.bluez.remedies.Remedies`)."""

    why: str

    async def take(self, step: Step, keep: Collection[str] = ()) -> Outcome:
        """Do one step; the devices in `keep` are not forgotten. Never raises."""

    def blocked(self) -> str | None:
        """Say whether rfkill holds the adapter: "soft", "hard" or None."""


class Host(Protocol):
    """One connection to the machine's Bluetooth service."""

    @property
    def present(self) -> bool:
        """Whether the service runs."""

    def adapters(self) -> Sequence[Adapter]:
        """List the adapters as they are now."""

    def epoch(self, path: str) -> int:
        """A number that grows whenever what was set up on this adapter is lost: it went, was switched off, or the service ended."""

    def watch(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` when the service or an adapter came, went or was switched; the function returned ends that."""

    async def start_service(self) -> None:
        """Ask for the service to be started; never raises."""

    async def lost(self) -> str:
        """Return when the connection is gone, and why."""

    def radio(self, adapter: Adapter) -> Radio:
        """Use an adapter."""

    def curing(self, path: str) -> Curing:
        """The remedies for an adapter, present or not; for the service alone with an empty path."""

    async def close(self) -> None:
        """Give everything back; never raises."""


OpenHost = Callable[[], Awaitable[Host]]
"""Connects; raises `BluetoothUnavailableError`."""
