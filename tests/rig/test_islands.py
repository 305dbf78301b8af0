"""Two islands out of each other's reach, two real gateways with real bluetoothd between them, and phones that talk."""

from collections.abc import AsyncIterator
from itertools import permutations

import pytest
import pytest_asyncio

from tests.rig.site_scene import Islands, islands

pytestmark = [pytest.mark.rig, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1_800)]

NORTH, SOUTH = ("Ada", "Bela"), ("Chen", "Dina")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[1, 2], ids=["one-adapter", "two-adapters"])
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Islands]:
    async with islands(request.param) as both:
        yield both


@pytest_asyncio.fixture(loop_scope="module")
async def empty(scene: Islands) -> AsyncIterator[Islands]:
    """The islands, and nobody on them."""
    yield scene
    await scene.clear()


@pytest.mark.parametrize("role", ["central", "peripheral", "both"])
async def test_what_phones_say_and_whisper_crosses_from_island_to_island_once(empty: Islands, role: str) -> None:
    scene = empty
    for site, names in ((scene.north, NORTH), (scene.south, SOUTH)):
        for name, platform in zip(names, ("ios", "android"), strict=True):
            await scene.add(site, name, platform=platform, role=role)
            await scene.wait(lambda: scene.linked(name), 60, f"a link of {name}")  # noqa: B023 -- awaited here
    await scene.acquainted()
    names = (*NORTH, *SOUTH)
    for name in names:
        await scene.air.phone("say", name=name, text=f"{name} to all, as {role}")
    for name, to in permutations(names, 2):
        await scene.air.phone("whisper", name=name, to=to)
    report = await scene.settled()
    assert (report["lost"], report["duplicates"]) == (0, 0), report
    assert report["messages"] == 4 + 12
    if role != "both":
        for name in names:
            assert {link["role"] for link in await scene.linked(name)} == {role}
    for phone in (await scene.air.phone("status"))["phones"]:
        assert not phone["fault"]
        assert phone["counters"].get("pairing_asked", 0) == 0
        assert phone["counters"].get("heard_names", 0) == 0
        assert phone["counters"].get("long_writes_refused", 0) == 0
    assert not await scene.refused()
    print(f"\n{role}: {report['messages']} messages, p50 {report['p50_ms']} ms, p99 {report['p99_ms']} ms, max {report['max_ms']} ms")


async def test_the_gateways_run_without_group_and_capability(scene: Islands) -> None:
    for site in scene:
        rights = site.rights()
        assert rights["Uid"].split() == ["65534"] * 4
        assert rights["Groups"] == ""
        assert int(rights["CapEff"], 16) == int(rights["CapPrm"], 16) == 0
