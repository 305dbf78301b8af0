import asyncio

import pytest

from hw.bluez.adapters import Role, Wish
from tests.testing.virtual_loop import run
from tests.transports.ble.air import Air, Ear
from tests.transports.ble.machine import Machine
from tests.transports.ble.scene import OTHER, OWN, Listener, Phone, running
from transports.ble.edge import DialFailure
from transports.limits import BLE_FORGET_S, BLE_HOLD_BANNED_S, BLE_LINK_SILENCE_S, BLE_MUTE_S, BLE_SWEEP_S

CENTRAL = (Wish("hci0", Role.CENTRAL),)
PERIPHERAL = (Wish("hci0", Role.PERIPHERAL),)


def other_phone(air: Air, address: str, **how: object) -> Ear:
    return air.join(Ear(address, advertises=True, **how))


def test_two_gateways_in_both_roles_end_with_one_link():
    async def scene():
        air = Air()
        left, right = Listener(Machine(air, OWN)), Listener(Machine(air, OTHER))
        async with running(left, right):
            await left.until(lambda: left.up and right.up)
            await asyncio.sleep(60)
            assert len(left.up) == len(right.up) == 1
            assert left.counters["dials"] + right.counters["dials"] == 1

    run(scene())


def test_a_phone_that_dialled_us_is_not_dialled():
    async def scene():
        air = Air()
        phone = Phone(air, "7B:00:00:00:00:01")
        gateway = Listener(machine := Machine(air, OWN))
        async with running(gateway):
            await gateway.until(lambda: machine.controllers[0].advertises)
            await phone.dial(machine)
            phone.ear.advertises = True
            await asyncio.sleep(30)
            assert len(gateway.up) == 1
            assert gateway.counters["dials"] == 0
            assert gateway.counters["links_peripheral"] == 1

    run(scene())


def test_a_phone_is_not_dialled_again_under_another_address():
    async def scene():
        air = Air()
        first = other_phone(air, "7B:00:00:00:00:01", tag=b"phone-id")
        gateway = Listener(Machine(air, OWN), wishes=CENTRAL)
        async with running(gateway):
            await gateway.until(lambda: gateway.up)
            other_phone(air, "5C:00:00:00:00:02", tag=b"phone-id")
            await asyncio.sleep(30)
            assert gateway.counters["dials"] == 1
            air.leave(first)
            await gateway.until(lambda: gateway.counters["dials"] == 2 and gateway.up)

    run(scene())


def test_two_adapters_of_one_gateway_do_not_link_with_each_other():
    async def scene():
        gateway = Listener(machine := Machine(Air(), OWN, OTHER))
        async with running(gateway):
            await gateway.until(lambda: machine.controllers[1].advertises)
            await asyncio.sleep(30)
            assert gateway.counters["advertisements_heard"] > 100
            assert gateway.counters["dials"] == 0

    run(scene())


def test_a_phone_linked_on_one_adapter_is_not_dialled_on_the_other():
    async def scene():
        air = Air()
        phone = Phone(air, "7B:00:00:00:00:01")
        gateway = Listener(machine := Machine(air, OWN, OTHER))
        async with running(gateway):
            await gateway.until(lambda: machine.controllers[1].advertises)
            await phone.dial(machine, 1)
            phone.ear.advertises = True
            await asyncio.sleep(30)
            assert len(gateway.up) == 1

    run(scene())


def test_frames_pass_both_ways_with_a_phone_that_dialled_us():
    async def scene():
        air = Air()
        phone = Phone(air, "7B:00:00:00:00:01")
        gateway = Listener(machine := Machine(air, OWN))
        async with running(gateway):
            await gateway.until(lambda: machine.controllers[0].advertises)
            await phone.dial(machine)
            assert phone.write(b"hello")
            assert gateway.transport.send(gateway.link, b"and hello")
            await gateway.until(lambda: gateway.frames == [b"hello"] and phone.got == [b"and hello"])
            phone.connection.end("walked away")
            await gateway.until(lambda: gateway.downs == ["walked away"])

    run(scene())


def test_what_a_phone_says_before_the_dial_is_over_is_not_lost():
    async def scene():
        air = Air()
        ear = other_phone(air, "7B:00:00:00:00:01")
        ear.on_caller = lambda connection: connection.to_caller.push(b"first")
        gateway = Listener(Machine(air, OWN), wishes=CENTRAL)
        async with running(gateway):
            await gateway.until(lambda: gateway.frames == [b"first"])

    run(scene())


def test_a_link_that_says_nothing_is_given_up_after_three_minutes():
    async def scene():
        air = Air()
        phone = Phone(air, "7B:00:00:00:00:01")
        gateway = Listener(machine := Machine(air, OWN), wishes=PERIPHERAL)
        async with running(gateway):
            await gateway.until(lambda: machine.controllers[0].advertises)
            await phone.dial(machine)
            await gateway.until(lambda: gateway.up)
            took = await gateway.until(lambda: not gateway.up, 300)
            assert took == pytest.approx(BLE_LINK_SILENCE_S, abs=6.0)
            assert gateway.counters["links_silent"] == 1

    run(scene())


def test_a_device_whose_link_the_engine_closed_is_left_alone_and_turned_away_for_a_quarter_of_an_hour():
    async def scene():
        air = Air()
        phone = Phone(air, "7B:00:00:00:00:01")
        phone.ear.advertises = True
        gateway = Listener(machine := Machine(air, OWN))
        async with running(gateway):
            gateway.refuses_links = True
            await gateway.until(lambda: gateway.downs == ["not wanted"])
            gateway.refuses_links = False
            await asyncio.sleep(30)
            assert gateway.counters["dials"] == 1
            await phone.dial(machine)
            await asyncio.sleep(1)
            assert phone.ends
            assert gateway.counters["turned_away"] == 1
            assert not gateway.up
            await gateway.until(lambda: gateway.up, BLE_HOLD_BANNED_S)

    run(scene())


def test_a_newcomer_takes_the_place_of_somebody_who_never_said_a_word_and_of_nobody_else():
    async def scene():
        air = Air()
        gateway = Listener(machine := Machine(air, OWN), wishes=PERIPHERAL, max_peripheral=2)
        talker, mute, third, fourth = (Phone(air, f"7B:00:00:00:00:0{number}") for number in range(4))
        async with running(gateway):
            await gateway.until(lambda: machine.controllers[0].advertises)
            await talker.dial(machine)
            talker.write(b"hello")
            await mute.dial(machine)
            await asyncio.sleep(1)
            await third.dial(machine)
            await asyncio.sleep(1)
            assert third.ends, "no place, and the mute one had not had its time"
            await asyncio.sleep(BLE_MUTE_S)
            await fourth.dial(machine)
            fourth.write(b"hello")
            await asyncio.sleep(1)
            assert mute.ends
            assert not talker.ends
            assert not fourth.ends
            assert gateway.counters["links_peripheral"] == 2

    run(scene())


@pytest.mark.parametrize("mtu", [20, 106])
def test_a_device_that_takes_too_small_frames_gets_no_link(mtu):
    async def scene():
        air = Air()
        phone = Phone(air, "7B:00:00:00:00:01", mtu=mtu)
        gateway = Listener(machine := Machine(air, OWN), wishes=PERIPHERAL)
        async with running(gateway):
            await gateway.until(lambda: machine.controllers[0].advertises)
            await phone.dial(machine)
            await asyncio.sleep(1)
            assert phone.ends
            assert not gateway.up

    run(scene())


def test_a_frame_longer_than_any_attribute_value_is_never_accepted():
    async def scene():
        air = Air()
        other_phone(air, "7B:00:00:00:00:01", mtu=514)
        machine = Machine(air, OWN)
        machine.controllers[0].mtu = 514
        gateway = Listener(machine, wishes=CENTRAL)
        async with running(gateway):
            await gateway.until(lambda: gateway.up)
            assert gateway.up[gateway.link].mtu == 510
            with pytest.raises(ValueError, match="511"):
                gateway.transport.send(gateway.link, bytes(511))
            with pytest.raises(ValueError, match="0 bytes"):
                gateway.transport.send(gateway.link, b"")

    run(scene())


def test_a_device_is_forgotten_after_its_link_and_after_a_failed_dial():
    async def scene():
        air = Air()
        ear = other_phone(air, "7B:00:00:00:00:01")
        other_phone(air, "7B:00:00:00:00:02", refuses=DialFailure.NO_SERVICE)
        machine = Machine(air, OWN)
        gateway = Listener(machine, wishes=CENTRAL)
        async with running(gateway):
            await gateway.until(lambda: gateway.up and gateway.counters["dials_failed_no_service"])
            air.leave(ear)
            await gateway.until(lambda: not gateway.up)
            assert f"/org/bluez/hci0/dev_{ear.address}" not in machine.controllers[0].forgotten, "not at the moment of its end"
            await asyncio.sleep(BLE_FORGET_S + 1)
            assert sorted(machine.controllers[0].forgotten) == [f"/org/bluez/hci0/dev_7B:00:00:00:00:0{number}" for number in (1, 2)]

    run(scene())


def test_a_device_that_bluez_remembers_from_before_and_hides_is_forgotten_and_found():
    async def scene():
        ear = other_phone(air := Air(), "7B:00:00:00:00:01")
        machine = Machine(air, OWN)
        machine.controllers[0].remembered.add(ear.address)
        gateway = Listener(machine, wishes=CENTRAL)
        async with running(gateway):
            await asyncio.sleep(BLE_FORGET_S - 0.5)
            assert not machine.controllers[0].forgotten, "RemoveDevice right after a disconnection kills BlueZ 5.66"
            await asyncio.sleep(20)
            assert machine.controllers[0].forgotten == [f"/org/bluez/hci0/dev_{ear.address}"]
            assert len(gateway.up) == 1

    run(scene())


def test_bluez_forgets_whom_nobody_hears_any_more_and_keeps_whom_somebody_hears():
    async def scene():
        there = other_phone(air := Air(), "7B:00:00:00:00:01", tag=b"phone-id")
        machine = Machine(air, OWN)
        gateway = Listener(machine, wishes=CENTRAL, max_central=1)
        other_phone(air, "7B:00:00:00:00:02")
        async with running(gateway):
            await gateway.until(lambda: gateway.up)
            controller = machine.controllers[0]
            controller.known = {there.address, "7B:00:00:00:00:02", "7B:00:00:00:00:03"}
            await asyncio.sleep(2 * BLE_SWEEP_S)
            assert controller.forgotten == ["/org/bluez/hci0/dev_7B:00:00:00:00:03"]

    run(scene())


@pytest.mark.parametrize("useless", [False, True])
def test_who_could_not_be_reached_gets_another_chance_when_a_link_ends(useless):
    async def scene():
        old = other_phone(air := Air(), "7B:00:00:00:00:01")
        gateway = Listener(Machine(air, OWN), wishes=CENTRAL)
        async with running(gateway):
            await gateway.until(lambda: gateway.up)
            new = other_phone(air, "5C:00:00:00:00:02", refuses=DialFailure.NO_SERVICE if useless else DialFailure.ABORTED)
            await asyncio.sleep(1_200)
            new.refuses = None
            air.leave(old)
            await gateway.until(lambda: not gateway.up)
            await asyncio.sleep(30)
            assert len(gateway.up) == (0 if useless else 1)

    run(scene())


def test_an_adapter_that_is_full_is_not_asked_for_more():
    async def scene():
        air = Air()
        machine = Machine(air, OWN)
        machine.controllers[0].capacity = 2
        for number in range(6):
            ear = other_phone(air, f"7B:00:00:00:00:0{number}")
            ear.on_caller = lambda connection: connection.to_caller.push(b"hello")
        gateway = Listener(machine, wishes=CENTRAL, max_central=4)
        async with running(gateway):
            await gateway.until(lambda: len(gateway.up) == 2)
            await asyncio.sleep(20)
            (adapter,) = gateway.transport.radio().adapters
            assert adapter.budget == 2
            assert adapter.refusals == 1
            dials = gateway.counters["dials"]
            await asyncio.sleep(60)
            assert gateway.counters["dials"] == dials
            assert len(gateway.up) == 2

    run(scene())


def test_scanning_pauses_while_dialling_where_that_is_wanted():
    async def scene():
        air = Air()
        other_phone(air, "7B:00:00:00:00:01", refuses=DialFailure.TIMEOUT)
        gateway = Listener(machine := Machine(air, OWN), wishes=CENTRAL, pause_scan=True)
        async with running(gateway):
            await gateway.until(lambda: gateway.counters["dials"] == 1)
            await asyncio.sleep(2)
            assert machine.controllers[0].hear is None
            await gateway.until(lambda: machine.controllers[0].hear is not None, 10)

    run(scene())


def test_a_survey_lists_who_is_on_the_air_without_addresses():
    async def scene():
        air = Air()
        other_phone(air, "7B:00:00:00:00:01", rssi=-70, tag=b"phone-id")
        other_phone(air, "7B:00:00:00:00:02", rssi=-50, refuses=DialFailure.NO_SERVICE)
        gateway = Listener(Machine(air, OWN), wishes=CENTRAL)
        async with running(gateway):
            rows = await gateway.transport.scan_report(5.0)
            assert [(row.adapter, row.rssi, row.tag, row.linked) for row in rows] == [
                ("hci0", -50, "", False),
                ("hci0", -70, b"phone-id".hex(), True),
            ]
            assert all(row.is_random and row.times > 10 for row in rows)
            assert "7B:" not in repr(rows)

    run(scene())
