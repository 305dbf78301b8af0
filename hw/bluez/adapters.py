"""Which Bluetooth adapters this machine has, what each can do, and which of them to use for what.

Source: BlueZ ``org.bluez.Adapter1``, ``org.bluez.LEAdvertisingManager1`` and ``org.bluez.Device1``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Flag, auto
from typing import Any, Final

from hw.bluez.bus import BluezBus
from hw.bluez.errors import BluetoothUnavailableError, BluezError, Trouble
from hw.bluez.limits import POWER_TIMEOUT_S

__all__ = [
    "Adapter",
    "BluetoothUnavailableError",
    "Device",
    "Role",
    "Trouble",
    "Wish",
    "choose",
    "devices",
    "find_adapters",
    "forget_device",
    "list_adapters",
    "parse_wish",
    "power",
]

ADAPTER: Final = "org.bluez.Adapter1"
ADVERTISING: Final = "org.bluez.LEAdvertisingManager1"
DEVICE: Final = "org.bluez.Device1"

_BLUEZ_VERSION = re.compile(r"usb:v1D6Bp0246d([0-9A-F]{2})([0-9A-F]{2})")
_ADDRESS = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}")
_NAME = re.compile(r"hci[0-9]{1,4}")
_GONE = ("DoesNotExist", "UnknownObject", "UnknownMethod")


class Role(Flag):
    """What an adapter is used for, or able to do, in Bluetooth LE."""

    CENTRAL = auto()  # looks for phones and connects to them
    PERIPHERAL = auto()  # advertises, and phones connect to it
    BOTH = CENTRAL | PERIPHERAL


@dataclass(frozen=True, slots=True)
class Adapter:
    """One Bluetooth controller."""

    path: str
    name: str  # hci0
    powered: bool
    address: str = ""  # AA:BB:CC:DD:EE:FF in capitals
    discovering: bool = False
    roles: Role = Role.BOTH  # what BlueZ says that it can do
    bluez: tuple[int, int] | None = None  # BlueZ's version, where the adapter's modalias tells it
    advertisements: int = 0  # how many it can have, used ones included; 0 if it cannot advertise


@dataclass(frozen=True, slots=True)
class Device:
    """One device in reach that BlueZ knows."""

    path: str
    address: str
    connected: bool
    rssi: int | None  # dBm, where it was heard lately
    uuids: tuple[str, ...]  # services in lower case


@dataclass(frozen=True, slots=True)
class Wish:
    """An adapter that somebody wants used, and what for."""

    adapter: str  # hci0 or an address, as it was written
    role: Role = Role.BOTH


def parse_wish(text: str) -> Wish:
    """Read "hci0", "AA:BB:CC:DD:EE:FF", or either with "=central", "=peripheral" or "=both".

    Raises:
        ValueError: it is none of these; the text says so in one sentence.

    """
    adapter, equals, role = (part.strip() for part in text.partition("="))
    if not _NAME.fullmatch(adapter.lower()) and not _ADDRESS.fullmatch(adapter.upper()):
        raise ValueError(f"{adapter!r} is neither an adapter's name such as hci0 nor an address such as AA:BB:CC:DD:EE:FF.")
    if not equals:
        return Wish(adapter)
    if role.upper() not in ("CENTRAL", "PERIPHERAL", "BOTH"):
        raise ValueError(f"{role!r} is no role: it is central, peripheral or both.")
    return Wish(adapter, Role[role.upper()])


def list_adapters(bus: BluezBus) -> list[Adapter]:
    """List all adapters, powered or not, in the order of their numbers: hci2 before hci10."""
    found = [_adapter(path, interfaces) for path, interfaces in bus.objects.items() if ADAPTER in interfaces]
    return sorted(found, key=lambda adapter: (len(adapter.name), adapter.name))


def choose(adapters: Sequence[Adapter], wishes: Sequence[Wish]) -> list[tuple[Adapter, Role]]:
    """Decide which adapters to use for what.

    Without wishes one adapter has both roles; of several the first is the central and the next one
    that can advertise is the peripheral, because some controllers cannot be both at once. An adapter
    is never given a role that it says it does not have. A wished adapter that is missing is left out.

    Raises:
        BluetoothUnavailableError: nothing is left.

    """
    chosen = _wished(adapters, wishes) if wishes else _usual(adapters)
    if not chosen:
        raise BluetoothUnavailableError(Trouble.NO_ADAPTER)
    return chosen


async def find_adapters(bus_address: str | None = None) -> list[Adapter]:
    """List the adapters in the order of their numbers, asking BlueZ afresh; starts BlueZ where the bus may do so.

    Args:
        bus_address: D-Bus address to ask instead of the system bus.

    Raises:
        BluetoothUnavailableError: there is none, or nobody to ask.

    """
    bus = await BluezBus.connect(bus_address)
    try:
        if not bus.present:
            await bus.start_bluez()
        adapters = list_adapters(bus)
    except BluezError as error:
        raise BluetoothUnavailableError(Trouble.NO_BLUEZ) from error
    finally:
        await bus.close()
    if not adapters:
        raise BluetoothUnavailableError(Trouble.NO_ADAPTER)
    return adapters


def devices(bus: BluezBus, adapter_path: str) -> list[Device]:
    """List the devices that BlueZ knows on one adapter, connected or lately heard."""
    found: list[Device] = []
    for path, interfaces in bus.objects.items():
        values = interfaces.get(DEVICE)
        if values is None or not path.startswith(adapter_path + "/"):
            continue
        uuids = tuple(str(uuid).lower() for uuid in values.get("UUIDs", ()))
        found.append(Device(path, str(values.get("Address", "")), bool(values.get("Connected")), values.get("RSSI"), uuids))
    return found


def is_in_use(bus: BluezBus, device_path: str) -> bool:
    """Say whether a device is connected, or a person has paired it: then it is not ours to forget."""
    return any(bus.get(device_path, DEVICE, name, default=False) for name in ("Connected", "Paired", "Bonded", "Trusted"))


async def power(bus: BluezBus, path: str, on: bool) -> None:
    """Switch an adapter on or off and wait until it is.

    Raises:
        BluezError: it would not ("Blocked" if rfkill holds it), or did not in time.

    """
    await bus.set(path, ADAPTER, "Powered", "b", on, timeout=POWER_TIMEOUT_S)


async def forget_device(bus: BluezBus, device_path: str) -> None:
    """Make BlueZ forget a device with all that it remembers of its services; a connection to it ends.

    Raises:
        BluezError: BlueZ would not. A device that is not there is as good as forgotten.

    """
    adapter = device_path.rpartition("/")[0]
    try:
        await bus.call(adapter, ADAPTER, "RemoveDevice", "o", device_path)
    except BluezError as error:
        if not any(error.is_(name) for name in _GONE):
            raise


def _adapter(path: str, interfaces: Mapping[str, Mapping[str, Any]]) -> Adapter:
    values = interfaces[ADAPTER]
    slots = interfaces.get(ADVERTISING, {})
    version = _BLUEZ_VERSION.match(str(values.get("Modalias", "")))
    return Adapter(
        path,
        path.rpartition("/")[2],
        powered=bool(values.get("Powered")),
        address=str(values.get("Address", "")).upper(),
        discovering=bool(values.get("Discovering")),
        roles=_roles(values.get("Roles")),
        bluez=(int(version[1], 16), int(version[2], 16)) if version else None,
        advertisements=int(slots.get("SupportedInstances", 0)) + int(slots.get("ActiveInstances", 0)),
    )


def _roles(names: list[str] | None) -> Role:
    if not names:  # BlueZ before 5.60, or a controller that is off
        return Role.BOTH
    roles = Role(0)
    if "central" in names:
        roles |= Role.CENTRAL
    if "peripheral" in names:
        roles |= Role.PERIPHERAL
    return roles


def _can(adapter: Adapter, role: Role) -> Role:
    able = adapter.roles & role
    if adapter.powered and not adapter.advertisements:  # one that is off does not say
        able &= ~Role.PERIPHERAL
    return able


def _wished(adapters: Sequence[Adapter], wishes: Sequence[Wish]) -> list[tuple[Adapter, Role]]:
    chosen: dict[str, tuple[Adapter, Role]] = {}
    for wish in wishes:
        for adapter in adapters:
            if wish.adapter.upper() in (adapter.name.upper(), adapter.address):
                _, already = chosen.get(adapter.path, (adapter, Role(0)))
                if role := already | _can(adapter, wish.role):
                    chosen[adapter.path] = (adapter, role)
    return list(chosen.values())


def _usual(adapters: Sequence[Adapter]) -> list[tuple[Adapter, Role]]:
    central = next((adapter for adapter in adapters if _can(adapter, Role.CENTRAL)), None)
    peripherals = [adapter for adapter in adapters if _can(adapter, Role.PERIPHERAL)]
    if central is None:
        return [(adapter, Role.PERIPHERAL) for adapter in peripherals[:1]]
    other = next((adapter for adapter in peripherals if adapter is not central), None)
    if other is None:
        return [(central, _can(central, Role.BOTH))]
    return [(central, Role.CENTRAL), (other, Role.PERIPHERAL)]
