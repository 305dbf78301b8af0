"""What Policy, Diagnostics and Update ask of a whole gateway on an island of phones, in virtual time (tests.testing.virtual_loop)."""

import asyncio

from gateway.admin.limits import WATCH_S
from gateway.bridge.policy import Action
from gateway.client import Client
from tests.app.test_api import running
from tests.runtime.gateways import play

SHUT = '# nobody leaves\ndefault = "deny"\n'


def test_other_rules_are_in_force_with_the_answer(tmp_path) -> None:
    async def scene() -> None:
        async with running(tmp_path) as (site, _):
            client = Client(site.socket)
            before = await client.rules_file()
            assert before.text == ""
            seen = await client.change_rules(SHUT, before.tag, dry_run=True)
            assert site.gateway.engine.gate.policy.default is Action.ALLOW
            done = await client.change_rules(SHUT, before.tag)
            assert (seen.diff, done.words) == (done.diff, seen.words)
            assert site.gateway.engine.gate.policy.default is Action.DENY
            assert (await client.rules_file()).text == SHUT

    play(scene)


def test_frames_are_seen_while_somebody_looks_and_the_pump_is_left_alone_after_that(tmp_path) -> None:
    async def scene() -> None:
        async with running(tmp_path) as (site, _):
            client = Client(site.socket)
            assert site.gateway._pump.watch is None
            assert (await client.frames()).frames == ()
            await client.send("Soup at six")
            await asyncio.sleep(20)
            found = await client.frames()
            assert {"announce", "message"} <= {one.kind for one in found.frames}
            assert {one.way for one in found.frames} == {"in", "out"}
            assert not [one for one in found.frames if one.sender]
            assert found.passed >= len(found.frames)
            await asyncio.sleep(WATCH_S + 1)
            assert site.gateway._pump.watch is None

    play(scene)


def test_the_installed_version_is_told(tmp_path) -> None:
    async def scene() -> None:
        async with running(tmp_path) as (site, _):
            assert (await Client(site.socket).updates()).version

    play(scene)
