"""Which Bluetooth adapters this machine has, as BlueZ lists them.

Source: BlueZ ``org.bluez.Adapter1`` through ``org.freedesktop.DBus.ObjectManager``.
"""

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from dbus_fast import BusType, ErrorType, Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.errors import AuthError, DBusError, InvalidAddressError

ASK_TIMEOUT_S = 5.0
_ADAPTER = "org.bluez.Adapter1"


class Trouble(StrEnum):
    """Why there is no usable Bluetooth."""

    NO_BUS = "no_bus"
    NO_BLUEZ = "no_bluez"
    DENIED = "denied"
    NO_ADAPTER = "no_adapter"


_WORDS: dict[Trouble, tuple[str, str]] = {
    Trouble.NO_BUS: (
        "This machine has no D-Bus system bus, so there is no Bluetooth service to ask.",
        "On Debian or Raspberry Pi OS: apt install dbus bluez, then start again.",
    ),
    Trouble.NO_BLUEZ: (
        "The Bluetooth service (BlueZ) is not running.",
        "On Debian or Raspberry Pi OS: apt install bluez, then systemctl start bluetooth.",
    ),
    Trouble.DENIED: (
        "This user may not talk to the Bluetooth service (BlueZ).",
        "Let it: usermod -aG bluetooth USER, log in again, and start again.",
    ),
    Trouble.NO_ADAPTER: (
        "This machine has no Bluetooth adapter.",
        "Plug in a USB Bluetooth adapter, or check that the built-in one is not switched off (rfkill list).",
    ),
}


class BluetoothUnavailableError(Exception):
    """There is no Bluetooth to use; `sentence` says what is wrong and `remedy` what a person can do."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble
        self.sentence, self.remedy = _WORDS[trouble]
        super().__init__(self.sentence)


@dataclass(frozen=True, slots=True)
class Adapter:
    """One Bluetooth controller."""

    path: str
    name: str  # hci0
    powered: bool


async def find_adapters(bus_address: str | None = None) -> list[Adapter]:
    """List the adapters in the order of their numbers: hci2 before hci10.

    Args:
        bus_address: D-Bus address to ask instead of the system bus.

    Raises:
        BluetoothUnavailableError: there is none, or nobody to ask.

    """
    try:
        async with asyncio.timeout(ASK_TIMEOUT_S):
            bus = await MessageBus(bus_address=bus_address, bus_type=BusType.SYSTEM).connect()
    except (OSError, EOFError, InvalidAddressError, AuthError, DBusError) as error:
        raise BluetoothUnavailableError(Trouble.NO_BUS) from error
    try:
        return await _ask(bus)
    finally:
        bus.disconnect()


async def _ask(bus: MessageBus) -> list[Adapter]:
    question = Message(destination="org.bluez", path="/", interface="org.freedesktop.DBus.ObjectManager", member="GetManagedObjects")
    try:
        async with asyncio.timeout(ASK_TIMEOUT_S):
            reply = await bus.call(question)
    except (OSError, EOFError) as error:
        raise BluetoothUnavailableError(Trouble.NO_BLUEZ) from error
    if reply.message_type is MessageType.ERROR:
        raise BluetoothUnavailableError(Trouble.DENIED if reply.error_name == ErrorType.ACCESS_DENIED.value else Trouble.NO_BLUEZ)
    adapters = [
        Adapter(path, path.rpartition("/")[2], powered=bool(interfaces[_ADAPTER]["Powered"].value))
        for path, interfaces in reply.body[0].items()
        if _ADAPTER in interfaces
    ]
    if not adapters:
        raise BluetoothUnavailableError(Trouble.NO_ADAPTER)
    return sorted(adapters, key=lambda adapter: (len(adapter.name), adapter.name))
