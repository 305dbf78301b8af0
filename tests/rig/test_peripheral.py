"""The peripheral beside a real bluetoothd: hci1 serves, hci0 and hci2 are phones."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from dbus_fast import Variant

from hw.bluez.adapters import list_adapters, power
from hw.bluez.bus import BluezBus
from hw.bluez.errors import BluetoothUnavailableError, BluezError
from tests.rig.peripheral_scene import CHARACTERISTIC, PATIENCE_S, PROFILE, SERVICE, Serving, find, phone, serving

pytestmark = [
    pytest.mark.rig,
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # bleak never closes its connection to the bus
]


async def test_the_advertisement_says_the_service_general_discoverable_le_only_and_nothing_else() -> None:
    async with serving("hci1") as run:
        device, advertisement = await find("hci0")
        assert advertisement.service_uuids == [SERVICE]
        assert advertisement.local_name is None
        assert advertisement.tx_power is None
        assert not advertisement.manufacturer_data
        version = list_adapters(run.bus)[1].bluez or (0, 0)
        assert advertisement.service_data == ({SERVICE: PROFILE.tag} if version >= (5, 82) else {})
        path = device.details["path"]
        assert await run.bus.until(lambda: run.bus.get(path, "org.bluez.Device1", "AdvertisingFlags") == b"\x06", PATIENCE_S)


async def test_frames_go_both_ways() -> None:
    async with serving("hci1") as run, phone("hci0") as caller:
        await run.diary.until(lambda: run.diary.centrals)
        (central,) = run.diary.centrals.values()
        assert central.mtu == 512
        for size in (1, 20, 182, 244, 509, 510):  # BlueZ before 5.7x drops 511 and 512: it counts the handle too
            await caller.write(bytes([size % 251]) * size, answered=size == 510)
        await run.diary.until(lambda: len(run.diary.frames) == 6)
        assert [len(frame) for _, frame in run.diary.frames] == [1, 20, 182, 244, 509, 510]
        for size in (1, 20, 182, 509, 512):
            await run.diary.send(central, bytes([size % 251]) * size)
        await caller.until(lambda: len(caller.frames) == 5)
        assert [len(frame) for frame in caller.frames] == [1, 20, 182, 509, 512]


async def test_a_long_write_comes_whole_and_one_with_an_offset_not_at_all() -> None:
    async with serving("hci1") as run, phone("hci0") as caller:
        path = caller.client.services.get_characteristic(CHARACTERISTIC).obj[0]
        await run.bus.call(path, "org.bluez.GattCharacteristic1", "WriteValue", "aya{sv}", b"L" * 400, {"type": Variant("s", "reliable")})
        await run.diary.until(lambda: run.diary.frames)
        assert [frame for _, frame in run.diary.frames] == [b"L" * 400]
        await run.bus.call(path, "org.bluez.GattCharacteristic1", "WriteValue", "aya{sv}", b"half", {"offset": Variant("q", 100)})
        await caller.write(b"after", answered=True)
        await run.diary.until(lambda: run.diary.frames[-1][1] == b"after")
        assert len(run.diary.frames) == 2


async def test_an_empty_write_is_no_frame() -> None:
    async with serving("hci1") as run, phone("hci0") as caller:
        path = caller.client.services.get_characteristic(CHARACTERISTIC).obj[0]
        await run.bus.call(path, "org.bluez.GattCharacteristic1", "WriteValue", "aya{sv}", b"", {"type": Variant("s", "command")})
        await caller.write(b"after", answered=True)
        await run.diary.until(lambda: run.diary.frames)
        assert [frame for _, frame in run.diary.frames] == [b"after"]
        assert run.peripheral.counters["malformed"] == 1


async def test_bursts_keep_their_order() -> None:
    async with serving("hci1") as run, phone("hci0") as caller:
        await run.diary.until(lambda: run.diary.centrals)
        (central,) = run.diary.centrals.values()
        frames = [number.to_bytes(2, "big") * 100 for number in range(400)]
        for frame in frames:
            await run.diary.send(central, frame)
        await caller.until(lambda: len(caller.frames) == len(frames))
        assert caller.frames == frames
        assert run.diary.rooms
        for frame in frames:
            await caller.write(frame)
        await run.diary.until(lambda: len(run.diary.frames) == len(frames))
        assert [frame for _, frame in run.diary.frames] == frames


async def test_two_phones_at_once_hear_each_frame_once() -> None:
    async with serving("hci1") as run, phone("hci0") as ada, phone("hci2") as bela:
        await ada.write(b"I am Ada")
        await bela.write(b"I am Bela")
        await run.diary.until(lambda: len(run.diary.centrals) == 2 and len(run.diary.frames) == 2)
        assert len({device for device, _ in run.diary.frames}) == 2
        for number in range(50):
            frame = bytes([number]) * 200
            for central in list(run.diary.centrals.values()):
                await run.diary.send(central, frame)
        for caller in (ada, bela):
            await caller.until(lambda: len(caller.frames) >= 50)  # noqa: B023 - awaited here
            assert caller.frames == [bytes([number]) * 200 for number in range(50)]


async def test_a_phone_that_leaves_is_missed_and_welcome_again() -> None:
    async with serving("hci1") as run:
        for count in (1, 2, 3):
            async with phone("hci0") as caller:
                await caller.write(b"hello", answered=True)
                await run.diary.until(lambda: len(run.diary.frames) == count)  # noqa: B023 - awaited here
                await caller.write(b"bye")
            await run.diary.until(lambda: len(run.diary.lefts) == count)  # noqa: B023 - awaited here
            run.diary.frames = [entry for entry in run.diary.frames if entry[1] == b"hello"]
        assert run.diary.arrivals == 3


async def test_what_a_phone_wrote_last_arrives_before_it_leaves() -> None:
    async with serving("hci1") as run:
        for _ in range(3):
            async with phone("hci0") as caller:
                await caller.write(b"bye")
        await run.diary.until(lambda: len(run.diary.lefts) == 3)
        assert [frame for _, frame in run.diary.frames] == [b"bye"] * 3


async def test_who_came_first_stays_and_hears_whoever_leaves() -> None:
    """BlueZ 5.69 to 5.87 closes the socket of the first when another disconnects (issue 1452)."""
    async with serving("hci1") as run, phone("hci0") as ada:
        await run.diary.until(lambda: run.diary.centrals)
        (first,) = run.diary.centrals
        for count in (1, 2, 3):
            async with phone("hci2") as bela:
                await bela.write(b"I am Bela", answered=True)
                await run.diary.until(lambda: len(run.diary.centrals) == 2)
            await run.diary.until(lambda: len(run.diary.lefts) == count)  # noqa: B023 - awaited here
            assert list(run.diary.centrals) == [first]
            await run.diary.send(run.diary.centrals[first], bytes([count]))
            await ada.until(lambda: len(ada.frames) == count)  # noqa: B023 - awaited here
        assert ada.frames == [b"\x01", b"\x02", b"\x03"]


async def test_we_can_end_a_connection() -> None:
    async with serving("hci1") as run, phone("hci0"):
        await run.diary.until(lambda: run.diary.centrals)
        (central,) = run.diary.centrals.values()
        await central.disconnect()
        await run.diary.until(lambda: run.diary.lefts)
        await central.disconnect()


async def test_the_end_of_the_service_ends_connections_and_leaves_nothing_registered() -> None:
    bus = await BluezBus.connect()
    run = await Serving(bus, "hci1").ready()
    async with phone("hci0") as caller:
        await run.diary.until(lambda: run.diary.centrals)
        run.task.cancel()
        await asyncio.gather(run.task, return_exceptions=True)
        assert [why for _, why in run.diary.lefts] == ["the gateway ends its service"]
        assert await bus.until(lambda: not bus.get("/org/bluez/hci1", "org.bluez.LEAdvertisingManager1", "ActiveInstances"), PATIENCE_S)
        assert await bus.until(lambda: not any_connected(bus), PATIENCE_S)
        assert not caller.client.is_connected
    await bus.close()


def any_connected(bus: BluezBus) -> bool:
    return any(interfaces.get("org.bluez.Device1", {}).get("Connected") for interfaces in bus.objects.values())


async def test_an_adapter_that_is_switched_off_ends_the_service_and_one_that_is_on_again_serves() -> None:
    bus = await BluezBus.connect()
    run = await Serving(bus, "hci1").ready()
    await power(bus, "/org/bluez/hci1", on=False)
    with pytest.raises(BluezError) as caught:
        await run.task
    assert caught.value.is_("NotReady")
    await power(bus, "/org/bluez/hci1", on=True)
    assert await bus.until(lambda: list_adapters(bus)[1].powered, PATIENCE_S)
    again = await Serving(bus, "hci1").ready()
    async with phone("hci0"):
        await again.diary.until(lambda: again.diary.centrals)
    again.task.cancel()
    await asyncio.gather(again.task, return_exceptions=True)
    await bus.close()


async def test_advertising_again_keeps_phones_and_is_heard() -> None:
    async with serving("hci1") as run, phone("hci0") as caller:
        await caller.write(b"hello", answered=True)
        await run.diary.until(lambda: run.diary.centrals)
        await run.peripheral.advertise_again()
        assert run.peripheral.advertising
        await find("hci2")
        assert run.diary.centrals
        assert not run.task.done()


async def test_a_bluetoothd_that_is_killed_ends_the_service_and_the_next_one_serves() -> None:
    bus = await BluezBus.connect()
    everything = on(bus)
    for _ in range(3):
        run = await Serving(bus, "hci1").ready()
        async with phone("hci0") as caller:
            await caller.write(b"hello", answered=True)
            await run.diary.until(lambda: run.diary.frames)  # noqa: B023 - awaited here
            kill("bluetoothd")
            with pytest.raises(BluezError) as caught:
                await run.task
            assert caught.value.is_("NameHasNoOwner")
            assert len(run.diary.lefts) == 1
            assert not bus.present
        assert await bus.until(lambda: on(bus) == everything, PATIENCE_S)
    await bus.close()


def on(bus: BluezBus) -> set[str]:
    return {adapter.name for adapter in list_adapters(bus) if adapter.powered}


def kill(name: str) -> None:
    os.kill(int(Path(f"/run/rig/{name}.pid").read_text()), signal.SIGKILL)


async def test_a_bus_that_is_killed_ends_the_service_at_once_and_the_next_one_serves() -> None:
    bus = await BluezBus.connect()
    everything = on(bus)
    run = await Serving(bus, "hci1").ready()
    async with phone("hci0"):
        await run.diary.until(lambda: run.diary.centrals)
        kill("dbus-daemon")
        with pytest.raises(BluezError) as caught:
            await run.task
        assert caught.value.is_("Disconnected")
        assert await bus.lost()
        assert len(run.diary.lefts) == 1
    await bus.close()
    bus = await reconnected()
    assert await bus.until(lambda: on(bus) == everything, PATIENCE_S)
    await bus.close()
    async with serving("hci1", PROFILE):
        await find("hci0")


async def reconnected() -> BluezBus:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await BluezBus.connect()
            except BluetoothUnavailableError:
                await asyncio.wait((asyncio.Future(),), timeout=0.2)
