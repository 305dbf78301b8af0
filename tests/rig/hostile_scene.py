"""Honest phones around a gateway whose talk is measured, and everything a stranger could make grow."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.rig.guest import RUN
from tests.rig.site_scene import Islands, islands

HONEST = {
    "north": {"Ada": ("ios", "central"), "Bela": ("android", "peripheral"), "Cleo": ("ios", "both")},
    "south": {"Dina": ("ios", "both")},
}
ADAPTER = "hci0"  # the north's
EVERY_S = 2.0  # seconds between two public messages, and between two private ones, of each phone
TALK_S = 20.0  # 10 messages of each kind from each of 4 phones: 160 deliveries, so the 99th percentile is the second longest
BASELINE_TALKS = 2
LEAD_S = 5.0  # an attack is under way for so long before the talk begins
TRAIL_S = 2.0  # and goes on for so long after it
SETTLE_S = 300.0  # what has not arrived then is lost

Report = dict[str, Any]


@dataclass(frozen=True)
class Sizes:
    """What grows where nothing is bounded: bytes of resident memory."""

    gateway: int
    bluetoothd: int


@dataclass
class Attacked:
    """What an attack did to everybody else."""

    report: Report
    did: list[dict[str, int]]  # by stranger
    ratio: float  # of the 99th percentile of the latency with and without strangers
    grown: Sizes
    honest_links_lost: int
    links_held: int  # by the adapter, when the talk was over
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass
class Scene:
    """Two gateways, four honest phones, and what is normal for them."""

    islands: Islands
    normal: Report = field(default_factory=dict)
    rows: list[str] = field(default_factory=list)  # of the table printed at the end

    async def talk(self, seconds: float = TALK_S) -> Report:
        """Let the honest phones talk for a while and wait for what is on its way."""
        await self._talk(seconds)
        return await self.islands.settled(SETTLE_S)

    async def _talk(self, seconds: float) -> None:
        air = self.islands.air
        await air.phone("books")
        await air.phone("talk", names=list(self.islands.phones), seconds=seconds, say_every=EVERY_S, whisper_every=EVERY_S)
        await asyncio.sleep(seconds)
        await air.phone("hush")

    async def status(self) -> dict[str, Any]:
        """What the attacked gateway says of itself."""
        status = await self.islands.north.status()
        assert status is not None
        return status

    async def attack(self, kind: str, options: dict[str, Any], count: int, seconds: float = TALK_S) -> Attacked:
        """Let so many strangers do something to the north's gateway while the honest phones talk."""
        air, before, sizes, downs = self.islands.air, await self.status(), self.sizes(), await self.honest_downs()
        strangers = [f"Eve {number}" for number in range(count)]
        await self.admit(*strangers)
        for stranger in strangers:
            await air.phone("attack", name=stranger, kind=kind, target=ADAPTER, options=options)
        await asyncio.sleep(LEAD_S)
        await self._talk(seconds)
        await asyncio.sleep(TRAIL_S)
        links = len((await air.stations())[ADAPTER]["links"])
        did = [await air.phone("relent", name=stranger) for stranger in strangers]
        report = await self.islands.settled(SETTLE_S)
        grown = Sizes(*(now - then for now, then in zip(vars(self.sizes()).values(), vars(sizes).values(), strict=True)))
        lost = await self.honest_downs() - downs
        attacked = Attacked(report, did, report["p99_ms"] / self.normal["p99_ms"], grown, lost, links, before, await self.status())
        self.note(f"{count} x {kind} {options or ''}", attacked)
        return attacked

    async def admit(self, *strangers: str) -> None:
        """Put strangers within reach of the north's gateway, and of no phone: phones are not what is tested."""
        await self.islands.air.island("north", *strangers)
        await self.islands.air.link(list(strangers), list(self.islands.phones), up=False)

    def note(self, what: str, attacked: Attacked) -> None:
        """Print a row, and keep it for the table."""
        report, grown = attacked.report, attacked.grown
        row = (
            f"{what:48.48} p50 {report['p50_ms']:6.1f}  p99 {report['p99_ms']:8.1f} ms ({attacked.ratio:5.2f} x)"
            f"  gateway {grown.gateway / 1e6:+5.1f} MB  bluetoothd {grown.bluetoothd / 1e6:+5.1f} MB"
            f"  lost {report['lost']}, doubled {report['duplicates']}, links lost {attacked.honest_links_lost}"
        )
        self.rows.append(row)
        slowest = {name: figures["p99_ms"] for name, figures in report["by_receiver"].items()}
        print(f"\n{row}\n    99th percentile by receiver {slowest}; the strangers {attacked.did}")

    def sizes(self) -> Sizes:
        """How large the attacked gateway's process and bluetoothd are now."""
        return Sizes(self.islands.north.rss, resident(daemon("bluetoothd")))

    async def honest_downs(self) -> int:
        """Links of honest phones with the attacked gateway that went down so far."""
        diaries = await self.islands.air.phone("diary")
        return sum(station == ADAPTER and not up for diary in diaries.values() for _, _, station, up, _ in diary)

    async def linked_again(self) -> None:
        """Wait until every honest phone of the north has its link."""
        for name in HONEST["north"]:
            await self.islands.wait(_linked(self.islands, name), 60, f"a link of {name}")


@asynccontextmanager
async def honest_scene() -> AsyncIterator[Scene]:
    """Islands where everybody knows everybody and has talked already, so that no handshake is measured."""
    async with islands(1) as both:
        await both.air.link(list(HONEST["north"]), list(HONEST["north"]), up=False)  # so that the gateway carries every word
        for site in both:
            for name, (platform, role) in HONEST[site.name].items():
                await both.add(site, name, platform=platform, role=role)
        await both.acquainted()
        scene = Scene(both)
        await scene.talk()
        scene.normal = await scene.talk(BASELINE_TALKS * TALK_S)
        print("\nwithout strangers:", ", ".join(f"{key} {scene.normal[key]}" for key in ("p50_ms", "p99_ms", "max_ms", "delivered")))
        yield scene
        print("\n" + "\n".join(scene.rows))


def daemon(name: str) -> int:
    """The process ID of a daemon of the guest."""
    return int((RUN / f"{name}.pid").read_text())


def resident(pid: int) -> int:
    """Bytes of memory a process holds."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def _linked(both: Islands, name: str) -> Callable[[], Awaitable[Any]]:
    return lambda: both.linked(name)
