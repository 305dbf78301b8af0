"""The virtual radio as a transport: an island of phones that lives in real time."""

import asyncio
import time
from collections.abc import Callable

from gateway.mesh.events import MeshEvent
from gateway.testing.ether import RADIO
from gateway.testing.island import Island
from transports.link import FrameReceived, LinkDown, LinkId, LinkUp, Post, TransportState, TransportStatus

SETTLE_S = 0.01  # of the island's time after switching off, so that every LinkDown is out


class VirtualRadio:
    """Moves frames between a gateway and the phones of a simulated island.

    The island's time is the event loop's, shifted; it stands still while `run` is not
    running. `wall` gives unix seconds for the phones' clocks.
    """

    name = "radio"
    capabilities = RADIO

    def __init__(self, island: Island, *, wall: Callable[[], float] = time.time) -> None:
        self.island = island
        self._wall = wall
        self._loop: asyncio.AbstractEventLoop | None = None
        self._shift = 0.0  # loop time minus island time
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0  # what the timer waits for, in the island's time
        self._post: Post | None = None
        self._broken: asyncio.Future[None] | None = None
        self._links: set[LinkId] = set()
        self._frames_in = 0
        self._frames_out = 0

    async def run(self, post: Post) -> None:
        """Serve until cancelled; a fault inside the island is raised here."""
        loop = asyncio.get_running_loop()
        self._loop, self._post, self._broken = loop, post, loop.create_future()
        self._shift = loop.time() - self.island.now
        self.island.set_clock(self._wall() - self.island.now)
        self.island.switch_on()
        self._due = self.island.now
        self._pump()
        try:
            await self._broken
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self.island.switch_off()
            self.island.advance(self.island.now + SETTLE_S)
            self._hand_over()
            self._loop = self._timer = self._post = self._broken = None

    def send(self, link: LinkId, frame: bytes) -> bool:
        """Hand over one frame; False means full: keep the frame and wait for `Writable`."""
        if self._loop is None:
            return True
        self._frames_out += 1
        accepted = self.island.gateway_send(link, frame, self._loop.time() - self._shift)
        self._arm()
        return accepted

    def close(self, link: LinkId, why: str) -> None:
        """Drop a link; its `LinkDown` follows."""
        if self._loop is not None:
            self.island.gateway_close(link, why, self._loop.time() - self._shift)
            self._arm()

    def status(self) -> TransportStatus:
        """A snapshot."""
        phones = len(self.island.phones)
        running = self._post is not None
        return TransportStatus(
            name=self.name,
            state=TransportState.UP if running else TransportState.DOWN,
            sentence=f"Simulated radio: {phones} virtual phones, {len(self._links)} in reach." if running else "Simulated radio is off.",
            links=len(self._links),
            counters={"frames_in": self._frames_in, "frames_out": self._frames_out},
        )

    def command(self, phone: str, event: MeshEvent) -> None:
        """Have a person use one of the phones now."""
        if self._loop is not None:
            self.island.advance(self._loop.time() - self._shift)
        self.island.command(phone, event)
        self._arm()

    def _pump(self) -> None:
        if self._loop is None or self._broken is None:
            return
        try:
            # The loop's rounding may call a moment early; what the timer was set for is due all the same.
            self.island.advance(max(self._due, self._loop.time() - self._shift))
            self._hand_over()
        except Exception as error:  # noqa: BLE001 - whatever breaks inside the island ends `run`
            if not self._broken.done():
                self._broken.set_exception(error)
            return
        self._timer = None
        self._arm()

    def _arm(self) -> None:
        if self._loop is None:
            return
        due = self.island.next_wakeup()
        if self.island.has_gateway_events:
            due = self.island.now
        if due is None:
            return
        when = due + self._shift
        if self._timer is not None:
            if self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer, self._due = self._loop.call_at(when, self._pump), due

    def _hand_over(self) -> None:
        if self._post is None:
            return
        for event in self.island.take_gateway_events():
            match event:
                case LinkUp(link=link):
                    self._links.add(link)
                case LinkDown(link=link):
                    self._links.discard(link)
                case FrameReceived():
                    self._frames_in += 1
                case _:
                    pass
            self._post(event)
