"""One connection to the system bus, and BlueZ's objects as they are now.

The tree of objects is read once and kept current from BlueZ's signals; a BlueZ that is restarted is
read again. Nothing here waits for ever: every call has a time limit, and when the connection is lost
every waiting call fails at once and `BluezBus.lost` returns.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

from dbus_fast import ErrorType, Message, MessageFlag, MessageType, Variant
from dbus_fast.errors import AuthError, DBusError, InvalidAddressError
from dbus_fast.service import ServiceInterface
from dbus_fast.unpack import unpack_variants

from hw.bluez.connection import Connection
from hw.bluez.errors import DISCONNECTED, NO_OWNER, NO_REPLY, BluetoothUnavailableError, BluezError, Trouble
from hw.bluez.limits import CALL_TIMEOUT_S, CONNECT_TIMEOUT_S, TREE_RETRY_S, TREE_TIMEOUT_S
from hw.bluez.tree import ObjectTree

BLUEZ: Final = "org.bluez"
_DBUS: Final = "org.freedesktop.DBus"
_DBUS_PATH: Final = "/org/freedesktop/DBus"
_OBJECTS: Final = "org.freedesktop.DBus.ObjectManager"
_PROPERTIES: Final = "org.freedesktop.DBus.Properties"
_RULES: Final = (
    f"type='signal',sender='{_DBUS}',path='{_DBUS_PATH}',interface='{_DBUS}',member='NameOwnerChanged',arg0='{BLUEZ}'",
    f"type='signal',sender='{BLUEZ}',path='/',interface='{_OBJECTS}'",
    f"type='signal',sender='{BLUEZ}',interface='{_PROPERTIES}',member='PropertiesChanged',path_namespace='/org/bluez'",
)


class ChangeKind(Enum):
    """What has changed."""

    OWNER = auto()  # BlueZ came (its objects are there) or went (they are gone)
    ADDED = auto()  # an interface of an object, with all its properties
    REMOVED = auto()  # an interface of an object
    CHANGED = auto()  # some properties


@dataclass(frozen=True, slots=True)
class Change:
    """One change of BlueZ's objects, told after it was made."""

    kind: ChangeKind
    path: str = ""
    interface: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)  # plain Python values; one that became unknown is missing


Listener = Callable[[Change], None]


class BluezBus:
    """One connection to the system bus; made by `connect`.

    `objects` maps path to interface to property to plain value. `present` says that BlueZ runs and that
    its objects are known.
    """

    def __init__(self, bus: Connection) -> None:
        self._bus = bus
        self._tree = ObjectTree()
        self._owner = ""
        self._listeners: list[Listener] = []
        self._reading: asyncio.Task[None] | None = None
        self._loss: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._watch = asyncio.create_task(self._watch_connection())
        self._paths = 0
        self._tree_serial = 0  # of the question whose answer is the tree
        self.present = False
        bus.add_message_handler(self._on_message)

    @classmethod
    async def connect(cls, bus_address: str | None = None) -> "BluezBus":
        """Connect, and read BlueZ's objects if it runs.

        Args:
            bus_address: D-Bus address to use instead of the system bus.

        Raises:
            BluetoothUnavailableError: there is no bus, or it does not let us talk to BlueZ.

        """
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                connection = Connection(bus_address)
                await connection.connect()
        except (OSError, EOFError, InvalidAddressError, AuthError, DBusError) as error:
            raise BluetoothUnavailableError(Trouble.NO_BUS) from error
        bus = cls(connection)
        try:
            await bus._start()
        except BluezError as error:
            await bus.close()
            denied = error.name == ErrorType.ACCESS_DENIED.value
            raise BluetoothUnavailableError(Trouble.DENIED if denied else Trouble.NO_BUS) from error
        except BaseException:
            await bus.close()
            raise
        return bus

    @property
    def connected(self) -> bool:
        """Whether the connection to the bus is still there."""
        return not self._loss.done()

    @property
    def objects(self) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        """Path to interface to property to plain value; empty while BlueZ does not run."""
        return self._tree.objects

    def get(self, path: str, interface: str, name: str, default: Any = None) -> Any:
        """Return one property as BlueZ last told it."""
        return self.objects.get(path, {}).get(interface, {}).get(name, default)

    async def call(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        *body: Any,
        timeout: float = CALL_TIMEOUT_S,  # noqa: ASYNC109 - becomes a BluezError
    ) -> list[Any]:
        """Call a method of BlueZ and return what it returns, as plain values.

        Raises:
            BluezError: BlueZ refused, did not answer within `timeout` seconds, or the bus was lost.

        """
        return await self._call(BLUEZ, path, interface, member, signature, body, timeout)

    async def set(
        self,
        path: str,
        interface: str,
        name: str,
        signature: str,
        value: Any,
        timeout: float = CALL_TIMEOUT_S,  # noqa: ASYNC109 - becomes a BluezError
    ) -> None:
        """Set a property.

        Raises:
            BluezError: as for `call`.

        """
        await self.call(path, _PROPERTIES, "Set", "ssv", interface, name, Variant(signature, value), timeout=timeout)

    def tell(self, path: str, interface: str, name: str, signature: str, value: Any) -> None:
        """Tell BlueZ, and nobody else, that a property of an object of ours has changed; nothing happens if it is not there."""
        if self._owner and self._bus.connected:
            body = [interface, {name: Variant(signature, value)}, []]
            signal = Message.new_signal(path, _PROPERTIES, "PropertiesChanged", "sa{sv}as", body)
            signal.destination = self._owner
            self._bus.send(signal)

    async def start_bluez(self) -> None:
        """Ask the bus to start BlueZ, and wait until its objects are known; needs no rights of its own.

        Raises:
            BluezError: the bus cannot, or BlueZ did not come in time.

        """
        if self.present:
            return
        await self._call(_DBUS, _DBUS_PATH, _DBUS, "StartServiceByName", "su", (BLUEZ, 0), CALL_TIMEOUT_S)
        if not await self.until(lambda: self.present, CALL_TIMEOUT_S):
            raise BluezError(NO_REPLY, "BlueZ was started and does not answer")

    def watch(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every change; the function returned ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    async def until(
        self,
        condition: Callable[[], bool],
        timeout: float | None = None,  # noqa: ASYNC109 - False, no exception
    ) -> bool:
        """Wait until `condition` holds, looking again at every change; False when the time is up.

        Raises:
            BluezError: the bus was lost meanwhile.

        """
        if condition():
            return True
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def look(_: Change) -> None:
            if not done.done() and condition():
                done.set_result(None)

        end = self.watch(look)
        try:
            await asyncio.wait((done, self._loss), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            end()
        if not done.done() and self._loss.done():
            raise BluezError(DISCONNECTED, self._loss.result())
        return done.done()

    async def lost(self) -> str:
        """Return when the connection is gone, and why."""
        return await asyncio.shield(self._loss)

    def export(self, path: str, interface: ServiceInterface) -> None:
        """Let BlueZ call `interface` at `path`; nobody else may."""
        self._bus.export(path, interface)

    def new_path(self, prefix: str) -> str:
        """Return an object path that this connection has not used before."""
        self._paths += 1
        return f"{prefix}{self._paths}"

    def unexport(self, path: str, interface: ServiceInterface) -> None:
        """Take an interface back; one that is not exported is fine."""
        self._bus.unexport(path, interface)

    async def close(self) -> None:
        """Close the connection; whoever waits for an answer gets an error."""
        self._bus.disconnect()
        await asyncio.wait((self._watch,))

    async def _start(self) -> None:
        for rule in _RULES:
            await self._call(_DBUS, _DBUS_PATH, _DBUS, "AddMatch", "s", (rule,), CONNECT_TIMEOUT_S)
        try:
            (owner,) = await self._call(_DBUS, _DBUS_PATH, _DBUS, "GetNameOwner", "s", (BLUEZ,), CONNECT_TIMEOUT_S)
        except BluezError as error:
            if error.name != NO_OWNER:
                raise
            return
        self._owner = owner
        try:
            await self._read_tree()
        except BluezError as error:
            if error.name == ErrorType.ACCESS_DENIED.value:
                raise
            self._keep_reading()

    async def _call(
        self, to: str, path: str, interface: str, member: str, signature: str, body: tuple[Any, ...], limit: float
    ) -> list[Any]:
        message = Message(destination=to, path=path, interface=interface, member=member, signature=signature, body=list(body))
        return await self._ask(message, limit)

    async def _ask(self, message: Message, limit: float) -> list[Any]:
        member = message.member
        if not self._bus.connected:  # dbus-fast would wait for an answer for ever
            raise BluezError(DISCONNECTED, "the connection to the bus is lost")
        try:
            async with asyncio.timeout(limit):
                reply: Message | None = await self._bus.call(message)
        except TimeoutError:
            raise BluezError(NO_REPLY, f"no answer to {member} within {limit:g} s") from None
        except Exception as error:
            if self._bus.connected:
                raise
            raise BluezError(DISCONNECTED, f"the connection was lost before {member} was answered") from error
        if reply is None:
            raise BluezError(DISCONNECTED, f"the connection was closed before {member} was answered")
        if reply.message_type is MessageType.ERROR:
            raise BluezError(reply.error_name or "", str(reply.body[0]) if reply.body else "")
        plain: list[Any] = unpack_variants(reply.body)
        return plain

    async def _watch_connection(self) -> None:
        why = "closed"
        try:
            await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
        except Exception as error:  # noqa: BLE001 - whatever it was, the connection is gone, and `lost` says so
            why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        self._bus.drop_fds()
        self._loss.set_result(why)
        self._on_owner("")

    def _on_message(self, message: Message) -> Message | bool | None:
        for fd in message.unix_fds:  # nobody sends us any for a good reason
            os.close(fd)
        if message.message_type is MessageType.SIGNAL:
            self._on_signal(message)
        elif self._tree_serial and message.reply_serial == self._tree_serial and message.message_type is MessageType.METHOD_RETURN:
            self._on_tree(message.body[0])
        elif message.message_type is MessageType.METHOD_CALL and message.sender != self._owner:
            if message.flags & MessageFlag.NO_REPLY_EXPECTED:
                return True
            return Message.new_error(message, ErrorType.ACCESS_DENIED, "only BlueZ may call this")
        return None

    def _on_signal(self, message: Message) -> None:
        body: list[Any] = message.body
        if message.sender == _DBUS:
            if message.member == "NameOwnerChanged" and body[0] == BLUEZ:
                self._on_owner(body[2])
        elif message.sender != self._owner or not self.present:
            return
        elif message.member == "InterfacesAdded":
            added = unpack_variants(body[1])
            for name in self._tree.add(body[0], added):
                self._tell(Change(ChangeKind.ADDED, body[0], name, added[name]))
        elif message.member == "InterfacesRemoved":
            self._tree.remove(body[0], body[1])
            for name in body[1]:
                self._tell(Change(ChangeKind.REMOVED, body[0], name))
        elif message.member == "PropertiesChanged" and message.path is not None:
            changed = unpack_variants(body[1])
            self._tree.change(message.path, body[0], changed, body[2])
            self._tell(Change(ChangeKind.CHANGED, message.path, body[0], changed))

    def _on_owner(self, owner: str) -> None:
        if owner == self._owner and owner:
            return
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        self._owner = owner
        self._tree_serial = 0
        self._tree.replace({})
        if self.present:
            self.present = False
            self._tell(Change(ChangeKind.OWNER))
        if owner:
            self._keep_reading()

    def _keep_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        self._reading = asyncio.create_task(self._read_until_known())

    async def _read_until_known(self) -> None:
        while self._bus.connected:
            try:
                await self._read_tree()
            except BluezError:
                await asyncio.sleep(TREE_RETRY_S)
            else:
                return

    async def _read_tree(self) -> None:
        question = Message(destination=BLUEZ, path="/", interface=_OBJECTS, member="GetManagedObjects", serial=self._bus.next_serial())
        self._tree_serial = question.serial
        await self._ask(question, TREE_TIMEOUT_S)

    def _on_tree(self, snapshot: dict[str, Any]) -> None:
        """Take the tree in its turn: signals that came before it are in it, those after it change it."""
        self._tree_serial = 0
        self._tree.replace(unpack_variants(snapshot))
        self.present = True
        self._tell(Change(ChangeKind.OWNER))

    def _tell(self, change: Change) -> None:
        for listener in tuple(self._listeners):
            listener(change)
