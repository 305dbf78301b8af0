"""What each adapter can do, in the words of BlueZ, and whether this user may use it.

Source: BlueZ doc/org.bluez.Adapter.rst and org.bluez.LEAdvertisingManager.rst.
"""

from dataclasses import dataclass

from hw.bluez.adapters import ADAPTER, ADVERTISING, Adapter, list_adapters
from hw.bluez.bus import BluezBus
from hw.bluez.errors import BluetoothUnavailableError, BluezError, Trouble


@dataclass(frozen=True, slots=True)
class Abilities:
    """One adapter as BlueZ describes it."""

    name: str  # hci0
    address: str
    powered: bool
    discovering: bool  # for any program
    roles: frozenset[str]  # central, peripheral, central-peripheral (both at once; told only with a switch of the kernel)
    advertisements_free: int | None  # None: it cannot advertise, or is off
    core_version: int | None  # core version code of the controller: 8 is Bluetooth 4.2; None where BlueZ is too old to tell, as 5.66 is
    bluez: tuple[int, int] | None
    refused: str  # the D-Bus error to a harmless call as this user, empty if BlueZ answered


async def survey(bus_address: str | None = None) -> list[Abilities]:
    """Look at every adapter, without changing anything or starting BlueZ.

    Args:
        bus_address: D-Bus address to ask instead of the system bus.

    Raises:
        BluetoothUnavailableError: there is no adapter, or nobody to ask.

    """
    bus = await BluezBus.connect(bus_address)
    try:
        if not bus.present:
            raise BluetoothUnavailableError(Trouble.NO_BLUEZ)
        adapters = list_adapters(bus)
        if not adapters:
            raise BluetoothUnavailableError(Trouble.NO_ADAPTER)
        return [_abilities(bus, adapter, await _refusal(bus, adapter)) for adapter in adapters]
    finally:
        await bus.close()


def _abilities(bus: BluezBus, adapter: Adapter, refused: str) -> Abilities:
    version = bus.get(adapter.path, ADAPTER, "Version")
    free = bus.get(adapter.path, ADVERTISING, "SupportedInstances")
    return Abilities(
        name=adapter.name,
        address=adapter.address,
        powered=adapter.powered,
        discovering=adapter.discovering,
        roles=frozenset(map(str, bus.get(adapter.path, ADAPTER, "Roles", ()))),
        advertisements_free=None if free is None or not adapter.advertisements else int(free),
        core_version=None if version is None else int(version),
        bluez=adapter.bluez,
        refused=refused,
    )


async def _refusal(bus: BluezBus, adapter: Adapter) -> str:
    """Really call the adapter: the rules of the bus can let a user list objects and still not use them."""
    try:
        await bus.call(adapter.path, ADAPTER, "GetDiscoveryFilters")
    except BluezError as error:
        answered = error.name.startswith("org.bluez.") or error.is_("UnknownMethod")  # BlueZ itself spoke
        return "" if answered else error.name
    return ""
