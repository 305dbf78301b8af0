"""The steps of the recovery ladder against a real bluetoothd, taken by a user without any right."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from hw.bluez.adapters import DEVICE, devices, list_adapters, power
from hw.bluez.bus import BluezBus
from hw.bluez.errors import BluezError
from hw.bluez.remedies import Remedies
from hw.bluez.steps import Outcome, Step
from tests.rig.peripheral_scene import PATIENCE_S, find, phone, serving

pytestmark = [
    pytest.mark.rig,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # bleak never closes its connection to the bus
]

NOBODY = 65534
HCI0 = "/org/bluez/hci0"
SOCKET = Path("/run/rig/recover.sock")
PID = Path("/run/rig/bluetoothd.pid")
ROOT = Path(__file__).parent.parent.parent


async def take(step: Step, adapter: str, *socket: Path, user: int = NOBODY) -> dict[str, Any]:
    """Take a step in a process of an ordinary user without groups."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.rig.recovery_step", step, adapter, *map(str, socket)),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": "/", "PYTHONDONTWRITEBYTECODE": "1"},
        user=user,
        group=user,
        extra_groups=[],
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    result: dict[str, Any] = json.loads(out)
    return result


@asynccontextmanager
async def bluez() -> AsyncIterator[BluezBus]:
    bus = await BluezBus.connect()
    try:
        assert await bus.until(lambda: len(list_adapters(bus)) >= 2 and all(a.powered for a in list_adapters(bus)), PATIENCE_S)
        yield bus
    finally:
        await bus.close()


@asynccontextmanager
async def recovery_helper() -> AsyncIterator[list[str]]:
    """Run the helper as root for nobody, with the machine's own sysfs and a stand-in for systemctl; gives what it logs, at the end."""
    program = Path(__file__).parent.parent / "hw/recover_process.py"
    log: list[str] = []
    clear_away()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, program, "/", Path(__file__).parent / "systemctl", "{}", "0", "--allow-user", str(NOBODY), "--socket", SOCKET),
        stderr=PIPE,
        env={"PATH": os.environ["PATH"]},
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not is_listening():  # noqa: ASYNC110 - it is another process that makes it
                await asyncio.sleep(0.1)
        yield log
    finally:
        process.terminate()
        log += (await process.stderr.read()).decode().splitlines()
        await process.wait()


def clear_away() -> None:
    """The last helper was killed, and left its socket behind."""
    SOCKET.unlink(missing_ok=True)


def is_listening() -> bool:
    return SOCKET.exists()


def bluetoothd() -> int:
    """Its process, as its keeper wrote it down."""
    return int(PID.read_text())


def open_to_everybody() -> None:
    SOCKET.chmod(0o666)


def soft_switch(adapter: str) -> Path:
    """The file of an adapter's rfkill switch."""
    return next(place / "soft" for place in Path("/sys/class/rfkill").iterdir() if (place / "name").read_text().strip() == adapter)


async def test_an_ordinary_user_switches_an_adapter_off_and_on() -> None:
    async with bluez() as bus:
        seen: list[Any] = []
        bus.watch(lambda change: seen.append(change.values["Powered"]) if change.path == HCI0 and "Powered" in change.values else None)
        result = await take(Step.POWER_CYCLE, "hci0")
        assert (result["outcome"], result["powered"]) == ("ok", [False, True])
        assert await bus.until(lambda: seen == [False, True], PATIENCE_S)  # another program sees the same
        assert next(adapter for adapter in list_adapters(bus) if adapter.path == HCI0).powered


async def test_an_adapter_that_somebody_switched_off_is_switched_on() -> None:
    async with bluez() as bus:
        await power(bus, HCI0, on=False)
        assert (await take(Step.POWER_CYCLE, "hci0"))["powered"] == [True]


async def test_a_power_cycle_while_scanning_and_advertising_works_and_both_can_be_had_again() -> None:
    async with bluez(), serving("hci1"):
        await find("hci0")
        result = await take(Step.POWER_CYCLE, "hci0")
        assert result["outcome"] == "ok"
        await find("hci0")


async def test_what_bluez_remembers_of_others_is_forgotten_but_nobody_who_is_connected() -> None:
    async with bluez() as bus, serving("hci1"):
        await find("hci0")
        assert devices(bus, HCI0)
        result = await take(Step.FORGET_DEVICES, "hci0")
        assert result["outcome"] == "ok"
        assert int(result["why"].split()[0]) >= 1
        assert await bus.until(lambda: not devices(bus, HCI0), PATIENCE_S)
        async with phone("hci0") as caller:
            result = await take(Step.FORGET_DEVICES, "hci0")
            assert result["outcome"] == "ok"
            assert [device.connected for device in devices(bus, HCI0)] == [True]
            await caller.write(b"still there", answered=True)


async def test_a_device_that_is_to_be_kept_is_kept() -> None:
    async with bluez() as bus, serving("hci1"):
        device, _ = await find("hci0")
        remedies = Remedies(bus, HCI0)
        assert await remedies.forget_devices({device.details["path"]}) is Outcome.OK
        assert device.details["path"] in bus.objects
        assert await remedies.forget_devices({device.address}) is Outcome.OK
        assert bus.get(device.details["path"], DEVICE, "Address") == device.address


async def test_the_helper_restarts_a_real_bluetoothd_for_its_user_and_the_restart_is_proved() -> None:
    async with bluez() as bus:
        before = bluetoothd()
        async with recovery_helper() as log:
            result = await take(Step.RESTART_BLUETOOTH, "hci0", SOCKET)
        assert (result["outcome"], result["why"]) == ("ok", "")
        assert bluetoothd() != before
        assert await bus.until(lambda: HCI0 in bus.objects, PATIENCE_S)
    assert log[0].startswith("restart-bluetooth for process ")
    assert log[0].endswith(f" of user {NOBODY}")
    assert log[1].startswith("restart-bluetooth: done after ")


async def test_a_bluetoothd_that_hangs_is_killed_and_comes_back() -> None:
    async with bluez() as bus, recovery_helper():
        before = bluetoothd()
        os.kill(before, signal.SIGSTOP)
        try:
            assert await Remedies(bus, HCI0).power_cycle() is Outcome.FAILED
            assert (await take(Step.POWER_CYCLE, "hci0"))["why"] == "BlueZ does not list hci0."  # nor anything else, to a newcomer
            assert (await take(Step.RESTART_BLUETOOTH, "hci0", SOCKET))["outcome"] == "ok"
            assert bluetoothd() != before
            assert await bus.until(lambda: HCI0 in bus.objects, PATIENCE_S)
        finally:
            with suppress(ProcessLookupError):
                os.kill(before, signal.SIGKILL)


async def test_another_user_gets_nothing_done() -> None:
    async with bluez(), recovery_helper() as log:
        before = bluetoothd()
        result = await take(Step.RESTART_BLUETOOTH, "hci0", SOCKET, user=1)
        assert (result["outcome"], result["why"]) == ("not_possible", "The recovery helper does not let this user in.")
        open_to_everybody()
        result = await take(Step.RESTART_BLUETOOTH, "hci0", SOCKET, user=1)
        assert (result["outcome"], result["why"]) == ("not_possible", "This user may not ask for that.")
        assert bluetoothd() == before
    assert [line for line in log if "user 1:" in line]


async def test_a_radio_that_rfkill_blocks_is_recognised_and_with_the_helper_freed() -> None:
    async with bluez() as bus:
        soft_switch("hci0").write_text("1")
        assert await bus.until(lambda: not bus.get(HCI0, "org.bluez.Adapter1", "Powered"), PATIENCE_S)
        with pytest.raises(BluezError):
            await power(bus, HCI0, on=True)
        result = await take(Step.POWER_CYCLE, "hci0")
        assert (result["outcome"], result["blocked"]) == ("not_possible", ["soft", "soft"])
        async with recovery_helper():
            result = await take(Step.POWER_CYCLE, "hci0", SOCKET)
        assert (result["outcome"], result["blocked"], result["why"]) == ("ok", ["soft", None], "")
        assert bus.get(HCI0, "org.bluez.Adapter1", "Powered") is True


async def test_a_virtual_controller_cannot_be_reset_and_that_is_said() -> None:
    async with bluez(), recovery_helper():
        result = await take(Step.RESET_ADAPTER, "hci0", SOCKET)
        assert result["outcome"] == "not_possible"
        assert "neither on USB" in result["why"]
        result = await take(Step.RESET_ADAPTER, "hci9", SOCKET)
        assert (result["outcome"], "no adapter hci9" in result["why"]) == ("not_possible", True)
