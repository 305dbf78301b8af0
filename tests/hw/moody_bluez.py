"""A BlueZ that does not do what it is asked, on a bus of the test's own; it models no radio."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from hw.recover.client import RecoverySocket

ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
HCI0 = "/org/bluez/hci0"
_OBJECTS = "org.freedesktop.DBus.ObjectManager"
_PROPERTIES = "org.freedesktop.DBus.Properties"


@dataclass(slots=True)
class MoodyBluez:
    """Objects and switches work unless one of the moods says otherwise."""

    connection: MessageBus
    objects: dict[str, dict[str, dict[str, Variant]]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)  # the next answers, e.g. "Busy"; after them it does as it is told
    lies: bool = False  # it agrees and does nothing
    stuck: list[bool] = field(default_factory=list)  # values of Powered that it does not answer at all
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, path: str, interface: str, **values: Variant) -> None:
        """Add an object."""
        self.objects.setdefault(path, {})[interface] = values
        self._signal("/", _OBJECTS, "InterfacesAdded", "oa{sa{sv}}", [path, {interface: values}])

    def drop(self, path: str) -> None:
        """Take an object away."""
        names = list(self.objects.pop(path))
        self._signal("/", _OBJECTS, "InterfacesRemoved", "oas", [path, names])

    def turn(self, path: str, on: bool) -> None:
        """Switch an adapter."""
        self.objects[path][ADAPTER]["Powered"] = Variant("b", on)
        self._signal(path, _PROPERTIES, "PropertiesChanged", "sa{sv}as", [ADAPTER, {"Powered": Variant("b", on)}, []])

    def device(self, number: int, **values: bool) -> str:
        """Add a device; returns its path."""
        path = f"{HCI0}/dev_{number:02X}"
        self.put(
            path, DEVICE, Address=Variant("s", f"00:00:00:00:00:{number:02X}"), **{name: Variant("b", v) for name, v in values.items()}
        )
        return path

    async def come(self) -> None:
        """Take BlueZ's name."""
        await self.connection.request_name("org.bluez")

    async def go(self) -> None:
        """Give BlueZ's name back."""
        await self.connection.release_name("org.bluez")

    def answer(self, message: Message) -> Message | bool | None:
        """Handle one message."""
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        if message.member == "GetManagedObjects":
            return Message.new_method_return(message, "a{oa{sa{sv}}}", [self.objects])
        if message.member not in ("Set", "RemoveDevice"):
            return None
        body = [part.value if isinstance(part, Variant) else part for part in message.body]
        self.calls.append((message.member, *body))
        self.asked.set()
        if self.errors:
            return Message.new_error(message, f"org.bluez.Error.{self.errors.pop(0)}", "as the script says")
        if message.member == "Set" and body[2] in self.stuck:
            return True
        if not self.lies and message.path in self.objects:
            if message.member == "Set":
                self.turn(message.path, body[2])
            elif body[0] in self.objects:
                self.drop(body[0])
        return Message.new_method_return(message)

    def _signal(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        self.connection.send(Message.new_signal(path, interface, member, signature, body))


@asynccontextmanager
async def moody_bluez(address: str, *, powered: bool = True) -> AsyncIterator[MoodyBluez]:
    """Be BlueZ with hci0."""
    connection = await MessageBus(bus_address=address).connect()
    bluez = MoodyBluez(connection, {HCI0: {ADAPTER: {"Powered": Variant("b", powered), "Address": Variant("s", "00:AA:01:00:00:00")}}})
    connection.add_message_handler(bluez.answer)
    await bluez.come()
    try:
        yield bluez
    finally:
        connection.disconnect()
        await connection.wait_for_disconnect()


@asynccontextmanager
async def canned_helper(
    path: Path, answer: bytes, then: Callable[[], Awaitable[None]] | None = None
) -> AsyncIterator[tuple[RecoverySocket, list[bytes]]]:
    """Be a recovery helper that does `then` and always answers the same; gives its client and the requests that came."""
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readline())
        if then:
            await then()
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(serve, path)
    async with server:
        yield RecoverySocket(path), requests
