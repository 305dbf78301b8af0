"""The time of day, as far as this machine knows it."""

import asyncio
import time
from collections.abc import Callable

from gateway.mesh.events import ClockSet

EARLIEST = 1_750_000_000.0  # unix seconds; a clock before this has never been set (a Pi without RTC starts in 1970)
CHECK_S = 10.0
STEP_S = 0.5  # seconds of drift worth telling the engine about


def wall_offset(now: float, wall: float) -> float | None:
    """Return what turns monotonic seconds into unix seconds, None if the wall clock is not set."""
    return wall - now if wall >= EARLIEST else None


async def keep_wall_clock(tell: Callable[[ClockSet], None], wall: Callable[[], float] = time.time) -> None:
    """Tell the engine the time of day when it is known, and again whenever it steps; runs until cancelled."""
    loop = asyncio.get_running_loop()
    told: float | None = None
    while True:
        offset = wall_offset(loop.time(), wall())
        if offset is not None and (told is None or abs(offset - told) > STEP_S):
            tell(ClockSet(offset))
            told = offset
        await asyncio.sleep(CHECK_S)
