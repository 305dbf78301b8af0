"""A link that we dialled: frames leave as writes, one after the other, and frames come as notifications."""

import asyncio
from collections.abc import Callable

from hw.bluez.adapter_pace import AdapterPace
from hw.bluez.errors import BluezError
from transports.ble.edge import Remote
from transports.ble.outgoing import Outgoing
from transports.limits import BLE_CLOSE_TIMEOUT_S, BLE_EARLY_FRAMES, BLE_MAX_FRAME, BLE_WRITE_TIMEOUT_S


class Line:
    """Takes what a dialled device sends, from the moment of the subscription.

    Until somebody answers, frames wait: the device may speak before the dial has come to its end.
    """

    def __init__(self) -> None:
        self.early: list[bytes] = []
        self.ended = ""  # why, once it is
        self._on_frame: Callable[[bytes], None] | None = None
        self._on_end: Callable[[str], None] = lambda _why: None

    def answer(self, on_frame: Callable[[bytes], None], on_end: Callable[[str], None]) -> None:
        """Hand over what waited and everything that follows."""
        self._on_frame, self._on_end = on_frame, on_end
        early, self.early = self.early, []
        for frame in early:
            on_frame(frame)
        if self.ended:
            on_end(self.ended)

    def received(self, frame: bytes) -> None:
        """Take one notification."""
        if self.ended:
            return
        if self._on_frame is not None:
            self._on_frame(frame)
        elif len(self.early) < BLE_EARLY_FRAMES:
            self.early.append(frame)

    def lost(self, why: str) -> None:
        """The connection is gone."""
        if not self.ended:
            self.ended = why or "the connection ended"
            self._on_end(self.ended)


class DialledWay:
    """Writes the frames of one link in their order.

    Args:
        remote: the connected device.
        pace: of its adapter; told how long answers take while this link has more to send than it may.
        writable: called when a link that refused a frame has room again.
        mtu: bytes of the longest frame.

    `sent` and `refused` count frames.

    """

    def __init__(self, remote: Remote, pace: AdapterPace, writable: Callable[[], None], mtu: int = BLE_MAX_FRAME) -> None:
        self._remote = remote
        self._pace = pace
        self._allowance = pace.allowance(writable)
        self._writable = writable
        self._mtu = mtu
        self.sent = self.refused = 0
        self._outgoing = Outgoing()
        self._wants_more = False  # a frame was refused since the last answer
        self._wake = asyncio.Event()

    def send(self, frame: bytes) -> bool:
        """Queue a frame; False means full.

        Raises:
            ValueError: it is empty or too long.

        """
        if not 0 < len(frame) <= self._mtu:
            raise ValueError(f"a frame of {len(frame)} bytes for a device that takes 1 to {self._mtu}")
        may = self._outgoing.is_full or self._allowance.ask(len(frame))
        if not may or not self._outgoing.offer(frame):
            self._wants_more = True
            self.refused += 1
            return False
        self._allowance.level -= len(frame)
        self.sent += 1
        self._wake.set()
        return True

    async def write_all(self) -> str:
        """Write what comes until a write fails; returns why it did."""
        loop = asyncio.get_running_loop()
        while True:
            taken = self._outgoing.take()
            if taken is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            frame, fence = taken
            began = loop.time()
            try:
                async with asyncio.timeout(BLE_WRITE_TIMEOUT_S):
                    await self._remote.write(frame, answered=fence)
            except TimeoutError:
                return "the device does not take our frames"
            except BluezError as error:
                return f"a write failed ({error.name.rpartition('.')[2]})"
            if fence and self._wants_more:
                self._wants_more = False
                self._pace.answered(loop.time() - began)
            if self._outgoing.room() and self._allowance.ask(BLE_MAX_FRAME):
                self._writable()

    async def close(self) -> None:
        """End the connection."""
        self._allowance.close()
        try:
            async with asyncio.timeout(BLE_CLOSE_TIMEOUT_S):
                await self._remote.disconnect()
        except TimeoutError:
            return  # BlueZ ends it when the supervision timeout has passed
