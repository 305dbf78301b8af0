"""When which fault strikes, and how long each took to be over: pure, from times and diaries."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from random import Random
from typing import Any

PROBABLY_S = 60.0  # seconds within which a fault breaks links, if it breaks any


class Fault(StrEnum):
    """What can happen to a gateway's radio."""

    RANGE = "range loss"
    UNPLUG = "adapter unplugged"
    POWER = "adapter switched off"
    BLUEZ = "bluetoothd kill -9"
    BUS = "D-Bus daemon kill -9"


PER_DAY = {Fault.BLUEZ: 20, Fault.BUS: 20, Fault.RANGE: 12, Fault.UNPLUG: 8, Fault.POWER: 8}
LENGTHS_S = {Fault.RANGE: (15.0, 60.0, 300.0, 900.0), Fault.UNPLUG: (10.0, 60.0, 300.0)}
"""How long a fault of that kind lasts, in turn; the others are over when they have struck."""

SITES = ("north", "south")


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault to come."""

    at: float  # seconds from the start
    fault: Fault
    site: str  # whom it is meant for; a killed daemon takes both along
    lasts: float  # seconds


@dataclass(frozen=True, slots=True)
class Struck:
    """One fault that was, and what came of it."""

    fault: Fault
    site: str
    at: float  # seconds from the start
    lasted: float
    links_lost: int
    recovery_s: float | None  # from its end until every phone that had been linked was linked again; None: some never was

    def to_json(self) -> dict[str, Any]:
        """As one row of the table."""
        return {**asdict(self), "at": round(self.at, 1), "recovery_s": None if self.recovery_s is None else round(self.recovery_s, 1)}


def plan(hours: float, rng: Random) -> list[Planned]:
    """Spread the faults of a day evenly over these hours, in an order of chance; at least one of each kind."""
    faults = [fault for fault, count in PER_DAY.items() for _ in range(max(1, round(count * hours / 24)))]
    rng.shuffle(faults)
    pause = hours * 3600 / (len(faults) + 1)
    turns: dict[Fault, int] = dict.fromkeys(Fault, 0)
    planned = []
    for number, fault in enumerate(faults, start=1):
        turn, turns[fault] = turns[fault], turns[fault] + 1
        lengths = LENGTHS_S.get(fault, (0.0,))
        lasts = min(lengths[turn // len(SITES) % len(lengths)], pause / 2)
        planned.append(Planned(number * pause, fault, SITES[turn % len(SITES)], lasts))
    return planned


def recovery(
    diaries: Mapping[str, Iterable[Sequence[Any]]], stations: Iterable[str], began: float, ended: float, until: float
) -> tuple[int, float | None]:
    """Say what a fault did to the links between phones and a gateway.

    Args:
        diaries: of the phones it concerns: (when, link, station, up).
        stations: names of the gateway's adapters.
        began: when it struck, in the diaries' time.
        ended: when its cause was gone.
        until: when the next fault struck.

    Returns:
        Links lost, and the seconds from its end until every phone that lost all its links had one again: 0 when none did,
        None when one had none until the next fault.

    """
    own = frozenset(stations)
    lost, slowest = 0, 0.0
    for diary in diaries.values():
        up: set[str] = set()
        without_since: float | None = None
        for when, link, station, is_up, *_ in diary:
            if station not in own or when >= until:
                continue
            if is_up:
                up.add(link)
                if without_since is not None and when >= ended:
                    slowest = max(slowest, when - ended)
                without_since = None
            else:
                up.discard(link)
                if began <= when <= ended + PROBABLY_S:
                    lost += 1
                    if not up:
                        without_since = when
        if without_since is not None:
            return lost, None
    return lost, slowest


def unexplained(diaries: Mapping[str, Iterable[Sequence[Any]]], stations: Iterable[str], windows: Iterable[tuple[float, float]]) -> int:
    """Count the links with gateways that went down while nothing had happened; a window is when a fault began and ended."""
    own, times = frozenset(stations), list(windows)
    downs = [when for diary in diaries.values() for when, _, station, is_up, *_ in diary if station in own and not is_up]
    return sum(not any(began <= when <= ended + PROBABLY_S for began, ended in times) for when in downs)


def table(struck: Iterable[Struck]) -> str:
    """The faults and their recovery times, for people."""
    lines = ["   at       fault                  site    lasted  links lost  recovered after"]
    for row in struck:
        hours, seconds = divmod(int(row.at), 3600)
        after = "never" if row.recovery_s is None else f"{row.recovery_s:.1f} s"
        when = f"{hours:3d}:{seconds // 60:02d}:{seconds % 60:02d}"
        lines.append(f"{when}  {row.fault:<21}  {row.site:<6}  {row.lasted:5.0f} s  {row.links_lost:10d}  {after:>15}")
    return "\n".join(lines)


def summary(struck: Iterable[Struck]) -> dict[str, dict[str, float]]:
    """Per kind of fault: how many, median and worst recovery in seconds."""
    by_kind: dict[str, list[Struck]] = {}
    for row in struck:
        by_kind.setdefault(row.fault.value, []).append(row)
    figures = {}
    for kind, rows in sorted(by_kind.items()):
        times = sorted(row.recovery_s for row in rows if row.recovery_s is not None)
        figures[kind] = {
            "count": len(rows),
            "not_recovered": len(rows) - len(times),
            "median_s": round(times[len(times) // 2], 1) if times else 0.0,
            "max_s": round(times[-1], 1) if times else 0.0,
        }
    return figures
