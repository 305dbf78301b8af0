"""A day of a fair before two whole gateways, with everything going wrong in it: nothing grows, and talk gets through.

The whole day takes some ten minutes (`-m slow`); `SOAK_HOURS` makes it shorter, 5 at least, while something is looked for.
"""

import asyncio
import gc
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.telemetry.health import Name
from gateway.wire.types import MessageType
from tests.testing.virtual_loop import run
from tests.worlds.soaking import LINKS, Day, Told

HOURS = int(os.environ.get("SOAK_HOURS", "24"))
WARM_UP = 2  # hours in which caps are reached
MAX_SLOPE = 1.0  # MiB an hour
ARRIVED = 0.99  # part of what was due on a link that was given to it; the end of an hour cuts a little off
SEED = 13
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Row:
    """The end of one hour."""

    hour: int
    rss: float  # MiB
    files: int
    tasks: int
    told: Told
    texts: int
    announces: int
    crossed: int  # texts put on the air at the other site
    waiting: int  # bytes
    cpu: float  # seconds it took

    def __str__(self) -> str:
        told = self.told
        return (
            f"{self.hour:4d} {self.rss:9.2f} {self.files:5d} {self.tasks:5d} {told.heard / 3600:9.1f} {told.unique / 3600:8.1f} "
            f"{self.texts / max(1, told.texts):9.1%} {self.announces / max(1, told.announces):9.1%} {self.crossed:7d} "
            f"{self.waiting:8d} {self.cpu:6.1f}"
        )


HEAD = "hour   RSS MiB files tasks  heard/s unique/s     texts presence crossed  waiting  cpu s"


def slope(values: list[tuple[float, float]]) -> float:
    """The rise of the line that fits best, by least squares."""
    middle = sum(x for x, _ in values) / len(values), sum(y for _, y in values) / len(values)
    return sum((x - middle[0]) * (y - middle[1]) for x, y in values) / sum((x - middle[0]) ** 2 for x, _ in values)


def resident() -> float:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 2**20


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def live(day: Day, hours: int) -> list[Row]:
    rows = []
    print(HEAD, flush=True)
    await day.start()
    for hour in range(hours):
        began = time.process_time()
        day.fair.told = Told()
        day.west.radio.sent.clear()
        day.east.radio.sent.clear()
        await day.hour(hour)
        sent = day.west.radio.sent
        row = Row(
            hour,
            resident(),
            open_files(),
            len(asyncio.all_tasks()),
            day.fair.told,
            sent[MessageType.MESSAGE],
            sent[MessageType.ANNOUNCE],
            day.east.radio.sent[MessageType.MESSAGE],
            day.west.gateway._pump.waiting_bytes,
            time.process_time() - began,
        )
        rows.append(row)
        print(row, day.struck[-1:], flush=True)
    await day.end()
    return rows


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads what Linux says of the process")
def test_a_day_of_a_fair_leaves_the_process_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    day: list[Day] = []

    async def scene() -> list[Row]:
        day.append(Day(tmp_path, SEED, monkeypatch))
        return await live(day[0], HOURS)

    rows = run(scene())
    print(f"seed {SEED}; {day[0].verifier.asked} signatures asked for, {day[0].verifier.computed} computed")
    later = rows[WARM_UP:]
    rise = slope([(row.hour, row.rss) for row in later])
    print(f"{rise:+.3f} MiB an hour after {WARM_UP} hours; {sum(row.told.heard for row in rows)} frames heard")
    assert rise <= MAX_SLOPE
    assert {(row.files, row.tasks) for row in later} == {(later[0].files, later[0].tasks)}
    for row in rows:
        assert row.texts >= ARRIVED * row.told.texts, row
        assert row.announces >= ARRIVED * row.told.announces, row
        assert row.crossed > 0, row
    assert HOURS < 24 or set(day[0].struck) == {fault.__name__ for fault in Day.FAULTS}
    busy = [row for row in later if row.told.heard / 3600 > 30.0]
    assert busy, "no hour was as busy as a fair is"


def test_the_slope_is_that_of_the_line_that_fits_best() -> None:
    assert slope([(2.0, 100.0), (3.0, 102.0), (4.0, 104.0)]) == pytest.approx(2.0)
    assert slope([(2.0, 100.0), (3.0, 104.0), (4.0, 100.0), (5.0, 104.0)]) == pytest.approx(0.8)
    assert slope([(hour, 150.0) for hour in range(2, 24)]) == 0.0


BITES: dict[str, Callable[[Day], object]] = {
    "radio_lost": lambda day: not day.west.radio.is_up,
    "store_locked": lambda day: day.west.gateway.health.holds_any(Name.STORE_UNUSABLE),
    "broker_away": lambda day: not day.west.gateway._mqtt.session.is_up,
    "sites_cut": lambda day: not len(day.west.gateway.engine.sites),
    "clock_jumps": lambda day: day.west.gateway.engine.mesh.status(asyncio.get_running_loop().time()).drops["window"] > 0,
    "disk_full": lambda day: day.west.gateway.health.holds_any(Name.STORE_UNUSABLE),
}


@pytest.mark.timeout(60)
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads what Linux says of the process")
@pytest.mark.parametrize("fault", Day.FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_bites_and_when_it_is_over_all_is_as_it_was(fault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        day = Day(tmp_path, SEED, monkeypatch)
        day.fair.is_open = False
        await day.start()
        await asyncio.sleep(30)
        before = open_files(), len(asyncio.all_tasks())
        assert not BITES[fault.__name__](day) or fault.__name__ == "clock_jumps"
        striking = asyncio.create_task(fault(day, 30.0))
        await asyncio.sleep(25)
        assert BITES[fault.__name__](day)
        await striking
        await asyncio.sleep(90)  # a broker is asked again after a minute at most
        gateway = day.west.gateway
        assert (open_files(), len(asyncio.all_tasks())) == before
        assert day.west.radio.is_up
        assert gateway._mqtt.session.is_up
        assert len(gateway.engine.sites) == 1
        assert gateway.health.is_ready
        day.fair.told = Told()
        day.west.radio.sent.clear()
        await asyncio.sleep(30)
        assert day.west.radio.sent[MessageType.MESSAGE] >= ARRIVED * day.fair.told.texts - LINKS > 0
        await day.end()

    run(scene())
