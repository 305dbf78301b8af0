"""The rig keeps its own promises."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from bleak import BleakClient
from bleak.exc import BleakError

from gateway.errors import StoreError
from gateway.store.database import open_database
from hw.bluez.adapters import list_adapters
from hw.bluez.bus import BluezBus
from tests.rig import guest
from tests.rig.air_client import AirClient, AirError
from tests.rig.guest import bluetoothd, pause, until
from tests.rig.peripheral_scene import PATIENCE_S, end, find, phone, serving

pytestmark = [pytest.mark.rig, pytest.mark.timeout(300)]
SUPERVISION_S = 4.0  # main.conf's ConnectionSupervisionTimeout
UNHEARD_S = 5.0


@asynccontextmanager
async def bus() -> AsyncIterator[BluezBus]:
    connection = await BluezBus.connect()
    try:
        assert await connection.until(lambda: connection.present, PATIENCE_S)
        yield connection
    finally:
        await connection.close()


async def is_heard(adapter: str) -> bool:
    try:
        async with asyncio.timeout(UNHEARD_S):
            await find(adapter)
    except TimeoutError:
        return False
    return True


def test_a_file_can_be_locked_as_the_store_locks_its_own(tmp_path: Path) -> None:
    database = open_database(tmp_path / "store.db")
    database.probe()
    with pytest.raises(StoreError):
        open_database(tmp_path / "store.db", patience_s=0.0)
    database.close()


async def test_stations_on_another_island_are_not_heard_and_those_on_ones_own_are(air: AirClient) -> None:
    await air.island("north", 0, 1)
    await air.island("south", 2, "a phone of later")
    async with serving("hci1"):
        assert await is_heard("hci0")
        assert not await is_heard("hci2")
        await air.island(None, 2)
        assert await is_heard("hci2")


async def test_a_signal_is_heard_as_loudly_as_it_was_set(air: AirClient) -> None:
    await air.link(0, 1, rssi=-83)
    async with serving("hci1"):
        _, advertisement = await find("hci0")
    assert advertisement.rssi == -83


async def test_out_of_reach_a_link_ends_by_the_supervision_timeout_and_before_that_nothing_is_lost(air: AirClient) -> None:
    async with serving("hci1") as run, phone("hci0") as caller:
        await air.link(0, 1, up=False)
        write = asyncio.create_task(caller.write(b"late", answered=True))
        await pause(SUPERVISION_S / 2)
        assert not write.done()
        await air.link(0, 1, up=True)
        await write
        await run.diary.until(lambda: [frame for _, frame in run.diary.frames] == [b"late"])
        await air.link(0, 1, up=False)
        took = await until(lambda: not caller.client.is_connected)
        assert SUPERVISION_S - 0.5 < took < SUPERVISION_S + 1.0
        assert not (await air.stations())["hci0"]["links"]


async def cannot_connect(adapter: str) -> None:
    device, _ = await find(adapter)
    client = BleakClient(device, bluez={"adapter": adapter}, timeout=UNHEARD_S)
    try:
        with pytest.raises((BleakError, TimeoutError)):
            await client.connect()
    finally:
        await end(client, adapter)


async def test_over_a_bad_contact_no_connection_comes_about(air: AirClient) -> None:
    await air.link(0, 1, connects=False)
    async with serving("hci1") as run:
        await cannot_connect("hci0")
        assert not run.diary.centrals
        await air.link(0, 1, connects=True)
        async with phone("hci0"):
            await run.diary.until(lambda: run.diary.centrals)


async def test_a_controller_refuses_more_links_than_it_takes(air: AirClient) -> None:
    async with serving("hci1") as run:
        await air.limit(0, 0)
        await cannot_connect("hci0")
        await air.limit(0, 8)
        await air.limit(1, 0)
        await cannot_connect("hci0")
        await air.limit(1, 8)
        assert not run.diary.centrals
        async with phone("hci0"):
            await run.diary.until(lambda: run.diary.centrals)


async def test_a_deaf_controller_hears_again_when_it_is_plugged_anew(air: AirClient) -> None:
    await air.fault(0, "deaf", until="plug")
    async with serving("hci1"):
        assert not await is_heard("hci0")
        assert not await is_heard("hci0")
        async with bus() as system:
            await air.unplug(0)
            assert await system.until(lambda: "hci0" not in {adapter.name for adapter in list_adapters(system)}, PATIENCE_S)
            await air.plug(0)
            assert await system.until(lambda: "hci0" in {adapter.name for adapter in list_adapters(system) if adapter.powered}, PATIENCE_S)
        assert await is_heard("hci0")


async def test_what_cannot_be_done_is_refused_with_a_reason(air: AirClient) -> None:
    with pytest.raises(AirError, match="hci0 is plugged in"):
        await air.plug(0)
    with pytest.raises(AirError, match="no verb"):
        await air.phone("sing")


async def test_a_killed_bluetoothd_comes_back_and_one_that_is_held_does_not() -> None:
    async with bus() as system:
        before = len(list_adapters(system))
        await bluetoothd.restart()
        assert await system.until(lambda: len([adapter for adapter in list_adapters(system) if adapter.powered]) == before, PATIENCE_S)
        async with bluetoothd.held_down():
            await pause(10.0)
            assert bluetoothd.pid is None
            assert not system.present
        assert await system.until(lambda: len(list_adapters(system)) == before, PATIENCE_S)


WAITER = """
import asyncio
from hw.bluez.bus import BluezBus
async def main():
    bus = await BluezBus.connect()
    print("connected", flush=True)
    print("lost", await bus.lost(), flush=True)
asyncio.run(main())
"""


async def test_the_bus_of_one_program_can_be_cut(tmp_path: Path) -> None:
    checkout = {"PYTHONPATH": str(Path(__file__).parent.parent.parent)}
    async with bus() as system, guest.running(sys.executable, "-c", WAITER, output=tmp_path / "waiter.log", env=checkout) as waiter:
        await waiter.says("connected")
        assert guest.cut_bus(waiter.pid) == 1
        await waiter.says("lost")
        assert system.present


async def test_an_ordinary_user_has_no_group_and_no_capability(tmp_path: Path) -> None:
    async with guest.running("cat", "/proc/self/status", output=tmp_path / "status.log") as program:
        assert await program.process.wait() == 0
    status = dict(line.split(":", 1) for line in program.text.splitlines())
    assert status["Uid"].split() == [str(guest.NOBODY)] * 4
    assert status["Groups"].split() == []
    assert {int(status[key], 16) for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}


def compute() -> float:
    began = time.monotonic()
    for _ in range(40):
        os.stat("/")  # noqa: PTH116 - a system call and no more
        sum(range(100_000))
    return time.monotonic() - began


def test_computing_takes_no_time_in_virtual_time() -> None:
    assert compute() < 0.01


@pytest.mark.realtime
def test_computing_takes_its_time_in_real_time() -> None:
    assert compute() > 0.01
