"""The time of day, as far as this machine knows it and can be believed."""

import asyncio
import time
from collections.abc import Callable

from gateway.mesh.events import ClockSet
from hw.clock import EARLIEST, LastTime, kernel_synchronised

CHECK_S = 10.0
BACK_S = 300.0  # seconds a clock may have been set back since it was believed last: it was a little fast then
STEP_S = 0.5  # seconds of drift worth telling the engine about

NOT_SET = (
    "The clock of this gateway is not set, so phones would ignore it.",
    'Connect it to a network with a time service (NTP) or fit a hardware clock; or check the time and set radio.clock = "trust".',
)
"""What a person reads while the time of day is not believed, and what to do."""


def wall_offset(now: float, wall: float) -> float | None:
    """Return what turns monotonic seconds into unix seconds, None if the wall clock is not set."""
    return wall - now if wall >= EARLIEST else None


class TimeOfDay:
    """Tells the engine the time of day once it is believed, and again whenever it steps.

    What was believed once stays believed: a kernel calls its clock unsynchronised some nine hours
    after the last word from a time server, and it is still right to seconds then.

    Args:
        tell: takes `ClockSet`.
        trusted: whether somebody vouches for the time; asked until it is so.
        wall: unix seconds.
        last: the last time that was believed, over restarts; None if nobody keeps it.
        kept: whether a time service keeps the clock; its word counts even against `last`, which may have been a mistake.

    """

    def __init__(
        self,
        tell: Callable[[ClockSet], None],
        trusted: Callable[[], bool] = lambda: True,
        wall: Callable[[], float] = time.time,
        last: LastTime | None = None,
        kept: Callable[[], bool] = kernel_synchronised,
    ) -> None:
        self._kept = kept
        self._last = last
        self._earliest = EARLIEST if last is None else last.earliest() - BACK_S
        self._tell = tell
        self._trusted = trusted
        self._wall = wall
        self._told: float | None = None
        self._is_trusted = False

    @property
    def is_known(self) -> bool:
        """Whether the engine has been told."""
        return self._told is not None

    def look(self, now: float) -> None:
        """Look at the clocks; `now` is monotonic seconds."""
        wall = self._wall()
        is_early = not self._is_trusted and wall < self._earliest and not self._kept()
        offset = None if is_early else wall_offset(now, wall)
        if offset is None or not (self._is_trusted or self._trusted()):
            return
        self._is_trusted = True
        if self._last is not None:
            self._last.keep(wall)
        if self._told is None or abs(offset - self._told) > STEP_S:
            self._told = offset
            self._tell(ClockSet(offset))

    async def keep(self) -> None:
        """Look now and every `CHECK_S`; runs until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self.look(loop.time())
            await asyncio.sleep(CHECK_S)
