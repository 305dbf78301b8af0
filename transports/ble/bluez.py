"""The machine's Bluetooth as BlueZ has it: the real side of `transports.ble.edge`."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from hw.bluez.adapter_pace import loop_pace
from hw.bluez.adapters import ADAPTER, ADVERTISING, Adapter, list_adapters
from hw.bluez.bus import BluezBus, Change, ChangeKind
from hw.bluez.errors import BluezError
from hw.bluez.peripheral import Peripheral, PeripheralEvents, Profile
from hw.bluez.remedies import Remedies
from hw.recover.client import RecoverySocket
from transports.ble.central import BleakCentral, forget_bleaks_memory
from transports.ble.config import BleConfig
from transports.ble.edge import Curing
from transports.limits import BLE_CLOSE_TIMEOUT_S


async def open_bluez(config: BleConfig) -> "BluezHost":
    """Connect to the system bus.

    Raises:
        BluetoothUnavailableError: there is none, or it does not let us talk to BlueZ.
    """
    bus = await BluezBus.connect(config.bus_address)
    helper = RecoverySocket(config.helper_socket) if config.helper_socket is not None else None
    return BluezHost(bus, helper)


class BluezRadio(BleakCentral):
    """One adapter in both roles."""

    def __init__(self, bus: BluezBus, adapter: Adapter, doubts: set[str]) -> None:
        super().__init__(bus, adapter, doubts)
        self._bus = bus
        self._adapter = adapter
        self.pace = loop_pace()

    def peripheral(self, profile: Profile, events: PeripheralEvents) -> Peripheral:
        """Make a run of the peripheral role."""
        return Peripheral(self._bus, self._adapter, profile, events, self.pace)


class BluezHost:
    """One connection to the system bus; see `transports.ble.edge.Host`."""

    def __init__(self, bus: BluezBus, helper: RecoverySocket | None) -> None:
        self._bus = bus
        self._helper = helper
        self._epochs: dict[str, int] = {}  # by adapter
        self._doubts: set[str] = set()  # see BleakCentral
        self._services = 0  # times the service ended
        self._listeners: list[Callable[[], None]] = []
        self._unwatch = bus.watch(self._note)

    @property
    def present(self) -> bool:
        """Whether BlueZ runs."""
        return self._bus.present

    def adapters(self) -> Sequence[Adapter]:
        """List the adapters as they are now."""
        return list_adapters(self._bus)

    def epoch(self, path: str) -> int:
        """A number that grows whenever what was set up on this adapter is lost."""
        return self._services + self._epochs.get(path, 0)

    def watch(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` when BlueZ or an adapter came, went or was switched."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def start_service(self) -> None:
        """Ask the bus to start BlueZ."""
        with contextlib.suppress(BluezError):
            await self._bus.start_bluez()

    async def lost(self) -> str:
        """Return when the connection is gone."""
        return await self._bus.lost()

    def radio(self, adapter: Adapter) -> BluezRadio:
        """Use an adapter."""
        return BluezRadio(self._bus, adapter, self._doubts)

    def curing(self, path: str) -> Curing:
        """The remedies for an adapter, or for BlueZ alone."""
        return Remedies(self._bus, path, self._helper)

    async def close(self) -> None:
        """Give the connection back, and bleak's with it."""
        self._unwatch()
        watcher = forget_bleaks_memory()
        if watcher is not None:
            await asyncio.wait((watcher,), timeout=BLE_CLOSE_TIMEOUT_S)
        await self._bus.close()

    def _note(self, change: Change) -> None:
        if change.kind is ChangeKind.OWNER:
            if not self._bus.present:
                self._services += 1
                self._doubts.clear()
                forget_bleaks_memory()
        elif change.interface == ADAPTER:
            switched = change.kind is ChangeKind.CHANGED and "Powered" in change.values
            if change.kind is ChangeKind.REMOVED or (switched and not change.values["Powered"]):
                self._epochs[change.path] = self._epochs.get(change.path, 0) + 1
                self._doubts.discard(change.path)
            elif not switched and change.kind is ChangeKind.CHANGED:
                return
        elif change.interface != ADVERTISING:
            return
        for listener in tuple(self._listeners):
            listener()
