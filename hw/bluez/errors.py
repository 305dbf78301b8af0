"""What can be wrong with Bluetooth as a whole, and what BlueZ answers when it will not do something."""

from enum import StrEnum
from typing import Final

NO_REPLY: Final = "org.freedesktop.DBus.Error.NoReply"
DISCONNECTED: Final = "org.freedesktop.DBus.Error.Disconnected"
NO_OWNER: Final = "org.freedesktop.DBus.Error.NameHasNoOwner"
RELEASED: Final = "org.bluez.Error.Released"
REMOVED: Final = "org.bluez.Error.AdapterRemoved"
NOT_READY: Final = "org.bluez.Error.NotReady"


class Trouble(StrEnum):
    """Why there is no usable Bluetooth."""

    NO_BUS = "no_bus"
    NO_BLUEZ = "no_bluez"
    DENIED = "denied"
    NO_ADAPTER = "no_adapter"


_WORDS: dict[Trouble, tuple[str, str]] = {
    Trouble.NO_BUS: (
        "This machine has no D-Bus system bus, so there is no Bluetooth service to ask.",
        "On Debian or Raspberry Pi OS: apt install dbus bluez.",
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


class BluezError(Exception):
    """BlueZ, or the bus in between, did not do what was asked.

    `name` is the D-Bus error name: BlueZ's own ("org.bluez.Error.InProgress"), the bus's, or one of
    this module: `NO_REPLY` for an answer that did not come in time, `DISCONNECTED` for a lost bus,
    `NO_OWNER` for a BlueZ that went away, `RELEASED` for an advertisement or application that it
    withdrew, `REMOVED` for an adapter that vanished, `NOT_READY` for one that was switched off.
    """

    def __init__(self, name: str, text: str = "") -> None:
        self.name = name
        self.text = text
        super().__init__(f"{name}: {text}" if text else name)

    def is_(self, short: str) -> bool:
        """Say whether the last part of the name is `short`, e.g. "InProgress"."""
        return self.name.rpartition(".")[2] == short
