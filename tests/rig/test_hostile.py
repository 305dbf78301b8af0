"""Strangers who mean harm beside honest phones: caps hold, honest links keep their latency, memory stays flat."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from gateway.limits import MAX_LINKS
from tests.rig.site_scene import Islands, islands

TALK_S = 60.0
SETTLE_S = 90.0
GROWTH = 6 << 20  # bytes a gateway may grow by one attack: its caps for strangers are filled once
SLOWER = 2.0  # times the 99th percentile of the latency without strangers
CONTROLLER_LINKS = 8

pytestmark = [pytest.mark.rig, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(3_600)]

CENTRALS: list[tuple[str, dict[str, Any], int]] = [
    ("every_length", {}, 1),
    ("flood", {"what": "noise"}, 1),
    ("flood", {"what": "duplicates"}, 2),
    ("flood", {"what": "announces"}, 1),
    ("flood", {"what": "halves"}, 1),
    ("hit_and_run", {"times": 300, "every": 0.1}, 1),
    ("squat", {}, 3),
    ("squat", {"subscribes": True}, 3),
    ("never_reads", {}, 1),
]
PERIPHERALS: list[tuple[str, dict[str, Any], int]] = [
    ("no_service", {}, 2),
    ("no_characteristic", {}, 1),
    ("absurd", {"every": 0.2}, 2),
    ("thousand_addresses", {"every": 0.1}, 1),
    ("silent_server", {}, 2),
    ("shouter", {}, 2),
    ("small_mtu", {}, 1),
]


@dataclass
class Scene:
    """Two gateways with three honest phones, and what is normal for them."""

    islands: Islands
    normal_p99: float = 0.0  # milliseconds


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene() -> AsyncIterator[Scene]:
    async with islands(1) as both:
        await both.air.link("Ada", "Bela", up=False)  # so that the gateway carries every word
        await both.add(both.north, "Ada", platform="ios", role="central")
        await both.add(both.north, "Bela", platform="android", role="peripheral")
        await both.add(both.south, "Chen", platform="ios")
        await both.acquainted()
        here = Scene(both)
        here.normal_p99 = max([(await talk(here))["p99_ms"] for _ in range(3)])
        print(f"\nwithout strangers: p99 {here.normal_p99} ms")
        yield here


async def talk(scene: Scene) -> dict[str, Any]:
    """Let the honest phones talk for a while; returns the report."""
    air = scene.islands.air
    await air.phone("books")
    await air.phone("talk", seconds=TALK_S, say_every=3.0, whisper_every=3.0)
    await asyncio.sleep(TALK_S)
    await air.phone("hush")
    return await scene.islands.settled(SETTLE_S)


@pytest.mark.parametrize(("kind", "options", "count"), [*CENTRALS, *PERIPHERALS], ids=str)
async def test_honest_phones_notice_nothing_of(scene: Scene, kind: str, options: dict[str, Any], count: int) -> None:
    both = scene.islands
    north, air = both.north, both.air
    before = await north.status()
    pid, rss = north.pid, north.rss
    assert before is not None
    strangers = [f"Eve {number}" for number in range(count)]
    await air.island("north", *strangers)
    downs = await honest_downs(both)
    for stranger in strangers:
        await air.phone("attack", name=stranger, kind=kind, target="hci0", options=options)
    await asyncio.sleep(10.0)
    report = await talk(scene)
    links = len((await air.stations())["hci0"]["links"])
    did = [await air.phone("relent", name=stranger) for stranger in strangers]
    after = await north.status()
    assert after is not None
    grown = north.rss - rss
    ratio = report["p99_ms"] / scene.normal_p99
    lost_links = await honest_downs(both) - downs
    print(f"\n{kind} {options}: p99 {report['p99_ms']} ms ({ratio:.2f} x), {grown / 1e6:+.1f} MB, honest links lost {lost_links}, {did}")
    assert (report["lost"], report["duplicates"]) == (0, 0), report["missing"]
    assert ratio <= SLOWER
    assert grown < GROWTH
    assert lost_links == 0
    assert links <= CONTROLLER_LINKS
    assert after["mesh"]["links"] <= MAX_LINKS
    assert north.pid == pid
    assert not north.ended
    assert not after["problems"]
    assert steps(after) == steps(before), "the radio was taken for broken"
    await both.wait(lambda: both.linked("Ada"), 60, "a link of Ada")
    await both.wait(lambda: both.linked("Bela"), 60, "a link of Bela")


@pytest.mark.parametrize("whose", ["the gateway's own", "a phone's"])
async def test_a_false_tag_keeps_nobody_out(scene: Scene, whose: str) -> None:
    both = scene.islands
    air = both.air
    phones = {phone["name"]: phone for phone in (await air.phone("status"))["phones"]}
    status = await both.north.status()
    assert status is not None
    tag = status["peer_id"] if whose == "the gateway's own" else phones["Bela"]["peer_id"]
    await air.island("north", "Eve")
    await air.phone("attack", name="Eve", kind="false_tag", options={"tag": tag})
    report = await talk(scene)
    did = await air.phone("relent", name="Eve")
    print(f"\ntag of {whose}: p99 {report['p99_ms']} ms, {did}")
    assert (report["lost"], report["duplicates"]) == (0, 0), report["missing"]
    assert did.get("called", 0) == 0


async def honest_downs(both: Islands) -> int:
    """Links of honest phones with the gateway that went down so far."""
    diaries = await both.air.phone("diary")
    return sum(station == "hci0" and not up for diary in diaries.values() for _, _, station, up, _ in diary)


def steps(status: dict[str, Any]) -> dict[str, int]:
    """How often each step of the recovery ladder was taken, but for the harmless first."""
    counters = status["transports"]["ble"]["counters"]
    return {name: count for name, count in counters.items() if name.startswith("step_") and name != "step_new_scanner"}
