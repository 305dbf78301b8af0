"""``meshgate run`` with the real radio's transport: what it says of a machine whose Bluetooth is amiss, and that it goes on."""

import signal
from pathlib import Path

import pytest

from hw.clock import vouched_by
from tests.app.processes import meshgate, until, write_site
from tests.doctor.adapters import able_bluez
from tests.hw.private_bus import bus, needs_daemon

pytestmark = pytest.mark.timeout(60)

NO_BUS = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere/bus"}
NOT_SET = "The clock of this gateway is not set, so phones would ignore it."


async def test_without_bluetooth_it_says_so_what_to_do_and_serves_the_rest(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    async with meshgate("run", "--config", config, env=NO_BUS) as gateway:
        status = await until(config, lambda seen: bool(seen["problems"]))
        (problem,) = status["problems"]
        assert status["sentence"] == problem["sentence"]
        assert "D-Bus" in problem["sentence"]
        assert problem["remedy"]
        assert status["transports"]["ble"]["state"] == "down"
        gateway.send_signal(signal.SIGTERM)
        _, err = await gateway.communicate()
    assert gateway.returncode == 0
    assert err.decode().count(problem["sentence"]) == 1


async def test_a_radio_that_is_switched_off_in_the_configuration_is_no_problem(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut", radio={"enabled": False})
    async with meshgate("run", "--config", config, env=NO_BUS):
        status = await until(config, lambda _: True)
    assert not status["problems"]
    assert "ble" not in status["transports"]


async def test_while_nobody_vouches_for_the_clock_that_is_a_problem_of_its_own(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut", radio={"clock": "auto"})
    async with meshgate("run", "--config", config, env=NO_BUS):
        status = await until(config, lambda seen: "ble" in seen["transports"])
    told = [problem["sentence"] for problem in status["problems"]]
    assert (NOT_SET in told) is (vouched_by() is None)


async def test_a_simulated_island_needs_nobody_to_vouch(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut", radio={"clock": "auto"})
    async with meshgate("run", "--simulate", 1, "--config", config, env=NO_BUS):
        status = await until(config, lambda seen: bool(seen["mesh"]["peers"]))
    assert not status["problems"]


@needs_daemon
async def test_bluetooth_that_comes_later_is_used_without_a_restart(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    async with bus(tmp_path) as address, meshgate("run", "--config", config, env={"DBUS_SYSTEM_BUS_ADDRESS": address}):
        status = await until(config, lambda seen: bool(seen["problems"]))
        assert "not running" in status["sentence"]
        async with able_bluez(address):
            await until(config, lambda seen: not any("not running" in problem["sentence"] for problem in seen["problems"]))
        await until(config, lambda seen: any("not running" in problem["sentence"] for problem in seen["problems"]))


@needs_daemon
async def test_a_scan_without_a_gateway_says_why_it_cannot(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    async with meshgate("radio", "scan", "--seconds", 1, "--config", config, env=NO_BUS) as process:
        out, err = await process.communicate()
    assert (process.returncode, out) == (3, b"")
    assert b"D-Bus" in err
