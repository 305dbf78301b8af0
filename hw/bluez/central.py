"""One phone that has subscribed to our characteristic, and who is told what it does."""

from collections.abc import Callable
from typing import Final, Protocol

from hw.bluez.bus import BluezBus
from hw.bluez.errors import BluezError
from hw.bluez.limits import MAX_VALUE, NOTIFICATION_HEADER
from hw.bluez.sockets import Outlet

DEVICE: Final = "org.bluez.Device1"
_GONE: Final = ("DoesNotExist", "UnknownObject", "UnknownMethod", "NotConnected")


class Central:
    """One phone that has subscribed.

    `device` is the path of its Device1 object, `address` its Bluetooth address (most phones change it every
    quarter of an hour), `mtu` the largest frame in bytes, at most 512.

    `send` notifies one frame of 1 to `mtu` bytes, and raises `ValueError` for another. False means full: keep the
    frame, `PeripheralEvents.writable` follows; or that the phone has left, and nothing follows. It is an attribute, for it is
    called for every frame, and it is not always the same one: whoever keeps the phones sets it to the shortest way there is.
    """

    __slots__ = ("_bus", "_outlet", "address", "device", "is_here", "mtu", "refused_shared", "send", "sent_shared")

    def __init__(self, bus: BluezBus, device: str, mtu: int, outlet: Outlet | None) -> None:
        self.device = device
        self.address = device.rpartition("/dev_")[2].replace("_", ":")
        self.mtu = mtu
        self._bus = bus
        self._outlet = outlet
        self.sent_shared = self.refused_shared = 0  # frames that went, or did not, the way to all
        self.is_here = True
        self.send: Callable[[bytes], bool] = _refuse

    @property
    def sent(self) -> int:
        """Frames that were taken."""
        return self.sent_shared + (0 if self._outlet is None else self._outlet.sent)

    @property
    def refused(self) -> int:
        """Frames that were not."""
        return self.refused_shared + (0 if self._outlet is None else self._outlet.refused)

    async def disconnect(self) -> None:
        """End the connection; `PeripheralEvents.left` follows. One that has ended already is fine.

        Raises:
            BluezError: BlueZ would not, or is gone.

        """
        await disconnect_device(self._bus, self.device)

    def end(self) -> None:
        """Send nothing any more: the phone has left."""
        self.is_here = False
        self.send = _refuse


class PeripheralEvents(Protocol):
    """Who is told what happens; called in the event loop, returns at once."""

    def arrived(self, central: Central) -> None:
        """Tell of a phone that subscribed."""

    def wrote(self, central: Central, frame: bytes) -> None:
        """Tell of a frame from a phone: 1 to 512 bytes."""

    def writable(self, central: Central) -> None:
        """Tell that a phone that refused a frame has room again."""

    def left(self, central: Central, why: str) -> None:
        """Tell of a phone that is gone; nothing follows for this object."""


def _refuse(_frame: bytes) -> bool:
    return False


async def disconnect_device(bus: BluezBus, device: str) -> None:
    """End the connection with a device; one that has ended already is fine.

    Raises:
        BluezError: BlueZ would not, or is gone.

    """
    try:
        await bus.call(device, DEVICE, "Disconnect")
    except BluezError as error:
        if not any(error.is_(name) for name in _GONE):
            raise


def frame_size(att_mtu: int) -> int:
    """Return the largest frame that one notification of a connection carries, in bytes."""
    return min(att_mtu - NOTIFICATION_HEADER, MAX_VALUE)
