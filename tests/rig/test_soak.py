"""A day on two islands with a fault every quarter of an hour: nothing is lost, nothing comes twice, nobody restarts anything.

``RIG_HOURS`` is how long it lasts, in the guest's virtual time (1; a whole day is 24). The table of all faults with
their recovery times is printed and written to build/soak.json, what the phones noted and the gateways said to build/soak-diaries.json.
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from hw.bluez.adapters import list_adapters, power
from hw.bluez.bus import BluezBus
from tests.rig.site_scene import Islands, Site, islands
from tests.rig.soak_schedule import Fault, Planned, Struck, plan, recovery, summary, table, unexplained

HOURS = float(os.environ.get("RIG_HOURS", "1"))
ADAPTERS = int(os.environ.get("RIG_SOAK_ADAPTERS", "1"))
ROTATE_S = 900.0  # phones change their address so often
SETTLE_S = 900.0
GROWTH = 24 << 20  # bytes a gateway may grow between its first half hour and the end
NEVER_S = float("inf")
PACE = {"advertise_ms": 500.0, "scan_on": 2.0, "scan_off": 8.0, "enough": 4}
PEOPLE = {"north": ("Ada", "Bela"), "south": ("Chen", "Dina")}
BUILD = Path(__file__).parent.parent.parent / "build"

pytestmark = [pytest.mark.rig, pytest.mark.timeout(HOURS * 3600 + 7_200)]


@pytest_asyncio.fixture
async def scene() -> AsyncIterator[Islands]:
    async with islands(ADAPTERS) as both:
        for site in both:
            for name, platform in zip(PEOPLE[site.name], ("ios", "android"), strict=True):
                await both.add(site, name, platform=platform, pace=PACE)
        await both.acquainted()
        yield both


async def test_nothing_is_lost_and_nothing_comes_twice_whatever_befalls_the_radios(scene: Islands) -> None:
    soak = Soak(scene)
    await soak.run()
    report = await scene.settled(SETTLE_S)
    result = await soak.result(report)
    print("\n" + table(soak.struck))
    print(json.dumps({key: value for key, value in result.items() if key != "faults"}, indent=1))
    write("soak.json", result)
    assert (report["lost"], report["duplicates"]) == (0, 0), (report["missing"], report["repeated"])
    assert not [row for row in soak.struck if row.recovery_s is None], "a phone was never linked again"
    for site in scene:
        assert not site.ended
        assert site.pid == soak.pids[site.name]
        assert site.rss - soak.rss[site.name] < GROWTH
    for phone in (await scene.air.phone("status"))["phones"]:
        assert not phone["fault"]


class Soak:
    """The faults of one run, and what they did."""

    def __init__(self, scene: Islands) -> None:
        self.scene = scene
        self.struck: list[Struck] = []
        self.pids = {site.name: site.pid for site in scene}
        self.rss: dict[str, int] = {}
        self._strikes: list[tuple[Planned, float, float]] = []  # planned, began, ended: unix seconds
        self._began = time.time()

    async def run(self) -> None:
        """Let people talk for the whole time, and strike when it is time."""
        planned = plan(HOURS, Random("soak"))
        everybody = [name for names in PEOPLE.values() for name in names]
        await self.scene.air.phone("talk", names=everybody, seconds=HOURS * 3600, say_every=300.0, whisper_every=240.0)
        rotating = asyncio.create_task(self._rotate(everybody))
        for one in planned:
            await asyncio.sleep(max(0.0, self._began + one.at - time.time()))
            if not self.rss and (one.at > 1_800 or one is planned[-1]):
                self.rss = {site.name: site.rss for site in self.scene}
            began = time.time()
            await self._strike(one)
            self._strikes.append((one, began, time.time()))
        await asyncio.sleep(max(0.0, self._began + HOURS * 3600 - time.time()))
        rotating.cancel()
        await asyncio.gather(rotating, return_exceptions=True)
        await self.scene.air.phone("hush")

    async def result(self, report: dict[str, Any]) -> dict[str, Any]:
        """Work out what every fault did, and sum up."""
        diaries = await self.scene.air.phone("diary")
        phones = (await self.scene.air.phone("status"))["phones"]
        said = {site.name: site.said for site in self.scene}
        write("soak-diaries.json", {"began": self._began, "diaries": diaries, "phones": phones, "said": said})
        ends = [began for _, began, _ in self._strikes[1:]] + [NEVER_S]
        for (one, began, ended), until in zip(self._strikes, ends, strict=True):
            names = PEOPLE[one.site] if one.fault not in (Fault.BLUEZ, Fault.BUS) else [name for names in PEOPLE.values() for name in names]
            stations = [f"hci{socket}" for socket in range(2 * ADAPTERS)]
            lost, after = recovery({name: diaries[name] for name in names}, stations, began, ended, until)
            self.struck.append(Struck(one.fault, one.site, began - self._began, ended - began, lost, after))
        statuses = {site.name: await site.status() for site in self.scene}
        stations = [f"hci{socket}" for socket in range(2 * ADAPTERS)]
        return {
            "hours": HOURS,
            "adapters_per_gateway": ADAPTERS,
            "messages": {
                key: report[key]
                for key in ("messages", "expected", "delivered", "lost", "duplicates", "p50_ms", "p95_ms", "p99_ms", "max_ms")
            },
            "recovery": summary(self.struck),
            "links_lost_without_a_fault": unexplained(diaries, stations, [(began, ended) for _, began, ended in self._strikes]),
            "memory_mb": {site.name: [round(self.rss[site.name] / 1e6, 1), round(site.rss / 1e6, 1)] for site in self.scene},
            "radio": {
                name: {key: count for key, count in status["transports"]["ble"]["counters"].items() if count}
                for name, status in statuses.items()
                if status is not None
            },
            "faults": [row.to_json() for row in self.struck],
        }

    async def _rotate(self, names: list[str]) -> None:
        while True:
            for name in names:
                await asyncio.sleep(ROTATE_S / len(names))
                await self.scene.air.phone("rotate", name=name)

    async def _strike(self, one: Planned) -> None:
        site = self.scene.north if one.site == "north" else self.scene.south
        sockets = self._sockets(site)
        match one.fault:
            case Fault.BLUEZ:
                kill("bluetoothd")
            case Fault.BUS:
                kill("dbus-daemon")
            case Fault.RANGE:
                people = list(PEOPLE[site.name])
                await self.scene.air.link(sockets, people, up=False)
                await asyncio.sleep(one.lasts)
                await self.scene.air.link(sockets, people, up=True)
            case Fault.UNPLUG:
                for socket in sockets:
                    await self.scene.air.unplug(socket)
                await asyncio.sleep(one.lasts)
                for socket in sockets:
                    await self.scene.air.plug(socket)
            case Fault.POWER:
                await switch_off(site)

    def _sockets(self, site: Site) -> list[int]:
        first = 0 if site is self.scene.north else ADAPTERS
        return list(range(first, first + ADAPTERS))


def kill(name: str) -> None:
    """End a daemon as rudely as possible; as under systemd, it comes back after a second."""
    os.kill(int(Path(f"/run/rig/{name}.pid").read_text()), signal.SIGKILL)


async def switch_off(site: Site) -> None:
    """Switch a gateway's adapters off, as somebody else on the machine might."""
    bus = await BluezBus.connect()
    for adapter in list_adapters(bus):
        if any(adapter.address in wish for wish in site.adapters):
            await power(bus, adapter.path, on=False)
    await bus.close()


def write(name: str, result: dict[str, Any]) -> None:
    """Keep a result where people look for it."""
    BUILD.mkdir(exist_ok=True)
    (BUILD / name).write_text(json.dumps(result, indent=1) + "\n")
