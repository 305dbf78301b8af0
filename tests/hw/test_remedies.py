import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from dbus_fast import Variant

from hw.bluez import remedies as module
from hw.bluez.bus import BluezBus
from hw.bluez.remedies import Remedies
from hw.bluez.steps import Outcome, Step
from hw.recover.client import RecoverySocket
from tests.hw.moody_bluez import ADAPTER, HCI0, MoodyBluez, canned_helper, moody_bluez
from tests.hw.private_bus import bus, needs_daemon
from tests.hw.sysfs import rfkill, usb_device

pytestmark = needs_daemon

DONE = b'{"ok": true, "possible": true, "why": ""}\n'
NO = b'{"ok": false, "possible": true, "why": "The kernel says no."}\n'
CANNOT = b'{"ok": false, "possible": false, "why": "There is nothing to reset."}\n'


@dataclass(frozen=True, slots=True)
class Scene:
    bluez: MoodyBluez
    bus: BluezBus
    root: Path

    def remedies(self, helper: RecoverySocket | None = None) -> Remedies:
        return Remedies(self.bus, HCI0, helper, self.root)


@asynccontextmanager
async def scene(tmp_path: Path, *, powered: bool = True) -> AsyncIterator[Scene]:
    usb_device(tmp_path, "bluetooth", "hci0", "1-1")
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(bus(tmp_path))
        bluez = await stack.enter_async_context(moody_bluez(address, powered=powered))
        connection = await BluezBus.connect(address)
        stack.push_async_callback(connection.close)
        yield Scene(bluez, connection, tmp_path)


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SWITCH_TIMEOUT_S", 0.2)
    monkeypatch.setattr(module, "GONE_TIMEOUT_S", 0.2)
    monkeypatch.setattr(module, "BACK_TIMEOUT_S", 0.2)
    monkeypatch.setattr(module, "BUSY_RETRY_S", 0.0)


async def test_a_power_cycle_is_off_and_then_on_and_seen_to_be_both(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        seen: list[object] = []
        at.bus.watch(lambda change: seen.append(change.values.get("Powered")))
        remedies = at.remedies()
        assert await remedies.take(Step.POWER_CYCLE) is Outcome.OK
        assert seen == [False, True]
        assert [call[-1] for call in at.bluez.calls] == [False, True]
        assert remedies.why == ""


async def test_an_adapter_that_is_off_is_only_switched_on(tmp_path: Path) -> None:
    async with scene(tmp_path, powered=False) as at:
        assert await at.remedies().power_cycle() is Outcome.OK
        assert [call[-1] for call in at.bluez.calls] == [True]


async def test_a_bluez_that_agrees_to_switch_and_does_not_is_a_failure(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        at.bluez.lies = True
        remedies = at.remedies()
        assert await remedies.power_cycle() is Outcome.FAILED
        assert remedies.why == "hci0 stays on, although BlueZ agreed to switch it."


async def test_a_busy_bluez_is_asked_again_and_any_other_refusal_is_a_failure(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        at.bluez.errors = ["Busy", "Busy"]
        assert await at.remedies().power_cycle() is Outcome.OK
        at.bluez.errors = ["Busy"] * 50
        assert await at.remedies().power_cycle() is Outcome.FAILED
        at.bluez.errors = ["Failed"]
        remedies = at.remedies()
        assert await remedies.power_cycle() is Outcome.FAILED
        assert remedies.why == "as the script says"


async def test_an_adapter_that_vanishes_on_the_way_is_a_failure_and_one_that_is_not_there_is_not_possible(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        at.bluez.lies = True
        cycle = asyncio.create_task(at.remedies().power_cycle())
        await at.bluez.asked.wait()
        at.bluez.drop(HCI0)
        assert await cycle is Outcome.FAILED
        for step in (Step.POWER_CYCLE, Step.FORGET_DEVICES):
            remedies = at.remedies()
            assert await remedies.take(step) is Outcome.NOT_POSSIBLE
            assert remedies.why == "BlueZ does not list hci0."


async def test_a_bus_that_is_lost_on_the_way_is_a_failure(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        at.bluez.stuck = [False]
        cycle = asyncio.create_task(at.remedies().power_cycle())
        await at.bluez.asked.wait()
        await at.bus.close()
        assert await cycle is Outcome.FAILED


async def test_a_power_cycle_that_is_broken_off_leaves_the_adapter_on(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        at.bluez.stuck = [False]  # it goes off in the end, but only after we are gone
        cycle = asyncio.create_task(at.remedies().power_cycle())
        await at.bluez.asked.wait()
        at.bluez.turn(HCI0, on=False)
        cycle.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cycle
        assert at.bluez.objects[HCI0][ADAPTER]["Powered"].value is True


async def test_a_radio_that_a_button_blocks_is_not_switched_and_one_that_software_blocks_is_unblocked_first(tmp_path: Path) -> None:
    async with scene(tmp_path, powered=False) as at:
        rfkill(tmp_path, 0, "hci0", hard=True, soft=True)
        remedies = at.remedies()
        assert (remedies.blocked(), await remedies.power_cycle()) == ("hard", Outcome.NOT_POSSIBLE)
        rfkill(tmp_path, 0, "hci0", soft=True)
        assert (remedies.blocked(), await remedies.power_cycle()) == ("soft", Outcome.NOT_POSSIBLE)
        assert at.bluez.calls == []

        async def unblock() -> None:
            rfkill(tmp_path, 0, "hci0")

        async with canned_helper(tmp_path / "helper", DONE, unblock) as (helper, requests):
            remedies = at.remedies(helper)
            assert await remedies.power_cycle() is Outcome.OK
        assert requests == [b'{"do": "unblock-radio", "adapter": "hci0"}\n']
        assert remedies.blocked() is None


async def test_a_helper_that_says_it_unblocked_and_did_not_is_a_failure(tmp_path: Path) -> None:
    async with scene(tmp_path, powered=False) as at:
        rfkill(tmp_path, 0, "hci0", soft=True)
        async with canned_helper(tmp_path / "helper", DONE) as (helper, _):
            assert await at.remedies(helper).power_cycle() is Outcome.FAILED
        assert at.bluez.calls == []


async def test_a_switch_of_the_board_counts_only_while_the_adapter_has_none(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        rfkill(tmp_path, 0, "thinkpad_bluetooth_sw", soft=True)
        rfkill(tmp_path, 1, "hci7", hard=True)
        assert at.remedies().blocked() == "soft"
        rfkill(tmp_path, 2, "hci0")
        assert at.remedies().blocked() is None


async def test_devices_are_forgotten_but_not_those_in_use_paired_or_kept(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        stay = [at.bluez.device(1, Connected=True), at.bluez.device(2, Paired=True), at.bluez.device(3, Bonded=True)]
        stay += [at.bluez.device(4, Trusted=True), at.bluez.device(5), at.bluez.device(6)]
        leave = [at.bluez.device(number) for number in range(7, 20)]
        await at.bus.until(lambda: leave[-1] in at.bus.objects)
        remedies = at.remedies()
        assert await remedies.take(Step.FORGET_DEVICES, (stay[4], "00:00:00:00:00:06")) is Outcome.OK
        assert set(at.bluez.objects) == {HCI0, *stay}
        assert remedies.why == "13 forgotten"
        assert await remedies.forget_devices({*stay}) is Outcome.OK
        assert remedies.why == "0 forgotten"


async def test_a_phone_that_connects_while_others_are_forgotten_is_left_alone(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        for number in (1, 2):
            path = at.bluez.device(number)
        await at.bus.until(lambda: path in at.bus.objects)
        work = asyncio.create_task(at.remedies().forget_devices())
        await at.bluez.asked.wait()
        (other,) = set(at.bluez.objects) - {HCI0}
        at.bluez.put(other, "org.bluez.Device1", Connected=Variant("b", True))
        assert await work is Outcome.OK
        assert other in at.bluez.objects


async def test_a_bluez_that_says_it_forgot_and_did_not_is_a_failure(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        path = at.bluez.device(1)
        await at.bus.until(lambda: path in at.bus.objects)
        at.bluez.lies = True
        assert await at.remedies().forget_devices() is Outcome.FAILED
        at.bluez.errors = ["Failed"]
        assert await at.remedies().forget_devices() is Outcome.FAILED
        at.bluez.errors = ["DoesNotExist"]  # as good as forgotten, but it must not be listed either
        assert await at.remedies().forget_devices() is Outcome.FAILED


async def test_a_device_that_takes_too_long_to_forget_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FORGET_TIMEOUT_S", 0.0)
    async with scene(tmp_path) as at:
        path = at.bluez.device(1)
        await at.bus.until(lambda: path in at.bus.objects)
        assert await at.remedies().forget_devices() is Outcome.FAILED


async def test_without_a_helper_what_takes_rights_is_not_possible(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        for step in (Step.RESET_ADAPTER, Step.RESTART_BLUETOOTH):
            remedies = at.remedies()
            assert await remedies.take(step) is Outcome.NOT_POSSIBLE
            assert remedies.why == "The recovery helper is not set up."
        remedies = at.remedies(RecoverySocket(tmp_path / "nobody"))
        assert await remedies.reset_adapter() is Outcome.NOT_POSSIBLE
        assert remedies.why == "The recovery helper is not running."
        assert await remedies.take(Step.NEW_SCANNER) is Outcome.NOT_POSSIBLE


@pytest.mark.parametrize("step", [Step.RESET_ADAPTER, Step.RESTART_BLUETOOTH])
async def test_what_the_helper_did_not_do_is_no_success(tmp_path: Path, step: Step) -> None:
    async with scene(tmp_path) as at:
        for answer, outcome in ((NO, Outcome.FAILED), (CANNOT, Outcome.NOT_POSSIBLE), (b"", Outcome.FAILED), (b"[]\n", Outcome.FAILED)):
            place = tmp_path / f"helper-{outcome}-{len(answer)}"
            async with canned_helper(place, answer) as (helper, requests):
                remedies = at.remedies(helper)
                assert await remedies.take(step) is outcome
            assert len(requests) == 1
            assert remedies.why


async def test_a_reset_counts_once_bluez_lists_the_adapter_again(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:

        async def reset() -> None:
            at.bluez.drop(HCI0)
            at.bluez.put(HCI0, ADAPTER, Powered=Variant("b", False))

        async with canned_helper(tmp_path / "helper", DONE, reset) as (helper, requests):
            assert await at.remedies(helper).take(Step.RESET_ADAPTER) is Outcome.OK
        assert requests == [b'{"do": "reset-adapter", "adapter": "hci0"}\n']


async def test_a_reset_after_which_the_adapter_stays_away_is_a_failure(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:

        async def lose() -> None:
            at.bluez.drop(HCI0)

        async with canned_helper(tmp_path / "helper", DONE, lose) as (helper, _):
            remedies = at.remedies(helper)
            assert await remedies.reset_adapter() is Outcome.FAILED
        assert remedies.why == "hci0 was reset and did not come back."


async def test_a_reset_whose_effect_shows_late_is_waited_for(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:

        async def lose() -> None:
            asyncio.get_running_loop().call_later(0.05, at.bluez.drop, HCI0)

        async with canned_helper(tmp_path / "helper", DONE, lose) as (helper, _):
            assert await at.remedies(helper).reset_adapter() is Outcome.FAILED


async def test_a_restart_counts_once_the_service_ended_and_came_back(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:

        async def restart() -> None:
            await at.bluez.go()
            await at.bluez.come()

        async with canned_helper(tmp_path / "helper", DONE, restart) as (helper, requests):
            assert await at.remedies(helper).take(Step.RESTART_BLUETOOTH) is Outcome.OK
        assert requests == [b'{"do": "restart-bluetooth"}\n']
        assert at.bus.present


async def test_a_restart_that_did_not_end_or_did_not_bring_back_the_service_is_a_failure(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        async with canned_helper(tmp_path / "nothing", DONE) as (helper, _):
            remedies = at.remedies(helper)
            assert await remedies.restart_bluetooth() is Outcome.FAILED
            assert remedies.why == "The service did not end."
        async with canned_helper(tmp_path / "end", DONE, at.bluez.go) as (helper, _):
            remedies = at.remedies(helper)
            assert await remedies.restart_bluetooth() is Outcome.FAILED
            assert remedies.why == "The service did not come back."
        async with canned_helper(tmp_path / "begin", DONE, at.bluez.come) as (helper, _):
            assert await Remedies(at.bus, "", helper, tmp_path).restart_bluetooth() is Outcome.OK  # nothing had to end


async def test_the_service_is_not_restarted_for_an_adapter_that_the_kernel_does_not_have(tmp_path: Path) -> None:
    async with scene(tmp_path) as at, canned_helper(tmp_path / "helper", DONE) as (helper, requests):
        for path in ("/org/bluez/hci5", ""):
            if not path:
                (tmp_path / "sys/class/bluetooth/hci0").unlink()
            assert await Remedies(at.bus, path, helper, tmp_path).restart_bluetooth() is Outcome.NOT_POSSIBLE
        assert requests == []
