"""How some figures went since the start, for the charts of the page: a sample every half minute, a day at most."""

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from typing import Final, NamedTuple

from gateway.status import GatewayStatus

TREND_EVERY_S: Final = 30.0  # seconds between two samples
MAX_TREND_SAMPLES: Final = 2880  # a day of them, some 200 kB
_FEWEST: Final = 2


class Sample(NamedTuple):
    """Some figures of one moment."""

    at: float  # seconds of the loop
    phones: int  # near
    crossed: int  # messages, both ways, since the start
    waiting_bytes: int


class Trend:
    """Keeps samples.

    Args:
        status: the gateway as it is.

    """

    def __init__(self, status: Callable[[], GatewayStatus]) -> None:
        self._status = status
        self._samples: deque[Sample] = deque(maxlen=MAX_TREND_SAMPLES)

    def look(self, now: float) -> None:
        """Take a sample; `now` is seconds of the loop."""
        status = self._status()
        bridge = status.bridge
        crossed = bridge.crossed_in + bridge.crossed_out
        self._samples.append(Sample(now, sum(peer.local for peer in status.mesh.peers), crossed, status.waiting_bytes))

    async def keep(self) -> None:
        """Take samples until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self.look(loop.time())
            await asyncio.sleep(TREND_EVERY_S)

    @property
    def phones(self) -> list[tuple[float, float]]:
        """Phones near."""
        return [(one.at, float(one.phones)) for one in self._samples]

    @property
    def waiting(self) -> list[tuple[float, float]]:
        """Kilobytes that wait."""
        return [(one.at, round(one.waiting_bytes / 1000, 1)) for one in self._samples]

    @property
    def crossings(self) -> list[tuple[float, float]]:
        """Messages that crossed, per minute, from each sample to the next."""
        if len(self._samples) < _FEWEST:
            return []
        kept = list(self._samples)
        return [
            (after.at, round(60 * max(0, after.crossed - before.crossed) / (after.at - before.at), 1)) for before, after in pairwise(kept)
        ]
