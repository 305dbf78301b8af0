"""A peripheral on one adapter of the rig and bleak as the phone on others."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from hw.bluez.adapter_pace import loop_pace
from hw.bluez.adapters import forget_device, list_adapters
from hw.bluez.bus import BluezBus
from hw.bluez.errors import BluetoothUnavailableError, BluezError
from hw.bluez.peripheral import Peripheral, Profile
from tests.hw.diary import Diary

SERVICE = "f47b5e2d-4a9e-4c5a-9b3f-8e1d2c3a4b5c"
CHARACTERISTIC = "a1b2c3d4-e5f6-4a5b-8c9d-0e1f2a3b4c5d"
PROFILE = Profile(SERVICE, CHARACTERISTIC, tag=bytes(range(8)))
PATIENCE_S = 20.0
ATTEMPTS = 5
FORGET_S = 2.0  # RemoveDevice right after a disconnection kills bluetoothd now and then


class Serving:
    """One run of the peripheral."""

    def __init__(self, bus: BluezBus, name: str, profile: Profile = PROFILE) -> None:
        adapter = next(adapter for adapter in list_adapters(bus) if adapter.name == name)
        self.diary = Diary()
        self.bus = bus
        self.peripheral = Peripheral(bus, adapter, profile, self.diary, loop_pace())
        self.task = asyncio.create_task(self.peripheral.run())

    async def ready(self) -> "Serving":
        ready = asyncio.create_task(self.peripheral.ready.wait())
        await asyncio.wait((ready, self.task), timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            await self.task
        return self


@asynccontextmanager
async def serving(name: str, profile: Profile = PROFILE) -> AsyncIterator[Serving]:
    bus = await BluezBus.connect()
    try:
        run = await Serving(bus, name, profile).ready()
        yield run
        run.task.cancel()
        with suppress(asyncio.CancelledError):
            await run.task
        assert not run.diary.centrals
    finally:
        await bus.close()


async def find(adapter: str) -> tuple[BLEDevice, AdvertisementData]:
    """Scan on one adapter until the peripheral is heard."""
    async with asyncio.timeout(PATIENCE_S), BleakScanner(service_uuids=[SERVICE], bluez={"adapter": adapter}) as scanner:
        async for device, advertisement in scanner.advertisement_data():
            if SERVICE in advertisement.service_uuids:
                return device, advertisement
    raise AssertionError


class Phone:
    """A phone that has connected and subscribed."""

    def __init__(self, client: BleakClient) -> None:
        self.client = client
        self.frames: list[bytes] = []
        self._news = asyncio.Event()

    def notified(self, _: object, frame: bytearray) -> None:
        self.frames.append(bytes(frame))
        self._news.set()

    async def write(self, frame: bytes, *, answered: bool = False) -> None:
        await self.client.write_gatt_char(CHARACTERISTIC, frame, response=answered)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def phone(adapter: str) -> AsyncIterator[Phone]:
    """Connect from an adapter and subscribe; BlueZ forgets the device afterwards, as it may hold it for connected."""
    client = await connect(adapter)
    try:
        caller = Phone(client)
        await client.start_notify(CHARACTERISTIC, caller.notified, bluez={"use_start_notify": False})
        yield caller
    finally:
        await end(client, adapter)


async def connect(adapter: str) -> BleakClient:
    """Connect; bleak looks whether it is connected before BlueZ has said so, and gives up then."""
    for _ in range(ATTEMPTS):
        device, _ = await find(adapter)
        client = BleakClient(device, bluez={"adapter": adapter})
        try:
            await client.connect()
        except BleakError:
            await end(client, adapter)
        else:
            return client
    raise AssertionError("no connection")


async def end(client: BleakClient, adapter: str) -> None:
    with suppress(BleakError, EOFError):  # whoever killed bluetoothd ended the connection
        await client.disconnect()
    await asyncio.sleep(FORGET_S)
    try:
        bus = await BluezBus.connect()
    except BluetoothUnavailableError:  # whoever killed the bus ended the connection, too
        return
    with suppress(BluezError):
        await forget_device(bus, f"/org/bluez/{adapter}/dev_{client.address.replace(':', '_')}")
    await bus.close()
