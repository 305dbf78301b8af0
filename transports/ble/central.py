"""The central role through bleak: the only module that knows bleak.

bleak knows how to scan and how to read a device's services; connecting itself goes over our own bus, because
bleak repeats "le-connection-abort-by-local" by itself until the time is up and so hides it from us. What bleak
lets escape (it asserts on a lost bus, and raises whatever dbus-fast does) is turned into one of our errors here.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar

from bleak import BleakClient, BleakScanner
from bleak.backends.bluezdbus import manager as bleak_manager
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakDBusError, BleakError

from hw.bluez.adapters import DEVICE, Adapter, devices, forget_device, is_in_use
from hw.bluez.bus import BluezBus
from hw.bluez.errors import NO_REPLY, BluezError
from hw.bluez.limits import TAG_BYTES
from transports.ble.edge import CHARACTERISTIC, SERVICE, DialError, DialFailure, Heard, Sink
from transports.ble.failures import sort_failure
from transports.limits import BLE_CLOSE_TIMEOUT_S, BLE_DIAL_TIMEOUT_S, BLE_MAX_FRAME, BLE_MIN_MTU, BLE_SETUP_TIMEOUT_S

T = TypeVar("T")

_SCAN_TIMEOUT_S: Final = 15.0  # seconds StartDiscovery may take; habluetooth gives it as long
_STOP_TIMEOUT_S: Final = 5.0
_DOUBT_S: Final = 0.5  # seconds for the kernel to tell that a scan has ended
_MTU_LOOKS: Final = 20
_MTU_LOOK_S: Final = 0.1  # seconds between two looks at an MTU that is still the smallest one


class BleakRemote:
    """A device that was dialled; see `transports.ble.edge.Remote`."""

    def __init__(self, client: BleakClient, characteristic: BleakGATTCharacteristic, mtu: int) -> None:
        self.mtu = mtu
        self._client = client
        self._characteristic = characteristic

    async def write(self, frame: bytes, *, answered: bool) -> None:
        """Write one frame."""
        await _translated(self._client.write_gatt_char(self._characteristic, frame, response=answered))

    async def disconnect(self) -> None:
        """End the connection."""
        await _leave(self._client)


class BleakCentral:
    """Scans and dials on one adapter.

    A StopDiscovery that meets the kernel while it renews the scan is refused as InProgress, and BlueZ believes from then
    on that it scans: it answers the next StartDiscovery at once, and nobody is heard any more (BlueZ before 5.88, issue
    807; bleak's own cure comes too early). Once the kernel has told how it ended, starting and stopping once more puts
    that right, so a scanner after such a refusal is started twice.

    Args:
        bus: the connection to BlueZ.
        adapter: which adapter.
        doubts: paths of adapters whose scanner would not be stopped; shared by all that use an adapter in turn.

    """

    def __init__(self, bus: BluezBus, adapter: Adapter, doubts: set[str]) -> None:
        self._bus = bus
        self._adapter = adapter
        self._doubts = doubts
        self._scanner: BleakScanner | None = None

    async def start_scan(self, hear: Callable[[Heard], None]) -> None:
        """Scan for devices with the service."""
        if self._scanner is not None:
            await self.stop_scan()
        if self._adapter.path in self._doubts:
            await self._start(hear)
            await asyncio.sleep(_DOUBT_S)
            if not await self._stop():
                raise BluezError("org.bluez.Error.Failed", "BlueZ believes in a scan that the kernel does not know")
            self._doubts.discard(self._adapter.path)
        await self._start(hear)

    async def stop_scan(self) -> None:
        """End scanning, whatever state BlueZ is in."""
        if not await self._stop():
            self._doubts.add(self._adapter.path)

    async def _start(self, hear: Callable[[Heard], None]) -> None:
        def detected(device: BLEDevice, data: AdvertisementData) -> None:
            heard = read_advertisement(device, data)
            if heard is not None:
                hear(heard)

        scanner = BleakScanner(detected, service_uuids=[SERVICE], bluez={"adapter": self._adapter.name})
        async with _time_limit(_SCAN_TIMEOUT_S):
            await _translated(scanner.start())
        self._scanner = scanner

    async def _stop(self) -> bool:
        scanner, self._scanner = self._scanner, None
        if scanner is None:
            return True
        try:
            async with _time_limit(_STOP_TIMEOUT_S):
                await _translated(scanner.stop())
        except BluezError:
            return False
        return True

    async def connect(self, heard: Heard) -> None:
        """Connect with a device."""
        try:
            await self._bus.call(heard.device, DEVICE, "Connect", timeout=2 * BLE_DIAL_TIMEOUT_S)
        except BluezError as error:
            raise DialError(sort_failure(error.name, error.text), error.text) from error

    async def subscribe(self, heard: Heard, sink: Sink) -> BleakRemote:
        """Find the characteristic of a connected device, subscribe, and learn the MTU."""
        client = BleakClient(
            BLEDevice(heard.address, None, {"path": heard.device, "props": {"Adapter": self._adapter.path, "Alias": ""}}),
            disconnected_callback=lambda _: sink.lost("the connection ended"),
            services=[SERVICE],
            timeout=2 * BLE_SETUP_TIMEOUT_S,  # ours is up before bleak's
            bluez={"adapter": self._adapter.name},
        )
        try:
            return await _set_up(client, sink)
        except BaseException as error:
            await _leave(client)
            if isinstance(error, BluezError):
                raise DialError(sort_failure(error.name, error.text), error.text) from error
            raise

    async def hang_up(self, device: str) -> None:
        """End a connection, or the attempt at one."""
        if device in self._bus.objects:
            with contextlib.suppress(BluezError):
                await self._bus.call(device, DEVICE, "Disconnect", timeout=BLE_CLOSE_TIMEOUT_S)

    def remembered(self) -> list[str]:
        """List the devices that BlueZ remembers and nobody uses."""
        return [device.path for device in devices(self._bus, self._adapter.path) if not is_in_use(self._bus, device.path)]

    def connected(self) -> list[str]:
        """List who is connected and may be sent away: whom nobody has paired and whose services nobody has asked for.

        BlueZ resolves the services of everybody that a program of this machine dials, and, with the settings
        `meshgate doctor` asks for, of nobody who dials us.
        """
        kept = ("Paired", "Bonded", "Trusted", "ServicesResolved")
        return [
            device.path
            for device in devices(self._bus, self._adapter.path)
            if device.connected and not any(self._bus.get(device.path, DEVICE, name, default=False) for name in kept)
        ]

    async def forget(self, device: str) -> None:
        """Make BlueZ forget a device, unless somebody is connected under its address by now."""
        if is_in_use(self._bus, device):
            return
        with contextlib.suppress(BluezError):
            await forget_device(self._bus, device)


async def _set_up(client: BleakClient, sink: Sink) -> BleakRemote:
    def notified(_: BleakGATTCharacteristic, value: bytearray) -> None:
        sink.received(bytes(value))

    await _translated(client.connect())
    characteristic = _characteristic(client)
    # Not through a socket: a device that refuses the subscription, or goes before it has answered, would crash BlueZ (decision 17).
    await _translated(client.start_notify(characteristic, notified, bluez={"use_start_notify": True}))
    mtu = await _settled_mtu(characteristic)
    if mtu < BLE_MIN_MTU:
        raise DialError(DialFailure.SMALL_MTU, f"It takes {mtu} bytes.")
    return BleakRemote(client, characteristic, min(mtu, BLE_MAX_FRAME))


def read_advertisement(device: BLEDevice, data: AdvertisementData) -> Heard | None:
    """Take an advertisement from bleak; None if it only tells of a change that was not heard on the air."""
    path, props = data.platform_data
    if "RSSI" not in props:  # BlueZ takes it away when scanning ends, and tells so
        return None
    tag = data.service_data.get(SERVICE, b"")
    return Heard(path, device.address.upper(), props.get("AddressType") == "random", data.rssi, bytes(tag[:TAG_BYTES]))


async def _leave(client: BleakClient) -> None:
    """End the connection of a client; never raises, and leaves nothing behind in this process."""
    with contextlib.suppress(BluezError):
        async with _time_limit(BLE_CLOSE_TIMEOUT_S):
            await _translated(client.disconnect())


def forget_bleaks_memory() -> "asyncio.Task[None] | None":
    """Make bleak drop its own connection to the bus, and with it all it believes to know; returns what ends when it has.

    bleak keeps a copy of BlueZ's objects, and a BlueZ that was killed never told that they are gone: its devices
    would stay "connected" for ever. There is no public way; a test watches that this one exists.
    """
    known = bleak_manager._global_instances.get(asyncio.get_running_loop())  # noqa: SLF001 - see above
    if known is None or known._bus is None:  # noqa: SLF001
        return None
    known._bus.disconnect()  # noqa: SLF001
    return known._bus_watcher_task  # noqa: SLF001


def _characteristic(client: BleakClient) -> BleakGATTCharacteristic:
    try:
        found = client.services.get_characteristic(CHARACTERISTIC)
    except BleakError:  # none of its services is the one
        found = None
    if found is None:
        raise DialError(DialFailure.NO_SERVICE)
    return found


async def _settled_mtu(characteristic: BleakGATTCharacteristic) -> int:
    """The largest frame; it reads 20 until the exchange of MTUs has come to its end."""
    for _ in range(_MTU_LOOKS):
        mtu = characteristic.max_write_without_response_size
        if mtu >= BLE_MIN_MTU:
            return mtu
        await asyncio.sleep(_MTU_LOOK_S)
    return characteristic.max_write_without_response_size


@contextlib.asynccontextmanager
async def _time_limit(seconds: float) -> AsyncIterator[None]:
    """Like `asyncio.timeout`, with `BluezError` for a time that is up."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise BluezError(NO_REPLY, "timed out") from None


async def _translated(doing: Awaitable[T]) -> T:
    """Wait for something of bleak's; whatever it raises becomes a `BluezError`."""
    try:
        return await doing
    except BluezError:
        raise
    except BleakDBusError as error:
        raise BluezError(error.dbus_error, error.dbus_error_details or "") from error
    except Exception as error:
        text = str(error) or type(error).__name__
        raise BluezError(NO_REPLY if isinstance(error, TimeoutError) else f"bleak.{type(error).__name__}", text) from error
