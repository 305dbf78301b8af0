"""What the examination of the radio starts from; gathered by `gateway.doctor.gather`, made up by tests."""

from dataclasses import dataclass, field
from enum import StrEnum

from hw.attachment import Attachment
from hw.bluez.settings import BluezSettings
from hw.board import Board
from hw.clock import Source
from hw.coexistence import WifiNeighbour
from hw.rfkill import RadioSwitch


class Recovery(StrEnum):
    """Whether the service that restarts Bluetooth can be asked."""

    READY = "ready"
    ABSENT = "absent"  # there is no socket
    CLOSED = "closed"  # there is one that we cannot open


@dataclass(frozen=True, slots=True)
class AdapterFacts:
    """One adapter."""

    name: str  # hci0
    address: str = ""  # never shown; only compared with the configuration
    powered: bool = True
    discovering: bool = False
    roles: frozenset[str] = frozenset()  # as BlueZ names them (hw.bluez.abilities); empty: it does not say
    advertisements_free: int | None = None  # None: it cannot advertise, or is off
    core_version: int | None = None  # of Bluetooth, as the controller says: 8 is 4.2, 9 is 5.0
    attachment: Attachment | None = None
    wifi: tuple[WifiNeighbour, ...] | None = None  # None: the kernel cannot be asked
    refused: str = ""  # the error to a harmless call as this user; empty if it was answered


@dataclass(frozen=True, slots=True)
class RadioFacts:
    """Everything that concerns Bluetooth on this machine."""

    installed: bool = True  # the extra `ble`
    trouble: tuple[str, str] | None = None  # why BlueZ shows no adapter, and what to do
    bluez: tuple[int, int] | None = None  # version of the daemon that runs
    adapters: tuple[AdapterFacts, ...] = ()
    switches: tuple[RadioSwitch, ...] = ()
    settings: BluezSettings = field(default_factory=BluezSettings)
    board: Board = field(default_factory=Board)
    clock: Source | None = None
    clock_set: bool = True  # the time of day is at least possible
    recovery: Recovery = Recovery.ABSENT
    gateway_runs: bool = False  # a gateway answers on the control socket


@dataclass(frozen=True, slots=True)
class RadioWants:
    """What the configuration asks of the radio."""

    enabled: bool = True
    announce_peer_id: bool = True
    trust_clock: bool = False
    adapters: tuple[str, ...] = ()  # as they stand in radio.adapters
