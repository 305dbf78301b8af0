"""The radio's transport over a real bluetoothd: two gateways, an adapter each."""

import pytest

from hw.bluez.adapters import Role, Wish
from hw.bluez.steps import Symptom
from tests.rig.air_client import AirClient
from tests.rig.radio_scene import PATIENCE_S, kill, meet, pause, radio, running, wait
from transports.ble.transport import BleTransport
from transports.conformance import CHECKS, Bench, Check
from transports.link import TransportState

pytestmark = [pytest.mark.rig, pytest.mark.timeout(600)]


def caller_and_called() -> tuple[BleTransport, BleTransport]:
    return radio("hci0", Role.CENTRAL), radio("hci1", Role.PERIPHERAL)


def both_roles() -> tuple[BleTransport, BleTransport]:
    return radio("hci0", tag=b"left-tag"), radio("hci1", tag=b"righttag")


def recoveries(transport: BleTransport, symptom: Symptom) -> list[float]:
    status = transport.radio()
    rows = [*status.recoveries, *(row for one in status.adapters for row in one.recoveries)]
    return [row.seconds for row in rows if row.symptom is symptom]


@pytest.mark.parametrize("layout", [caller_and_called, both_roles], ids=lambda layout: layout.__name__)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_the_radio_keeps_the_contract(check: Check, layout) -> None:
    await check(Bench(layout, patience_s=PATIENCE_S, quiet_s=3.0))


async def test_a_killed_bluetoothd_comes_back_twenty_times() -> None:
    async with running(*both_roles()) as (left, right):
        for _ in range(20):
            await meet(left, right)
            kill("bluetoothd")
            await left.until(lambda: not left.up, "LinkDown")
            await right.until(lambda: not right.up, "LinkDown")
        took = await meet(left, right)
        seconds = recoveries(left.transport, Symptom.BLUEZ_GONE)
        assert len(seconds) == 20
        print(f"\nbluetoothd back after {min(seconds):.1f} to {max(seconds):.1f} s, linked {took:.1f} s later")


async def test_a_killed_bus_comes_back_twenty_times() -> None:
    async with running(*both_roles()) as (left, right):
        for _ in range(20):
            await meet(left, right)
            kill("dbus-daemon")
            await left.until(lambda: not left.up, "LinkDown")
            await right.until(lambda: not right.up, "LinkDown")
        took = await meet(left, right)
        seconds = recoveries(left.transport, Symptom.BUS_LOST)
        assert len(seconds) >= 20
        print(f"\nthe bus back after {min(seconds):.1f} to {max(seconds):.1f} s, linked {took:.1f} s later")


async def test_an_unplugged_adapter_is_missed_and_used_again(air: AirClient) -> None:
    reports: list[str] = []
    async with running(radio("hci0", reports=reports), radio("hci1")) as (left, right):
        for _ in range(3):
            await meet(left, right)
            await air.unplug(0)
            await left.until(lambda: not left.up, "LinkDown")
            await right.until(lambda: not right.up, "LinkDown")
            await wait(lambda: "hci0 is gone" in left.transport.status().sentence)
            assert left.transport.status().state is TransportState.DOWN
            await air.plug(0)
        took = await meet(left, right)
        print(f"\nlinked {took:.1f} s after plugging in")
        died = len(recoveries(left.transport, Symptom.BLUEZ_GONE))  # BlueZ 5.82 dies of an adapter that goes, now and then
        assert len(recoveries(left.transport, Symptom.ADAPTER_GONE)) + died >= 3
        assert len(reports) >= 6, reports


async def test_out_of_range_and_back(air: AirClient) -> None:
    async with running(*both_roles()) as (left, right):
        for _ in range(3):
            await meet(left, right)
            await air.link(0, 1, up=False)
            await left.until(lambda: not left.up, "LinkDown")
            await right.until(lambda: not right.up, "LinkDown")
            await pause(20.0)
            await air.link(0, 1, up=True)
            took = await meet(left, right)
        print(f"\nlinked {took:.1f} s after the air was there again")


async def test_an_adapter_switched_off_by_somebody_is_switched_on_again() -> None:
    async with running(*both_roles()) as (left, right):
        await meet(left, right)
        keeper = left.transport._governor.keepers[0]
        await keeper._curing._bus.set("/org/bluez/hci0", "org.bluez.Adapter1", "Powered", "b", value=False)
        await left.until(lambda: not left.up, "LinkDown")
        await meet(left, right)
        assert len(recoveries(left.transport, Symptom.POWERED_OFF)) == 1


async def test_a_reset_by_hand_and_a_survey() -> None:
    async with running(*both_roles()) as (left, right):
        await meet(left, right)
        assert await left.transport.reset(None) == ("hci0: power cycle done.",)
        await meet(left, right)
        rows = await left.transport.scan_report(5.0)
        assert [row.adapter for row in rows] == ["hci0"]
        assert rows[0].rssi < 0


@pytest.mark.parametrize("order", [("hci0", "hci1"), ("hci1", "hci0")])
async def test_one_adapter_for_each_role(order: tuple[str, str]) -> None:
    """Three adapters: two of one gateway, whose radios must not link with each other, and one of another."""
    central, peripheral = order
    both = radio(central, Role.CENTRAL, Wish(peripheral, Role.PERIPHERAL), tag=b"left-tag")
    async with running(both, radio("hci2", tag=b"righttag")) as (left, right):
        await meet(left, right)
        await pause(30.0)
        assert len(left.up) == len(right.up)
        assert all(link.mtu >= 500 for link in (*left.up.values(), *right.up.values()))
