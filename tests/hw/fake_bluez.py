"""A small org.bluez on a private bus: for the errors and the moments that the real one cannot be asked for.

It keeps objects and their properties, says what it is told to say, and treats subscribers as the version it claims to be
does: 5.66 has no socket for the second phone, 5.82 closes the wrong one. There is no radio in it.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from dbus_fast import ErrorType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.unpack import unpack_variants

PROPERTIES = "org.freedesktop.DBus.Properties"
OBJECTS = "org.freedesktop.DBus.ObjectManager"
DEVICE = "org.bluez.Device1"
ADAPTER = "org.bluez.Adapter1"
GATT = "org.bluez.GattManager1"
ADVERTISING = "org.bluez.LEAdvertisingManager1"
CHARACTERISTIC = "org.bluez.GattCharacteristic1"
PATIENCE_S = 5.0

Objects = dict[str, dict[str, dict[str, Variant]]]


class FakeBluez:
    """What claims the name org.bluez; `answers` maps a method's name to an error's, or to None for no answer at all."""

    def __init__(self, connection: MessageBus, version: tuple[int, int]) -> None:
        self.connection = connection
        self.version = version
        self.objects: Objects = {}
        self.answers: dict[str, str | None] = {}
        self.calls: list[str] = []
        self.application: dict[str, dict[str, dict[str, Any]]] = {}  # as it was registered
        self.advertisement: dict[str, Any] = {}
        self.advertisement_path = ""
        self.client = ""
        self.phones: list[FakePhone] = []  # in the order of their subscription
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        connection.add_message_handler(self._on_message)

    # Objects

    def plug(self, name: str = "hci0", **properties: Variant) -> str:
        """Add an adapter; returns its path."""
        major, minor = self.version
        values = {
            "Address": Variant("s", f"00:00:5E:00:53:{int(name[3:]):02X}"),
            "Powered": Variant("b", True),
            "Discovering": Variant("b", False),
            "Roles": Variant("as", ["central", "peripheral"]),
            "Modalias": Variant("s", f"usb:v1D6Bp0246d{major:02X}{minor:02X}"),
        }
        slots = {"SupportedInstances": Variant("y", 5), "ActiveInstances": Variant("y", 0)}
        self.add(f"/org/bluez/{name}", {ADAPTER: {**values, **properties}, GATT: {}, ADVERTISING: slots})
        return f"/org/bluez/{name}"

    def add(self, path: str, interfaces: dict[str, dict[str, Variant]]) -> None:
        self.objects.setdefault(path, {}).update(interfaces)
        self._signal("/", OBJECTS, "InterfacesAdded", "oa{sa{sv}}", [path, interfaces])

    def remove(self, path: str) -> None:
        interfaces = list(self.objects.pop(path))
        self._signal("/", OBJECTS, "InterfacesRemoved", "oas", [path, interfaces])

    def change(self, path: str, interface: str, invalidated: tuple[str, ...] = (), **values: Variant) -> None:
        known = self.objects[path][interface]
        known.update(values)
        for name in invalidated:
            del known[name]
        self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, values, list(invalidated)])

    # Calls of ours to the application

    async def call(self, path: str, interface: str, member: str, signature: str = "", *body: Any) -> Message:
        message = Message(destination=self.client, path=path, interface=interface, member=member, signature=signature, body=list(body))
        reply = await self.connection.call(message)
        assert reply is not None
        return reply

    @property
    def characteristic(self) -> str:
        return next(path for path, interfaces in self.application.items() if CHARACTERISTIC in interfaces)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._news.clear()
                await self._news.wait()

    def tell(self) -> None:
        self._news.set()

    # The bus

    def _signal(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        self.connection.send(Message.new_signal(path, interface, member, signature, body))

    def _on_message(self, message: Message) -> Message | bool | None:
        if message.message_type is MessageType.SIGNAL:
            if message.member == "PropertiesChanged" and message.destination and message.body[0] == CHARACTERISTIC:
                for phone in self.phones:
                    phone.hear(message.body[1]["Value"].value)
            self.tell()
            return None
        if message.message_type is not MessageType.METHOD_CALL or message.interface == "org.freedesktop.DBus.Introspectable":
            return None
        member = message.member or ""
        self.calls.append(member)
        self.tell()
        if member in self.answers:
            error = self.answers[member]
            return True if error is None else Message.new_error(message, error, "as the test wishes")
        if member == "GetManagedObjects":
            return Message.new_method_return(message, "a{oa{sa{sv}}}", [self.objects])
        if message.path not in self.objects and message.interface not in (PROPERTIES, "org.freedesktop.DBus.Peer"):
            return Message.new_error(message, ErrorType.UNKNOWN_OBJECT, "no such object")
        if member in ("RegisterApplication", "RegisterAdvertisement"):
            task = asyncio.create_task(self._register(message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return True
        return self._do(message, member)

    def _do(self, message: Message, member: str) -> Message:
        path = message.path or ""
        if member == "Set":
            interface, name, value = message.body
            self.change(path, interface, **{name: value})
        elif member == "UnregisterApplication":
            self.application = {}
        elif member == "UnregisterAdvertisement":
            self.advertisement = {}
        elif member == "RemoveDevice":
            if message.body[0] not in self.objects:
                return Message.new_error(message, "org.bluez.Error.DoesNotExist", "no such device")
            self.remove(message.body[0])
        elif member == "Disconnect":
            for phone in tuple(self.phones):
                if phone.device == path:
                    phone.disconnect()
        return Message.new_method_return(message)

    async def _register(self, message: Message) -> None:
        """Read what is registered, as BlueZ does before it answers."""
        self.client = message.sender or ""
        path = message.body[0]
        listing = await self.call(path, OBJECTS, "GetManagedObjects")
        found = unpack_variants(listing.body[0])
        if message.member == "RegisterApplication":
            self.application = found
        else:
            reply = await self.call(path, PROPERTIES, "GetAll", "s", "org.bluez.LEAdvertisement1")
            self.advertisement, self.advertisement_path = unpack_variants(reply.body[0]), path
        self.connection.send(Message.new_method_return(message))
        self.tell()


class FakePhone:
    """A phone that is connected with one of the fake's adapters."""

    def __init__(self, bluez: FakeBluez, number: int = 0, mtu: int = 517, adapter: str = "hci0") -> None:
        self.bluez = bluez
        self.mtu = mtu
        address = f"5A:00:00:00:{number >> 8:02X}:{number & 255:02X}"
        self.device = f"/org/bluez/{adapter}/dev_{address.replace(':', '_')}"
        self.frames: list[bytes] = []  # notifications
        self.socket: socket.socket | None = None
        self.ccc = False
        bluez.add(self.device, {DEVICE: {"Address": Variant("s", address), "Connected": Variant("b", True)}})

    def options(self, **more: Variant) -> dict[str, Variant]:
        return {"device": Variant("o", self.device), "mtu": Variant("q", self.mtu), "link": Variant("s", "LE"), **more}

    async def subscribe(self) -> str:
        """Switch notifications on; returns the error's name if there was one."""
        self.ccc = True
        if self not in self.bluez.phones:
            self.bluez.phones.append(self)
        reply = await self.bluez.call(self.bluez.characteristic, CHARACTERISTIC, "AcquireNotify", "a{sv}", self.options())
        if reply.message_type is MessageType.ERROR:
            return reply.error_name or ""
        self.socket = socket.socket(fileno=reply.unix_fds[reply.body[0]])
        asyncio.get_running_loop().add_reader(self.socket, self._read)
        return ""

    async def write(self, frame: bytes, **more: Variant) -> str:
        """Write a frame; returns the error's name if there was one."""
        path = self.bluez.characteristic
        reply = await self.bluez.call(path, CHARACTERISTIC, "WriteValue", "aya{sv}", frame, self.options(**more))
        return reply.error_name or "" if reply.message_type is MessageType.ERROR else ""

    def hear(self, value: bytes) -> None:
        self.frames.append(value[: self.mtu - 5])
        self.bluez.tell()

    def disconnect(self) -> None:
        """Go, as BlueZ does it: since 5.69 the socket of whoever subscribed first is closed as well."""
        if self.bluez.version >= (5, 69):
            first = next((phone for phone in self.bluez.phones if phone.socket is not None), self)
            first.close()
        self.bluez.phones.remove(self)
        self.close()
        self.bluez.change(self.device, DEVICE, Connected=Variant("b", False))

    def close(self) -> None:
        """Close the notify socket."""
        if self.socket is not None:
            asyncio.get_running_loop().remove_reader(self.socket)
            self.socket.close()
            self.socket = None

    def _read(self) -> None:
        assert self.socket is not None
        frame = self.socket.recv(512)
        if frame:
            self.hear(frame)
        else:
            self.close()
            self.bluez.tell()


@asynccontextmanager
async def fake_bluez(address: str, version: tuple[int, int] = (5, 66), adapters: tuple[str, ...] = ("hci0",)) -> AsyncIterator[FakeBluez]:
    """Be BlueZ on a bus until the end; `connection.disconnect()` is its crash."""
    connection = await MessageBus(bus_address=address, negotiate_unix_fd=True).connect()
    bluez = FakeBluez(connection, version)
    try:
        for name in adapters:
            bluez.plug(name)
        await connection.request_name("org.bluez")
        yield bluez
    finally:
        for phone in bluez.phones:
            phone.close()
        connection.disconnect()
        with suppress(EOFError, OSError):  # the bus may have been killed
            await connection.wait_for_disconnect()
