"""What virtual time cannot show, because nothing is ever too slow in it: bursts, their order, and the loss of the bus under way."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.rig.guest import dbus_daemon
from tests.rig.site_scene import Islands, islands

BURST = 40  # messages in one go, more than any queue on the way to a phone holds
SETTLE_S = 120.0
NORTH = (("Ada", "ios", "central"), ("Bela", "android", "peripheral"))
SOUTH = (("Chen", "ios", "both"),)
EVERYBODY = ("Ada", "Bela", "Chen")

pytestmark = [pytest.mark.rig, pytest.mark.realtime, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene() -> AsyncIterator[Islands]:
    async with islands(1) as both:
        await both.air.link("Ada", "Bela", up=False)  # so that the gateway carries every word
        for site, people in ((both.north, NORTH), (both.south, SOUTH)):
            for name, platform, role in people:
                await both.add(site, name, platform=platform, role=role)
        await both.acquainted()
        yield both


class TestRealTime:
    """Two islands, and the guest's clock is the machine's."""

    async def test_a_burst_of_private_messages_arrives_in_its_order(self, scene: Islands) -> None:
        await scene.air.phone("books")
        sent = {sender: [await self.whisper(scene, sender, "Chen") for _ in range(BURST)] for sender in ("Ada", "Bela")}
        back = [await self.whisper(scene, "Chen", "Ada") for _ in range(BURST)]
        await self.nothing_is_missing(scene)
        for sender, expected in sent.items():
            assert await self.heard(scene, "Chen", sender) == expected
        assert await self.heard(scene, "Ada", "Chen") == back

    async def test_a_burst_to_everybody_arrives_once_everywhere(self, scene: Islands) -> None:
        await scene.air.phone("books")
        for number in range(BURST):
            await scene.air.phone("say", name=EVERYBODY[number % 3], expected=EVERYBODY)
        await self.nothing_is_missing(scene)

    async def test_what_is_said_after_the_bus_was_killed_arrives_and_nobody_restarted_anything(self, scene: Islands) -> None:
        pids = [site.pid for site in scene]
        before = [recoveries(await site.until(lambda _status: True)) for site in scene]
        dbus_daemon.kill()
        for site, count in zip(scene, before, strict=True):
            await site.until(lambda status: recoveries(status) > count)  # noqa: B023 -- awaited here
        for name in EVERYBODY:
            await scene.wait(lambda: scene.linked(name), SETTLE_S, f"a link of {name}")  # noqa: B023 -- awaited here
        await scene.acquainted()
        await scene.air.phone("books")
        for name in EVERYBODY:
            for _ in range(5):
                await scene.air.phone("say", name=name, expected=EVERYBODY)
        await self.whisper(scene, "Ada", "Chen")
        await self.whisper(scene, "Chen", "Bela")
        await self.nothing_is_missing(scene)
        assert [site.pid for site in scene] == pids
        assert not any(site.ended for site in scene)

    async def whisper(self, scene: Islands, name: str, to: str) -> str:
        """Say something to one alone; returns the message's ID."""
        return str((await scene.air.phone("whisper", name=name, to=to))["id"])

    async def heard(self, scene: Islands, name: str, sender: str) -> list[str]:
        """The IDs of what one whispered to another since the books were opened, in the order of arrival."""
        peer_id = (await scene.air.phone("status", name=sender))["peer_id"]
        log = (await scene.air.phone("log", name=name))["log"]
        return [entry["message_id"] for entry in log if entry["kind"] == "private" and entry["sender"] == peer_id][-BURST:]

    async def nothing_is_missing(self, scene: Islands) -> None:
        """Wait for everything that is on its way, and a moment more for what comes twice."""
        await scene.settled(SETTLE_S)
        await asyncio.sleep(2.0)
        report = await scene.settled(SETTLE_S)
        print(f"\n{report['messages']} messages, p50 {report['p50_ms']} ms, p99 {report['p99_ms']} ms, max {report['max_ms']} ms")
        assert (report["lost"], report["duplicates"]) == (0, 0), report["missing"]


def recoveries(status: dict[str, Any]) -> int:
    """How often the radio has come back from something."""
    return int(status["transports"]["ble"]["counters"]["recoveries"])
