"""``meshgate audit`` at a real gateway: what was changed is there, by which way, and over a restart."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.app.processes import free_port, meshgate, until, write_site

pytestmark = pytest.mark.timeout(60)


async def command(*arguments: object) -> tuple[int, str, str]:
    async with meshgate(*arguments) as process:
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_what_was_changed_is_listed_with_the_way_it_came_and_is_there_after_a_restart(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut", listen=(f"/ip4/127.0.0.1/tcp/{free_port()}",))
    which = ("--config", config)
    async with meshgate("run", "--simulate", 1, *which) as gateway:
        await until(config, lambda seen: bool(seen["mesh"]["peers"]))
        code, made, _ = await command("federation", "invite", "--json", *which)
        assert code == 0
        gateway.send_signal(signal.SIGHUP)
        await until(config, lambda seen: seen["uptime_s"] > 0)
        first = await until_listed(which, "configuration_reloaded")
        gateway.send_signal(signal.SIGTERM)
        await gateway.wait()
    async with meshgate("run", "--simulate", 0, *which):
        await until(config, lambda _: True)
        second = await until_listed(which, "gateway_started", times=2)
        code, text, _ = await command("audit", *which)
        short = await command("audit", "--last", 1, *which)
    assert [(one["actor"], one["action"], one["uid"]) for one in reversed(first["changes"])] == [
        ("system", "gateway_started", None),
        ("configuration", "bridge_opened", None),
        ("control_socket", "member_invited", os.getuid()),
        ("system", "configuration_reloaded", None),
    ]
    assert second["changes"][-4:] == first["changes"]
    assert all(one["at_ms"] for one in second["changes"])
    assert code == 0
    lines = text.splitlines()
    assert lines[0].split() == ["AT", "BY", "WHAT"]
    assert len(lines) == 1 + len(second["changes"])
    assert f"control_socket, user {os.getuid()}" in text
    assert "A ticket was made on this machine: for 1 gateway" in text
    assert short[1].endswith("There are more: give a larger --last.\n")
    for secret in (json.loads(made)["ticket"], json.loads(made)["code"]):
        assert secret not in json.dumps(second) + text


async def until_listed(which: tuple[object, ...], action: str, *, times: int = 1) -> dict:
    """Ask until an action is in the list so often."""
    for _ in range(20):
        code, out, err = await command("audit", "--json", *which)
        assert code == 0, err
        found = json.loads(out)
        if sum(one["action"] == action for one in found["changes"]) >= times:
            return found
    raise AssertionError(found)


async def test_without_a_gateway_the_exit_code_is_5_and_without_sense_2(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    assert (await command("audit", "--config", config))[0] == 5
    for wrong in ("0", "201", "many"):
        assert (await command("audit", "--last", wrong, "--config", config))[0] == 2
