"""Strangers who do what no phone does: everything stays bounded, and honest links keep working."""

import asyncio
from itertools import count

import pytest

from hw.bluez.adapters import Role, Wish
from hw.bluez.steps import Step
from tests.testing.virtual_loop import run
from tests.transports.ble.air import Air, Ear
from tests.transports.ble.machine import Machine
from tests.transports.ble.scene import OWN, Listener, Phone, running
from transports.ble.edge import DialFailure
from transports.ble.idlers import Idlers
from transports.limits import (
    BLE_CANDIDATES,
    BLE_DIALS_AT_ONCE,
    BLE_HOLDS,
    BLE_IDLE_S,
    BLE_MAX_CENTRAL,
    BLE_MAX_FRAME,
    BLE_MAX_PERIPHERAL,
    BLE_MOST_CONNECTED,
    BLE_QUEUE_FRAMES,
    BLE_WRITE_TIMEOUT_S,
)

PERIPHERAL = (Wish("hci0", Role.PERIPHERAL),)
CENTRAL = (Wish("hci0", Role.CENTRAL),)


def address(number: int) -> str:
    return f"66:66:66:66:{number >> 8:02X}:{number & 255:02X}"


async def linked(machine: Machine, gateway: Listener, phone: Phone) -> None:
    """Let a phone dial the gateway."""
    await gateway.until(lambda: machine.controllers[0].advertises)
    await phone.dial(machine)
    await gateway.until(lambda: gateway.up)


async def latencies(gateway: Listener, phone: Phone, times: int = 50) -> list[float]:
    """Seconds from a phone's frame to its arrival."""
    loop, taken = asyncio.get_running_loop(), []
    for number in range(times):
        frame = b"honest" + number.to_bytes(2, "big")
        began = loop.time()
        assert phone.write(frame)
        await gateway.arrival(frame)
        taken.append(loop.time() - began)
        await asyncio.sleep(0.02)
    return taken


def test_a_flood_from_one_device_leaves_the_others_their_latency_and_counts_what_is_no_frame():
    async def scene():
        air = Air(latency=0.002)
        gateway = Listener(machine := Machine(air, OWN), wishes=PERIPHERAL)
        honest, hostile = Phone(air, "7B:00:00:00:00:01"), Phone(air, address(1))
        async with running(gateway):
            await linked(machine, gateway, honest)
            alone = await latencies(gateway, honest)
            await hostile.dial(machine)

            async def flood() -> None:
                for number in count():
                    for size in (0, 1, 300, BLE_MAX_FRAME, BLE_MAX_FRAME + 1):
                        hostile.write(bytes([number % 251]) * size)
                    await asyncio.sleep(0.002)

            flooding = asyncio.create_task(flood())
            beside = await latencies(gateway, honest)
            flooding.cancel()
            assert max(beside) <= 2 * max(alone) + 0.001
            assert gateway.counters["frames_bad"] > 100
            assert len(gateway.up) == 2

    run(scene())


def test_devices_that_come_and_go_at_once_leave_nothing_behind():
    async def scene():
        air = Air()
        gateway = Listener(machine := Machine(air, OWN), wishes=PERIPHERAL)
        honest = Phone(air, "7B:00:00:00:00:01")
        async with running(gateway):
            await linked(machine, gateway, honest)
            honest.write(b"hello")
            for number in range(1_000):
                hostile = Phone(air, address(number))
                await hostile.dial(machine)
                hostile.connection.end("gone")
                air.leave(hostile.ear)
            await asyncio.sleep(5)
            assert not honest.ends
            assert len(gateway.up) == 1
            assert len(gateway.transport._ground.holds) <= BLE_HOLDS
            station = gateway.transport._governor.keepers[0].station
            assert not station._goodbyes
            assert not gateway.transport._ground.table._leaving

    run(scene())


def test_a_thousand_rotating_addresses_that_never_answer_keep_an_honest_device_waiting_seconds_not_minutes():
    async def scene():
        air = Air(interval=0.25)
        gateway = Listener(Machine(air, OWN), wishes=CENTRAL)

        async def rotate() -> None:
            for number in range(1_000):
                ear = air.join(Ear(address(number), rssi=-35, advertises=True, refuses=DialFailure.TIMEOUT, tag=number.to_bytes(8, "big")))
                await asyncio.sleep(0.5)
                air.leave(ear)

        async with running(gateway):
            rotating = asyncio.create_task(rotate())
            await asyncio.sleep(60)
            honest = air.join(Ear("7B:00:00:00:00:01", rssi=-80, advertises=True))
            took = await gateway.until(lambda: gateway.up, 120)
            assert took < 60
            assert honest.connections
            await rotating
            assert len(gateway.transport._ground.candidates("hci0")) <= BLE_CANDIDATES
            assert len(gateway.transport._ground.holds) <= BLE_HOLDS
            assert set(gateway.machine.steps) == set()

    run(scene())


@pytest.mark.parametrize("how", [DialFailure.ABORTED, DialFailure.NO_SERVICE, DialFailure.SMALL_MTU, DialFailure.REFUSED])
def test_advertisements_that_lie_cost_little_and_an_honest_device_is_linked(how):
    async def scene():
        air = Air(interval=1.0)
        machine = Machine(air, OWN)
        gateway = Listener(machine, wishes=CENTRAL)
        async with running(gateway):
            for number in range(50):
                air.join(Ear(address(number), rssi=-30, advertises=True, refuses=how))
            honest = air.join(Ear("7B:00:00:00:00:01", rssi=-80, advertises=True))
            honest.on_caller = lambda connection: connection.to_caller.push(b"hello")
            await gateway.until(lambda: honest.connections, 120)
            for _ in range(5):
                await asyncio.sleep(60)
                assert honest.connections[0].to_caller.push(b"hello")
            assert not gateway.downs
            assert gateway.counters["dials"] < 50 * 12
            assert machine.steps[Step.RESTART_BLUETOOTH] == 0

    run(scene())


def test_devices_that_take_the_link_and_drop_it_are_dialled_more_and_more_rarely():
    async def scene():
        air = Air()
        gateway = Listener(Machine(air, OWN), wishes=CENTRAL)
        async with running(gateway):
            ear = air.join(Ear(address(1), advertises=True))
            ear.on_caller = lambda connection: asyncio.get_running_loop().call_later(0.1, connection.end, "gone")
            await asyncio.sleep(600)
            assert gateway.counters["dials_failed_short"] <= 10

    run(scene())


def test_a_device_that_never_reads_is_refused_frames_and_its_link_ends_without_harm_to_others():
    async def scene():
        air = Air()
        gateway = Listener(Machine(air, OWN), wishes=CENTRAL)
        async with running(gateway):
            hostile = air.join(Ear(address(1), advertises=True))
            hostile.on_caller = lambda connection: setattr(connection.to_called, "stalled", True)
            await gateway.until(lambda: gateway.up)
            stalled = gateway.link
            honest = air.join(Ear("7B:00:00:00:00:01", advertises=True))
            got: list[bytes] = []
            honest.on_caller = lambda connection: setattr(connection.to_called, "deliver", got.append)
            await gateway.until(lambda: len(gateway.up) == 2)
            accepted = sum(gateway.transport.send(stalled, b"frame") for _ in range(1_000))
            assert accepted <= BLE_QUEUE_FRAMES
            (other,) = set(gateway.up) - {stalled}
            assert gateway.transport.send(other, b"hello")
            await gateway.until(lambda: got == [b"hello"], 1)
            await gateway.until(lambda: stalled not in gateway.up, BLE_WRITE_TIMEOUT_S + 5)
            assert gateway.downs == ["the device does not take our frames"]
            assert other in gateway.up

    run(scene())


def test_a_subscriber_that_never_reads_is_refused_frames_and_others_are_not():
    async def scene():
        air = Air()
        gateway = Listener(machine := Machine(air, OWN), wishes=PERIPHERAL)
        honest, hostile = Phone(air, "7B:00:00:00:00:01"), Phone(air, address(1))
        async with running(gateway):
            await linked(machine, gateway, hostile)
            stalled = gateway.link
            hostile.connection.to_caller.stalled = True
            await honest.dial(machine)
            await gateway.until(lambda: len(gateway.up) == 2)
            (other,) = set(gateway.up) - {stalled}
            refused = 0
            for number in range(100):
                refused += not gateway.transport.send(stalled, b"frame")
                assert gateway.transport.send(other, bytes([number]))
                await asyncio.sleep(0.05)
            assert refused > 80
            assert len(honest.got) >= 99
            assert gateway.counters["refused"] == refused

    run(scene())


def test_a_crowd_finds_as_many_places_as_there_are_and_no_more():
    async def scene():
        air = Air()
        gateway = Listener(machine := Machine(air, OWN))
        async with running(gateway):
            await gateway.until(lambda: machine.controllers[0].advertises)
            for number in range(30):
                ear = air.join(Ear(address(number), rssi=-50, advertises=True))
                ear.on_caller = lambda connection: connection.to_caller.push(b"hello")
            callers = [Phone(air, address(100 + number)) for number in range(30)]
            for caller in callers:
                await caller.dial(machine)
                caller.write(b"hello")
            most = 0
            for _ in range(300):
                await asyncio.sleep(0.1)
                counters = gateway.counters
                assert counters["links_central"] <= BLE_MAX_CENTRAL
                assert counters["links_peripheral"] <= BLE_MAX_PERIPHERAL
                most = max(most, gateway.transport.radio().adapters[0].dialling)
            assert len(gateway.up) == BLE_MAX_CENTRAL + BLE_MAX_PERIPHERAL
            assert most <= BLE_DIALS_AT_ONCE
            assert counters["turned_away"] == 26

    run(scene())


def test_a_device_that_connects_and_never_subscribes_gives_its_place_back():
    async def scene():
        air = Air()
        gateway = Listener(machine := Machine(air, OWN), wishes=PERIPHERAL)
        honest = Phone(air, "7B:00:00:00:00:01")
        idlers = [Phone(air, address(number)) for number in range(8)]
        async with running(gateway):
            await linked(machine, gateway, honest)
            honest.write(b"hello")
            for idler in idlers:
                idler.ear.never_subscribes = True
                await idler.dial(machine)
            await asyncio.sleep(BLE_IDLE_S - 1)
            assert not any(idler.ends for idler in idlers), "a phone may take its time"
            await asyncio.sleep(12)
            assert all(idler.ends for idler in idlers)
            assert gateway.counters["idlers"] == 8
            assert not honest.ends
            await asyncio.sleep(120)
            assert not honest.ends
            assert gateway.counters["idlers"] == 8

    run(scene())


def test_idlers_are_told_once_in_a_while_and_bounded():
    idlers = Idlers()
    crowd = [f"device {number}" for number in range(2 * BLE_MOST_CONNECTED)]
    assert idlers.late(crowd, lambda _device: False, 0.0) == []
    assert len(idlers) == BLE_MOST_CONNECTED
    assert idlers.late(crowd, lambda device: device == crowd[0], BLE_IDLE_S) == crowd[1:BLE_MOST_CONNECTED]
    assert idlers.late(crowd[1:], lambda _device: False, BLE_IDLE_S + 1) == []
    assert idlers.late([], lambda _device: False, 100.0) == []
    assert len(idlers) == 0


def test_a_device_that_dials_us_while_we_dial_it_keeps_its_link():
    async def scene():
        air = Air()
        gateway = Listener(machine := Machine(air, OWN))
        phone = Phone(air, "7B:00:00:00:00:01")
        phone.ear.advertises, phone.ear.refuses = True, DialFailure.TIMEOUT
        async with running(gateway):
            await gateway.until(lambda: gateway.counters["dials"] == 1)
            await phone.dial(machine)
            phone.write(b"hello")
            await asyncio.sleep(60)
            assert not phone.ends
            assert len(gateway.up) == 1
            assert gateway.counters["dials"] == 1
            assert gateway.transport.radio().adapters[0].dialling == 0
            assert machine.controllers[0].hear is not None

    run(scene())
