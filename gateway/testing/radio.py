"""The virtual radio as a transport: an island of phones that lives in real time."""

import asyncio
import time
from collections.abc import Callable

from gateway.mesh.events import MeshEvent
from gateway.testing.ether import RADIO
from gateway.testing.island import GATEWAY, Island
from transports.link import FrameReceived, LinkDown, LinkId, LinkUp, Post, TransportState, TransportStatus

SETTLE_S = 0.01  # of the island's time after switching off, so that every LinkDown is out


class Pace:
    """Moves an island at the pace of the event loop, on behalf of every radio that runs on it.

    The island's time is the loop's, shifted; it stands still while no radio runs. `wall`
    gives unix seconds for the phones' clocks.
    """

    def __init__(self, island: Island, wall: Callable[[], float] = time.time) -> None:
        self.island = island
        self._wall = wall
        self._radios: list[VirtualRadio] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._shift = 0.0  # loop time minus island time
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0  # what the timer waits for, in the island's time

    @property
    def now(self) -> float:
        """The island's time, never less than what it has lived through."""
        if self._loop is None:
            return self.island.now
        return max(self.island.now, self._loop.time() - self._shift)

    def join(self, radio: "VirtualRadio") -> None:
        """Move the island for this radio from now on."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._shift = self._loop.time() - self.island.now
            self.island.set_clock(self._wall() - self.island.now)
        self._radios.append(radio)
        self.island.switch_on(radio.place)
        self.wake()

    def part(self, radio: "VirtualRadio") -> None:
        """Take a radio off the air and hand it the end of its links."""
        self.island.switch_off(radio.place)
        self.island.advance(self.now + SETTLE_S)
        radio.hand_over()
        self._radios.remove(radio)
        if not self._radios:
            if self._timer is not None:
                self._timer.cancel()
            self._loop = self._timer = None
        self.wake()

    def wake(self) -> None:
        """Look again when the island has something to do: it was given something from outside."""
        due = self.island.now if self.island.has_gateway_events else self.island.next_wakeup()
        if self._loop is None or due is None:
            return
        when = due + self._shift
        if self._timer is not None:
            if self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer, self._due = self._loop.call_at(when, self._pump), due

    def _pump(self) -> None:
        self._timer = None
        try:
            # The loop's rounding may call a moment early; what the timer was set for is due all the same.
            self.island.advance(max(self._due, self.now))
            for radio in tuple(self._radios):
                radio.hand_over()
        except Exception as error:  # noqa: BLE001 - whatever breaks inside the island ends every `run`
            for radio in self._radios:
                radio.fail(error)
        else:
            self.wake()


class VirtualRadio:
    """Moves frames between a gateway and the phones of a simulated island.

    Two gateways on one island take a `place` each and share a `Pace`.
    """

    name = "radio"
    capabilities = RADIO

    def __init__(self, island: Island, place: str = GATEWAY, *, pace: Pace | None = None) -> None:
        self.island = island
        self.place = place
        self._pace = pace or Pace(island)
        self._post: Post | None = None
        self._broken: asyncio.Future[None] | None = None
        self._links: set[LinkId] = set()
        self._frames_in = 0
        self._frames_out = 0
        self._refused = 0

    async def run(self, post: Post) -> None:
        """Serve until cancelled; a fault inside the island is raised here."""
        self._post = post
        self._broken = asyncio.get_running_loop().create_future()
        self._pace.join(self)
        try:
            await self._broken
        finally:
            self._pace.part(self)
            self._post = self._broken = None

    def send(self, link: LinkId, frame: bytes) -> bool:
        """Hand over one frame; False if the link is full (a `Writable` follows) or not up (nothing follows)."""
        accepted = self.island.gateway_send(link, frame, self._pace.now, self.place)
        self._frames_out += accepted
        self._refused += not accepted
        self._pace.wake()
        return accepted

    def close(self, link: LinkId, why: str) -> None:
        """Drop a link; its `LinkDown` follows."""
        self.island.gateway_close(link, why, self._pace.now, self.place)
        self._pace.wake()

    def status(self) -> TransportStatus:
        """A snapshot."""
        running = self._post is not None
        return TransportStatus(
            name=self.name,
            state=TransportState.UP if running else TransportState.DOWN,
            sentence=f"Simulated radio: {len(self.island.phones)} virtual phones, {len(self._links)} in reach."
            if running
            else "Simulated radio is off.",
            links=len(self._links),
            counters={"frames_in": self._frames_in, "frames_out": self._frames_out, "refused": self._refused},
        )

    def do(self, what: Callable[[], object]) -> None:
        """Do something to the island in the present: between events its own time stands still."""
        self.island.advance(self._pace.now)
        what()
        self._pace.wake()

    def command(self, phone: str, event: MeshEvent) -> None:
        """Have a person use one of the phones now."""
        self.do(lambda: self.island.command(phone, event))

    def hand_over(self) -> None:
        """Post what the air brought."""
        for event in self.island.take_gateway_events(self.place):
            match event:
                case LinkUp(link=link):
                    self._links.add(link)
                case LinkDown(link=link):
                    self._links.discard(link)
                case FrameReceived():
                    self._frames_in += 1
                case _:
                    pass
            if self._post is not None:
                self._post(event)

    def fail(self, error: Exception) -> None:
        """Let `run` raise `error`."""
        if self._broken is not None and not self._broken.done():
            self._broken.set_exception(error)
