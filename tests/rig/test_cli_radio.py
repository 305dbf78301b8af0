"""``meshgate doctor`` and ``meshgate radio`` beside a real bluetoothd, as a user without any right."""

import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.rig.air_client import AirClient
from tests.rig.site_scene import ADDRESS, NOBODY, Site

pytestmark = [pytest.mark.rig, pytest.mark.timeout(900)]


@contextlib.asynccontextmanager
async def hut() -> AsyncIterator[tuple[Site, AirClient]]:
    """A gateway that is configured and does not run yet, with one adapter, alone on its island."""
    directory = Path(tempfile.mkdtemp(prefix="hut-"))
    os.chmod(directory, 0o755)  # noqa: PTH101, S103 - for nobody to pass through, and nothing else runs meanwhile
    async with AirClient() as air:
        await air.island("hut", 0)
        site = Site("hut", directory / "hut", [ADDRESS.format(0)])
        site.configure()
        try:
            yield site, air
        finally:
            await site.stop()
            await air.island(None, 0)
            shutil.rmtree(directory)


@contextlib.asynccontextmanager
async def phone(air: AirClient, name: str, **options: Any) -> AsyncIterator[str]:
    """A phone near the hut; gives its peer ID."""
    await air.island("hut", name)
    try:
        yield (await air.phone("add", name=name, **options))["peer_id"]
    finally:
        await air.phone("remove", name=name)


async def meshgate(site: Site, *arguments: object) -> tuple[int | None, str, str]:
    """Run a command as nobody; returns exit code, stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).parent / "meshgate",
        *map(str, (*arguments, "--config", site.directory / "config.toml")),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        cwd="/",
        env={"PATH": os.environ["PATH"], "HOME": str(site.directory), "PYTHONDONTWRITEBYTECODE": "1"},
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def document(site: Site, *arguments: object) -> tuple[int | None, Any]:
    """Run a command for a program; returns exit code and what it printed."""
    code, out, err = await meshgate(site, *arguments, "--json")
    assert out, err
    return code, json.loads(out)


async def verdicts(site: Site) -> dict[str, str]:
    """What the doctor says of everything but the adapters that are not the hut's, by check."""
    _, found = await document(site, "doctor")
    return {one["check"]: one["verdict"] for one in found["findings"] if one["subject"] in {"", "hci0"}}


async def test_the_doctor_sees_as_nobody_what_a_real_bluez_can_do() -> None:
    async with hut() as (site, _):
        code, found = await document(site, "doctor")
    said = {one["check"]: one for one in found["findings"]}
    well = ("service", "rights", "power", "roles", "advertising", "busy")
    assert {name: said[f"radio.{name}"]["verdict"] for name in well} == dict.fromkeys(well, "ok")
    assert said["radio.service"]["sentence"].startswith("The Bluetooth service (BlueZ 5.")
    assert {said[f"bluez.{name}"]["verdict"] for name in ("version", "settings", "battery", "Cache", "Channels", "ControllerMode")} == {
        "ok"
    }
    assert said["recovery"]["verdict"] == "warn"
    assert (code, found["counts"]["fail"]) == (0, 0)
    assert ADDRESS.format(0) not in json.dumps(found)


async def test_another_program_that_searches_is_told_of_and_the_gateway_itself_is_not() -> None:
    async with hut() as (site, _):
        listening = asyncio.create_task(meshgate(site, "radio", "scan", "--seconds", 40))
        for _ in range(20):
            await asyncio.sleep(1)
            if (await verdicts(site))["radio.busy"] == "warn":
                break
        else:
            pytest.fail("nobody was seen searching")
        assert (await listening)[0] == 0
        await site.start()
        await site.until(lambda status: status["transports"]["ble"]["state"] == "up")
        assert (await verdicts(site))["radio.busy"] == "ok"


async def test_a_scan_hears_phones_with_and_without_a_gateway_and_names_nobody_unasked() -> None:
    async with hut() as (site, air), phone(air, "ada", platform="android") as ada, phone(air, "ben", platform="ios"):
        _, found = await document(site, "radio", "scan", "--seconds", 10)
        assert sorted(one["shows_peer_id"] for one in found["heard"]) == [False, True]
        assert all(one["is_random"] and one["peer_id"] is None for one in found["heard"])
        _, found = await document(site, "radio", "scan", "--seconds", 10, "--peer-ids")
        assert [one["peer_id"] for one in found["heard"] if one["shows_peer_id"]] == [ada]

        await site.start()
        await site.until(lambda status: status["transports"]["ble"]["links"] >= 2)
        code, out, _ = await meshgate(site, "radio", "scan", "--seconds", 10)
        assert (code, ada in out) == (0, False)
        _, found = await document(site, "radio", "scan", "--seconds", 10, "--peer-ids")
        assert {one["adapter"] for one in found["heard"]} <= {"hci0"}


async def test_links_are_shown_and_come_back_after_a_reset() -> None:
    async with hut() as (site, air), phone(air, "ada", platform="android") as ada:
        await site.start()
        await site.until(lambda status: any(peer["peer_id"] == ada for peer in status["mesh"]["peers"]))
        _, shown = await document(site, "radio", "links")
        (adapter,) = shown["adapters"]
        assert (adapter["name"], adapter["state"], len(adapter["links"])) == ("hci0", "up", 1)
        assert adapter["links"][0]["mtu"] >= 100
        code, out, _ = await meshgate(site, "radio", "links")
        assert code == 0
        assert "ble:" in out
        assert ada not in out
        assert ":F0" not in out.upper()

        code, result = await document(site, "radio", "reset")
        assert (code, result["done"]) == (0, True), result
        await site.until(lambda status: status["transports"]["ble"]["links"] >= 1)
        _, shown = await document(site, "radio", "links")
        assert [(one["step"], one["symptom"], one["outcome"]) for one in shown["adapters"][0]["history"]] == [("power_cycle", None, "ok")]

        code, result = await document(site, "radio", "reset", "--step", "restart-bluetooth")
        assert (code, result["done"]) == (1, False)
        assert "not possible" in result["sentences"][0]


async def test_without_a_gateway_links_and_reset_say_so() -> None:
    async with hut() as (site, _):
        for verb in ("links", "reset"):
            code, error = await document(site, "radio", verb)
            assert (code, error["error"]["code"]) == (5, "unreachable")
