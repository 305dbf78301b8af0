"""Timing next to the yard-stick, and the table of what came out.

Every figure is the best of several short repeats, and before each repeat the yard-stick is
measured again. Costs are CPU time, latencies are wall time. Other work on the machine raises
the noise of figure and yard-stick alike, hardly their ratio.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tests.perf.yardstick import step_s

REPEATS = 30
QUICK_REPEATS = 10
WINDOW_S = 0.005  # seconds one repeat of a plain call takes

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Budget:
    """What a figure may be at most (`at_most`) or must be at least."""

    limit: float
    unit: str  # "Y", or the unit of the figure
    at_most: bool = True

    def __str__(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.limit:,g} {self.unit}"

    def holds(self, value: float) -> bool:
        """Whether `value`, in the budget's unit, is within it."""
        return value <= self.limit if self.at_most else value >= self.limit


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `yards` and `per_second` only where they mean something."""

    group: str
    what: str
    value: float
    unit: str
    per_second: float | None = None
    yards: float | None = None
    budget: Budget | None = None

    @property
    def ok(self) -> bool | None:
        """Whether the budget holds; None without one."""
        if self.budget is None:
            return None
        value = self.yards if self.budget.unit == "Y" else self.value
        return value is not None and self.budget.holds(value)

    def document(self) -> dict[str, object]:
        """The row as JSON has it."""
        return {
            "group": self.group,
            "what": self.what,
            "value": round(self.value, 3),
            "unit": self.unit,
            "per_second": None if self.per_second is None else round(self.per_second),
            "yards": None if self.yards is None else round(self.yards, 3),
            "budget": None if self.budget is None else str(self.budget),
            "ok": self.ok,
        }


@dataclass(slots=True)
class Bench:
    """Collects rows. `say` is called with each as soon as it is known."""

    quick: bool = False
    say: Callable[[Row], None] = lambda _row: None
    rows: list[Row] = field(default_factory=list)
    group: str = ""

    @property
    def repeats(self) -> int:
        """How often a figure is taken."""
        return QUICK_REPEATS if self.quick else REPEATS

    def yard(self) -> float:
        """Seconds of one Y, measured now."""
        return step_s()

    def add(self, what: str, value: float, unit: str, budget: Budget | None = None, per_second: float | None = None) -> Row:
        """A figure that is no time."""
        return self._record(Row(self.group, what, value, unit, per_second, budget=budget))

    def add_time(self, what: str, seconds: float, yard: float, budget: Budget | None = None, *, rate: bool = True) -> Row:
        """A time, and the Y that was measured beside it."""
        return self._record(Row(self.group, what, seconds * 1e6, "µs", 1 / seconds if rate else None, seconds / yard, budget))

    def timed(self, what: str, call: Callable[[], object], *, inner: int = 1, budget: Budget | None = None) -> float:
        """What one of the `inner` operations that `call` does costs, in Y; called as often as fills a repeat."""
        started = time.thread_time()
        call()
        calls = max(1, int(WINDOW_S / max(time.thread_time() - started, 1e-9)))

        def many(_: None) -> None:
            for _ in range(calls):
                call()

        return self.timed_fresh(what, lambda: None, many, inner=inner * calls, budget=budget)

    def timed_fresh(
        self, what: str, prepare: Callable[[], T], call: Callable[[T], object], *, inner: int, budget: Budget | None = None
    ) -> float:
        """The same for what can be done only once: `prepare` makes anew what `call` takes, outside the timing."""
        best = yard = float("inf")
        for _ in range(self.repeats):
            state = prepare()
            yard = min(yard, self.yard())
            started = time.thread_time()
            call(state)
            best = min(best, (time.thread_time() - started) / inner)
        self.add_time(what, best, yard, budget)
        return best / yard

    def _record(self, row: Row) -> Row:
        self.rows.append(row)
        self.say(row)
        return row


def line(row: Row) -> str:
    """One line of the table."""
    per_second = "" if row.per_second is None else f"{row.per_second:,.0f}"
    yards = "" if row.yards is None else f"{row.yards:,.2f}"
    ok = {None: "", True: "ok", False: "MISSED"}[row.ok]
    return f"{row.what:<74} {_figure(row):>12} {per_second:>11} {yards:>9} {row.budget or ''!s:>14} {ok:>6}"


def heading() -> str:
    """The table's head."""
    return f"{'what':<74} {'figure':>12} {'per second':>11} {'in Y':>9} {'budget':>14} {'ok':>6}"


def _figure(row: Row) -> str:
    digits = 2 if row.value < 100 else 0
    return f"{row.value:,.{digits}f} {row.unit}"
