"""What a peripheral tells, written down, and held against its promises."""

import asyncio
from collections.abc import Callable

from hw.bluez.peripheral import Central

PATIENCE_S = 5.0


class Diary:
    """Writes down what a peripheral tells, and lets a test wait for it."""

    def __init__(self) -> None:
        self.centrals: dict[str, Central] = {}
        self.frames: list[tuple[str, bytes]] = []
        self.lefts: list[tuple[str, str]] = []
        self.arrivals = 0
        self.rooms = 0
        self.on_writable: Callable[[Central], None] = lambda _: None
        self._news = asyncio.Event()

    def arrived(self, central: Central) -> None:
        assert central.device not in self.centrals
        self.centrals[central.device] = central
        self.arrivals += 1
        self._news.set()

    def wrote(self, central: Central, frame: bytes) -> None:
        assert self.centrals[central.device] is central
        self.frames.append((central.device, frame))
        self._news.set()

    def writable(self, central: Central) -> None:
        assert self.centrals[central.device] is central
        self.rooms += 1
        self.on_writable(central)
        self._news.set()

    def left(self, central: Central, why: str) -> None:
        assert self.centrals.pop(central.device) is central
        self.lefts.append((central.device, why))
        self._news.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def send(self, central: Central, frame: bytes) -> None:
        while not central.send(frame):
            seen = self.rooms
            await self.until(lambda: self.rooms > seen)  # noqa: B023 - awaited here
