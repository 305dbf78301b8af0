"""The GATT application: one service with one characteristic, as BlueZ reads and calls it.

Source: BlueZ ``org.bluez.GattService1`` and ``org.bluez.GattCharacteristic1``, server side.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Final, TypeVar

from dbus_fast import DBusError, PropertyAccess, Variant
from dbus_fast.annotations import DBusBool, DBusBytes, DBusDict, DBusObjectPath, DBusSignature, DBusStr
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

from hw.bluez.errors import BluezError
from hw.bluez.subscriptions import Subscriptions

FLAGS: Final = ["read", "write", "write-without-response", "notify"]
T = TypeVar("T")
_ATT_MTU: Final = 23  # bytes, before anything else is agreed on
_Strings = Annotated[list[str], DBusSignature("as")]
_Socket = Annotated[list[int], DBusSignature("hq")]


class Service(ServiceInterface):
    """One primary service."""

    def __init__(self, uuid: str) -> None:
        super().__init__("org.bluez.GattService1")
        self._uuid = uuid

    @dbus_property(access=PropertyAccess.READ)
    def UUID(self) -> DBusStr:  # noqa: N802 - D-Bus' name
        """Its UUID."""
        return self._uuid

    @dbus_property(access=PropertyAccess.READ)
    def Primary(self) -> DBusBool:  # noqa: N802 - D-Bus' name
        """Not part of another service."""
        return True


class Characteristic(ServiceInterface):
    """The characteristic; BlueZ adds its CCCD because of the flag "notify".

    AcquireWrite is not offered: while BlueZ waits for its answer, it keeps what phones write by reference to a buffer that
    the next write overwrites (5.66 and 5.82), so that a phone's first few frames come out as copies of a later one.
    """

    def __init__(self, uuid: str, service_path: str, subscriptions: Subscriptions) -> None:
        super().__init__("org.bluez.GattCharacteristic1")
        self._uuid = uuid
        self._service_path = service_path
        self._subscriptions = subscriptions

    @dbus_property(access=PropertyAccess.READ)
    def UUID(self) -> DBusStr:  # noqa: N802 - D-Bus' name
        """Its UUID."""
        return self._uuid

    @dbus_property(access=PropertyAccess.READ)
    def Service(self) -> DBusObjectPath:  # noqa: N802 - D-Bus' name
        """Path of its service."""
        return self._service_path

    @dbus_property(access=PropertyAccess.READ)
    def Flags(self) -> _Strings:  # noqa: N802 - D-Bus' name
        """What may be done with it: no pairing is asked for."""
        return FLAGS

    @dbus_property(access=PropertyAccess.READ)
    def NotifyAcquired(self) -> DBusBool:  # noqa: N802 - D-Bus' name
        """Asks for AcquireNotify: BlueZ looks only whether the property is there."""
        return False

    @dbus_method()
    def ReadValue(self, options: DBusDict) -> DBusBytes:  # noqa: ARG002, N802 - D-Bus' name and arguments
        """Nothing is served by reads."""
        return b""

    @dbus_method()
    def WriteValue(self, value: DBusBytes, options: DBusDict) -> None:  # noqa: N802 - D-Bus' name
        """Take a write of one phone."""
        device, mtu = _who(options)
        if _plain(options, "offset", 0):
            raise DBusError("org.bluez.Error.InvalidOffset", "a frame is written from its beginning")
        _translated(lambda: self._subscriptions.write(device, mtu, bytes(value)))

    @dbus_method()
    def AcquireNotify(self, options: DBusDict) -> _Socket:  # noqa: N802 - D-Bus' name
        """Hear of a phone that subscribes, and give a socket whose messages are notified to it, or an error."""
        device, mtu = _who(options)
        return [_translated(lambda: self._subscriptions.acquire_notify(device, mtu)), mtu]


def _who(options: Mapping[str, Variant]) -> tuple[str, int]:
    device, mtu = _plain(options, "device", ""), _plain(options, "mtu", _ATT_MTU)
    if not device:
        raise DBusError("org.bluez.Error.InvalidArguments", "which device is it?")
    return device, mtu


def _plain(options: Mapping[str, Variant], name: str, default: T) -> T:
    value = options[name].value if name in options else default
    return value if isinstance(value, type(default)) else default


def _translated(act: Callable[[], T]) -> T:
    try:
        return act()
    except BluezError as error:
        raise DBusError(error.name, error.text) from error
