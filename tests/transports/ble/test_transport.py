import asyncio

import pytest

from hw.bluez.adapters import Role, Wish
from hw.bluez.steps import Outcome, Step, Symptom
from tests.testing.virtual_loop import run
from tests.transports.ble.air import Air, Ear
from tests.transports.ble.machine import Machine
from tests.transports.ble.scene import OTHER, OWN, Listener, Phone, running
from transports.link import TransportState

THIRD = "AA:00:00:00:00:03"


def talker(air: Air, address: str) -> Ear:
    """A phone that may be dialled and says hello."""
    ear = air.join(Ear(address, advertises=True))
    ear.on_caller = lambda connection: connection.to_caller.push(b"hello")
    return ear


def pair(air: Air, **config: object) -> tuple[Listener, Listener]:
    return Listener(Machine(air, OWN), **config), Listener(Machine(air, OTHER), **config)


async def meet(left: Listener, right: Listener, seconds: float = 60.0) -> float:
    """Wait until they are linked and have heard each other; returns the seconds it took to link."""
    took = await left.until(lambda: left.up and right.up, seconds)
    left.frames.clear()
    right.frames.clear()
    assert left.transport.send(left.link, b"hello")
    assert right.transport.send(right.link, b"hello")
    await left.until(lambda: left.frames and right.frames)
    return took


def recovered(listener: Listener, symptom: Symptom) -> list[float]:
    radio = listener.transport.radio()
    rows = [*radio.recoveries, *(row for adapter in radio.adapters for row in adapter.recoveries)]
    return [row.seconds for row in rows if row.symptom is symptom]


def test_a_lost_bus_ends_the_links_and_comes_back_by_itself():
    async def scene():
        left, right = pair(Air())
        async with running(left, right):
            for times in range(1, 6):
                await meet(left, right)
                left.machine.lose_bus()
                await left.until(lambda: not left.up and not right.up)
                assert await meet(left, right) < 10
                assert len(recovered(left, Symptom.BUS_LOST)) == times
            assert sum("D-Bus" in report for report in left.reports) == 5

    run(scene())


def test_a_bus_that_stays_away_is_said_once_with_a_remedy():
    async def scene():
        left, right = pair(Air())
        async with running(left, right):
            await left.until(lambda: left.up)
            left.machine.lose_bus(comes_back=False)
            await asyncio.sleep(120)
            status = left.transport.status()
            assert status.state is TransportState.DOWN
            assert "D-Bus" in status.sentence
            assert status.remedy
            assert len(left.reports) == 2
            left.machine.bus = True
            assert await left.until(lambda: left.up) < 20
            assert left.transport.status().state is TransportState.UP

    run(scene())


def test_a_killed_service_is_started_again_and_everything_is_set_up_anew():
    async def scene():
        left, right = pair(Air())
        async with running(left, right):
            for _ in range(20):
                await meet(left, right)
                left.machine.kill_service()
                await left.until(lambda: not left.up)
                assert await meet(left, right) < 30
            assert len(recovered(left, Symptom.BLUEZ_GONE)) == 20
            assert max(recovered(left, Symptom.BLUEZ_GONE)) < 5

    run(scene())


def test_a_service_that_nobody_can_start_is_restarted_through_the_helper():
    async def scene():
        left, right = pair(Air())
        async with running(left, right):
            await meet(left, right)
            left.machine.starts_service = False
            left.machine.kill_service()
            await asyncio.sleep(5)
            status = left.transport.status()
            assert status.state is TransportState.DOWN
            assert "not running" in status.sentence
            await meet(left, right)
            assert left.machine.steps[Step.RESTART_BLUETOOTH] == 1

    run(scene())


def test_a_service_that_ends_and_returns_between_two_looks_is_noticed():
    async def scene():
        left, right = pair(Air())
        async with running(left, right):
            await meet(left, right)
            left.machine.kill_service()
            left.machine.start_service()
            await left.until(lambda: left.downs)
            await meet(left, right)

    run(scene())


def test_an_adapter_that_is_unplugged_and_plugged_in_again_goes_on():
    async def scene():
        left, right = pair(Air())
        async with running(left, right):
            for _ in range(3):
                await meet(left, right)
                left.machine.unplug(left.machine.controllers[0])
                await left.until(lambda: not left.up)
                await asyncio.sleep(5)
                status = left.transport.status()
                assert status.state is TransportState.DOWN
                assert "hci0 is gone" in status.sentence
                assert status.remedy
                left.machine.plug(left.machine.controllers[0])
                assert await meet(left, right) < 10
            assert len(recovered(left, Symptom.ADAPTER_GONE)) == 3

    run(scene())


def test_an_adapter_that_is_switched_off_is_switched_on_again():
    async def scene():
        left, right = pair(Air())
        async with running(left, right):
            await meet(left, right)
            left.machine.switch(left.machine.controllers[0], on=False)
            await asyncio.sleep(2)
            assert "switched off" in left.transport.status().sentence
            await meet(left, right)
            assert left.machine.steps == {Step.POWER_CYCLE: 1}
            assert [row.steps for row in left.transport.radio().adapters[0].recoveries] == [(Step.POWER_CYCLE,)]

    run(scene())


@pytest.mark.parametrize(
    ("what", "cure", "symptom"),
    [
        ("scan", Step.POWER_CYCLE, Symptom.SCAN_FAILED),
        ("scan", Step.RESET_ADAPTER, Symptom.SCAN_FAILED),
        ("scan", Step.RESTART_BLUETOOTH, Symptom.SCAN_FAILED),
        ("advertise", Step.POWER_CYCLE, Symptom.ADVERTISING_FAILED),
        ("advertise", Step.RESTART_BLUETOOTH, Symptom.ADVERTISING_FAILED),
        ("dial", Step.POWER_CYCLE, Symptom.CONNECT_STORM),
    ],
)
def test_what_is_stuck_is_cured_by_the_step_that_helps_and_everything_gentler_was_tried_first(what, cure, symptom):
    async def scene():
        air = Air()
        for number in range(3):
            talker(air, f"7B:00:00:00:00:0{number}")
        machine = Machine(air, OWN)
        machine.controllers[0].stuck = {what: cure}
        gateway = Listener(machine)
        async with running(gateway):
            await gateway.until(lambda: recovered(gateway, symptom), 1_800)
            assert machine.steps[cure] >= 1
            await gateway.until(lambda: gateway.transport.status().state is TransportState.UP and machine.controllers[0].advertises)
            await gateway.until(lambda: len(gateway.up) == 3)
            (adapter,) = gateway.transport.radio().adapters
            assert [attempt.outcome for attempt in adapter.history if attempt.step is cure] == [Outcome.OK] * machine.steps[cure]
            assert all(attempt.seconds >= 0 for attempt in adapter.history)
            assert gateway.counters[f"step_{cure.value}"] == machine.steps[cure]

    run(scene())


def test_an_adapter_that_nothing_cures_is_said_with_a_remedy_and_the_other_one_goes_on():
    async def scene():
        air = Air()
        machine = Machine(air, OWN, OTHER, helper=False)
        machine.controllers[0].stuck = {"scan": Step.NEW_SCANNER, "power": Step.NEW_SCANNER}
        phone = Phone(air, "7B:00:00:00:00:01")
        gateway = Listener(machine)
        async with running(gateway):
            await gateway.until(lambda: machine.controllers[1].advertises)
            await phone.dial(machine, 1)
            await asyncio.sleep(1)
            assert len(gateway.up) == 1
            for _ in range(60):
                phone.write(b"hello")
                await asyncio.sleep(30)
            status = gateway.transport.status()
            assert status.state is TransportState.DEGRADED
            assert "hci0 does not search" in status.sentence
            assert "1 device linked" in status.sentence
            assert status.remedy
            assert len(gateway.up) == 1
            assert not gateway.downs
            assert len(gateway.reports) <= 3

    run(scene())


def test_silence_alone_never_costs_a_link_and_few_steps():
    async def scene():
        air = Air()
        phone = Phone(air, "7B:00:00:00:00:01")
        machine = Machine(air, OWN)
        gateway = Listener(machine)
        async with running(gateway):
            await gateway.until(lambda: machine.controllers[0].advertises)
            await phone.dial(machine)
            for _ in range(30):
                phone.write(b"hello")
                await asyncio.sleep(60)
            assert not gateway.downs
            assert set(machine.steps) == set()
            assert 15 < gateway.counters["step_new_scanner"] < 23
            assert gateway.transport.status().state is TransportState.UP
            assert not gateway.reports

    run(scene())


def test_a_box_alone_for_hours_power_cycles_rarely_and_stays_up():
    async def scene():
        gateway = Listener(machine := Machine(Air(interval=30.0), OWN))
        async with running(gateway):
            await asyncio.sleep(2 * 3_600)
            assert 2 <= machine.steps[Step.POWER_CYCLE] <= 4
            assert set(machine.steps) == {Step.POWER_CYCLE}
            await gateway.until(lambda: gateway.transport.status().state is TransportState.UP)

    run(scene())


def test_without_an_adapter_the_transport_waits_and_says_so():
    async def scene():
        air = Air()
        machine = Machine(air, OWN)
        machine.controllers[0].plugged = False
        gateway = Listener(machine)
        async with running(gateway):
            await asyncio.sleep(60)
            status = gateway.transport.status()
            assert status.state is TransportState.DOWN
            assert "no Bluetooth adapter" in status.sentence
            assert len(gateway.reports) == 1
            machine.plug(machine.controllers[0])
            await gateway.until(lambda: gateway.transport.status().state is TransportState.UP)

    run(scene())


def test_a_wished_adapter_that_is_not_there_is_named_and_the_others_are_used():
    async def scene():
        air = Air()
        machine = Machine(air, OWN, OTHER)
        gateway = Listener(machine, wishes=(Wish("hci1", Role.BOTH), Wish("hci7", Role.CENTRAL)))
        async with running(gateway):
            await gateway.until(lambda: machine.controllers[1].advertises)
            await asyncio.sleep(5)
            status = gateway.transport.status()
            assert status.state is TransportState.DEGRADED
            assert "hci7" in status.sentence
            assert machine.controllers[0].hear is None
            assert machine.controllers[1].hear is not None

    run(scene())


def test_one_adapter_takes_both_roles_when_the_other_is_unplugged_and_shares_them_again_later():
    async def scene():
        air = Air()
        machine = Machine(air, OWN, OTHER)
        first, second = machine.controllers
        gateway = Listener(machine)
        async with running(gateway):
            await gateway.until(lambda: first.hear and second.advertises)
            assert not first.advertises
            machine.unplug(second)
            await gateway.until(lambda: first.hear and first.advertises)
            assert gateway.transport.status().state is TransportState.DEGRADED
            machine.plug(second)
            await gateway.until(lambda: second.advertises and not first.advertises and first.hear)
            await gateway.until(lambda: gateway.transport.status().state is TransportState.UP)

    run(scene())


def test_a_dongle_that_comes_back_under_another_name_replaces_the_one_that_is_gone():
    async def scene():
        air = Air()
        machine = Machine(air, OWN, OTHER, THIRD)
        machine.controllers[2].plugged = False
        gateway = Listener(machine)
        async with running(gateway):
            await gateway.until(lambda: machine.controllers[1].advertises)
            machine.unplug(machine.controllers[1])
            await asyncio.sleep(10)
            machine.plug(machine.controllers[2])
            await gateway.until(lambda: machine.controllers[2].advertises)
            await gateway.until(lambda: gateway.transport.status().state is TransportState.UP)
            assert [adapter.name for adapter in gateway.transport.radio().adapters] == ["hci0", "hci2"]

    run(scene())


def test_a_reset_by_hand_ends_the_links_says_how_it_went_and_goes_on():
    async def scene():
        left, right = pair(Air())
        async with running(left, right):
            await meet(left, right)
            assert await left.transport.reset("hci9") == ("There is no adapter hci9 in use.",)
            assert await left.transport.reset(None) == ("hci0: power cycle done.",)
            assert left.downs == ["the Bluetooth adapter is being reset"]
            await meet(left, right)
            assert await left.transport.reset("hci0", Step.NEW_SCANNER) == ("hci0: new scanner done.",)
            assert left.up

    run(scene())


def test_out_of_range_and_back():
    async def scene():
        air = Air()
        left, right = pair(air)
        async with running(left, right):
            for _ in range(3):
                await meet(left, right)
                air.cut(OWN, OTHER)
                await left.until(lambda: not left.up and not right.up)
                await asyncio.sleep(30)
                air.heal()
                assert await meet(left, right) < 60

    run(scene())


def test_the_status_of_the_radio_tells_of_links_without_addresses():
    async def scene():
        left, right = pair(Air(), tag=b"")
        async with running(left, right):
            await meet(left, right)
            left.transport.send(left.link, b"frame")
            await right.until(lambda: right.frames)
            (adapter,) = right.transport.radio().adapters
            (row,) = adapter.links
            assert (row.id, row.frames_in, row.mtu) == (right.link, 1, 512)
            assert adapter.state is TransportState.UP
            assert adapter.shown
            text = repr(right.transport.radio()) + repr(right.transport.status()) + repr(right.reports)
            assert OWN not in text
            assert OTHER not in text
            assert all(type(count) is int for count in right.counters.values())

    run(scene())


def test_a_stopped_radio_says_so():
    async def scene():
        gateway = Listener(Machine(Air(), OWN))
        assert gateway.transport.status().state is TransportState.DOWN
        async with running(gateway):
            await gateway.until(lambda: gateway.transport.status().state is TransportState.UP)
        assert gateway.transport.status().state is TransportState.DOWN

    run(scene())
