"""What phones hear of us: the service, and in the scan response a tag.

An advertisement holds 31 bytes: the flags and one 128-bit UUID, and nothing else beside them. The flags say
"general discoverable, no classic Bluetooth": BlueZ puts the first in only where `Discoverable` is set here (or
the whole adapter is discoverable, which would let anybody pair). A name would give the gateway away.

Source: BlueZ ``org.bluez.LEAdvertisement1``; ``ScanResponseServiceData`` needs BlueZ 5.82 with Experimental, others ignore it.
"""

from collections.abc import Callable
from typing import Annotated

from dbus_fast import PropertyAccess, Variant
from dbus_fast.annotations import DBusBool, DBusDict, DBusSignature, DBusStr
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

_Strings = Annotated[list[str], DBusSignature("as")]


class Advertisement(ServiceInterface):
    """A connectable advertisement of one service; `released` is called when BlueZ has taken it off the air."""

    def __init__(self, uuid: str, released: Callable[[], None]) -> None:
        super().__init__("org.bluez.LEAdvertisement1")
        self._uuid = uuid
        self._released = released

    @dbus_property(access=PropertyAccess.READ)
    def Type(self) -> DBusStr:  # noqa: N802 - D-Bus' name
        """Connectable."""
        return "peripheral"

    @dbus_property(access=PropertyAccess.READ)
    def ServiceUUIDs(self) -> _Strings:  # noqa: N802 - D-Bus' name
        """The one service."""
        return [self._uuid]

    @dbus_property(access=PropertyAccess.READ)
    def Discoverable(self) -> DBusBool:  # noqa: N802 - D-Bus' name
        """Any phone may see it."""
        return True

    @dbus_method()
    def Release(self) -> None:  # noqa: N802 - D-Bus' name
        """BlueZ has taken it off the air."""
        self._released()


class TaggedAdvertisement(Advertisement):
    """The same with service data in the scan response."""

    def __init__(self, uuid: str, released: Callable[[], None], tag: bytes) -> None:
        super().__init__(uuid, released)
        self._tag = tag

    @dbus_property(access=PropertyAccess.READ)
    def ScanResponseServiceData(self) -> DBusDict:  # noqa: N802 - D-Bus' name
        """The tag, by which an Android phone knows a gateway that it is connected with under another address."""
        return {self._uuid: Variant("ay", self._tag)}
