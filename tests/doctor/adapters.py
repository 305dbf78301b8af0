"""A BlueZ with adapters that say all that the doctor asks for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dbus_fast import PropertyAccess
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property


class Adapter1(ServiceInterface):
    """BlueZ 5.82's, as far as the doctor looks."""

    def __init__(self, powered: bool = True) -> None:
        super().__init__("org.bluez.Adapter1")
        self.powered = powered

    @dbus_method()
    def GetDiscoveryFilters(self) -> "as":  # noqa: F722, N802 - D-Bus' name and signature
        return ["UUIDs"]

    @dbus_property(access=PropertyAccess.READ)
    def Address(self) -> "s":  # noqa: F821, N802
        return "00:11:22:33:44:55"

    @dbus_property(access=PropertyAccess.READ)
    def Powered(self) -> "b":  # noqa: F821, N802
        return self.powered

    @dbus_property(access=PropertyAccess.READ)
    def Discovering(self) -> "b":  # noqa: F821, N802
        return True

    @dbus_property(access=PropertyAccess.READ)
    def Roles(self) -> "as":  # noqa: F722, N802
        return ["central", "peripheral", "central-peripheral"]

    @dbus_property(access=PropertyAccess.READ)
    def Version(self) -> "y":  # noqa: F821, N802
        return 9

    @dbus_property(access=PropertyAccess.READ)
    def Modalias(self) -> "s":  # noqa: F821, N802
        return "usb:v1D6Bp0246d0552"


class LEAdvertisingManager1(ServiceInterface):
    """One advertisement in use, four free."""

    def __init__(self) -> None:
        super().__init__("org.bluez.LEAdvertisingManager1")

    @dbus_property(access=PropertyAccess.READ)
    def ActiveInstances(self) -> "y":  # noqa: F821, N802
        return 1

    @dbus_property(access=PropertyAccess.READ)
    def SupportedInstances(self) -> "y":  # noqa: F821, N802
        return 4


class BareAdapter1(ServiceInterface):
    """An old one, off, that cannot advertise and knows none of the newer things."""

    def __init__(self) -> None:
        super().__init__("org.bluez.Adapter1")

    @dbus_property(access=PropertyAccess.READ)
    def Powered(self) -> "b":  # noqa: F821, N802
        return False


@asynccontextmanager
async def able_bluez(address: str) -> AsyncIterator[None]:
    """Be a BlueZ with hci0, which can everything, and hci1, which is old and off."""
    connection = await MessageBus(bus_address=address).connect()
    try:
        connection.export("/org/bluez/hci0", Adapter1())
        connection.export("/org/bluez/hci0", LEAdvertisingManager1())
        connection.export("/org/bluez/hci1", BareAdapter1())
        await connection.request_name("org.bluez")
        yield
    finally:
        connection.disconnect()
        await connection.wait_for_disconnect()
