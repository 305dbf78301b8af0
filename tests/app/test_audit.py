"""``meshgate audit`` at a real gateway: what was changed is there, by which way, and over a restart."""

import json
import os
import signal
from pathlib import Path

import pytest

from gateway.admin.audit import AuditDocument
from gateway.admin.client import get_audit, invite
from gateway.admin.federation import InviteRequest
from tests.app.processes import free_port, meshgate, until, write_site

pytestmark = pytest.mark.timeout(90)


async def command(*arguments: object) -> tuple[int, str, str]:
    async with meshgate(*arguments) as process:
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_what_was_changed_is_listed_with_the_way_it_came_and_is_there_after_a_restart(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut", listen=(f"/ip4/127.0.0.1/tcp/{free_port()}",))
    socket, which = tmp_path / "hut" / "control.sock", ("--config", config)
    async with meshgate("run", "--simulate", 1, *which) as gateway:
        await until(config, lambda seen: bool(seen["mesh"]["peers"]))
        made = await invite(socket, InviteRequest())
        gateway.send_signal(signal.SIGHUP)
        first = await until_listed(socket, "configuration_reloaded")
        gateway.send_signal(signal.SIGTERM)
        await gateway.wait()
    async with meshgate("run", "--simulate", 0, *which):
        await until(config, lambda _: True)
        code, text, _ = await command("audit", *which)
        second = await get_audit(socket, 50)
        code_of_one, one, _ = await command("audit", "--last", 1, "--json", *which)
    assert [(change.actor, change.action, change.uid) for change in reversed(first.changes)] == [
        ("system", "gateway_started", None),
        ("configuration", "bridge_opened", None),
        ("control_socket", "member_invited", os.getuid()),
        ("system", "configuration_reloaded", None),
    ]
    assert second.changes[-4:] == first.changes
    assert [change.action for change in second.changes[:-4]] == ["bridge_opened", "gateway_started"]
    assert all(change.at_ms for change in second.changes)
    assert (code, code_of_one) == (0, 0)
    lines = text.splitlines()
    assert lines[0].split() == ["AT", "BY", "WHAT"]
    assert len(lines) == 1 + len(second.changes)
    assert f"control_socket, user {os.getuid()}" in text
    assert "A ticket was made on this machine: for 1 gateway" in text
    assert [change["action"] for change in json.loads(one)["changes"]] == ["bridge_opened"]
    for secret in (made.ticket, made.code):
        assert secret not in repr(second) + text


async def until_listed(socket: Path, action: str) -> AuditDocument:
    """Ask until an action is in the list."""
    for _ in range(1_000):
        found = await get_audit(socket, 50)
        if any(change.action == action for change in found.changes):
            return found
    raise AssertionError(found)


async def test_without_a_gateway_the_exit_code_is_5_and_without_sense_2(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    assert (await command("audit", "--config", config))[0] == 5
    assert (await command("audit", "--last", "201", "--config", config))[0] == 2
