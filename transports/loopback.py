"""Transports that exist only in memory: for tests, the demo and simulated worlds.

    hub = LoopbackHub()
    left, right = hub.transport("left"), hub.transport("right")

Every two transports of a hub that run share a link, `loopback:<name of the other>`.
"""

# ruff: noqa: SLF001 - both ends of a link are transports of this one class

import asyncio
from collections import deque

from transports.limits import LOOPBACK_DEPTH, LOOPBACK_MTU
from transports.link import (
    Capability,
    FrameReceived,
    LinkDown,
    LinkEvent,
    LinkId,
    LinkUp,
    Post,
    TransportState,
    TransportStatus,
    Writable,
)


class LoopbackHub:
    """Where loopback transports find each other.

    `depth` is the number of frames that wait on a link in one direction before `send` returns False.
    """

    def __init__(self, *, mtu: int = LOOPBACK_MTU, depth: int = LOOPBACK_DEPTH, capabilities: Capability = Capability.DIRECTED) -> None:
        self.mtu = mtu
        self.depth = depth
        self.capabilities = capabilities
        self._transports: dict[str, LoopbackTransport] = {}

    def transport(self, name: str) -> "LoopbackTransport":
        """A new transport of this hub.

        Raises:
            ValueError: the name is taken.
        """
        if name in self._transports:
            raise ValueError(f"There is a transport {name!r} already.")
        self._transports[name] = LoopbackTransport(self, name)
        return self._transports[name]

    def connect(self, left: "LoopbackTransport", right: "LoopbackTransport") -> None:
        """Bring up the link between two transports, if both run and have none (after a `close`, say)."""
        asyncio.get_running_loop().call_soon(left._greet, right)

    def others(self, transport: "LoopbackTransport") -> list["LoopbackTransport"]:
        """All transports but one."""
        return [other for other in self._transports.values() if other is not transport]


class _End:
    """One end of a link: what waits to be taken in there."""

    def __init__(self, other: "LoopbackTransport") -> None:
        self.other = other
        self.waiting: deque[bytes] = deque()
        self.scheduled = False
        self.owes_writable = False  # the far end was refused


class LoopbackTransport:
    """One transport of a hub."""

    name = "loopback"

    def __init__(self, hub: LoopbackHub, own_name: str) -> None:
        self.own_name = own_name
        self.capabilities = hub.capabilities
        self._hub = hub
        self._post: Post | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ends: dict[LinkId, _End] = {}
        self._paused = False
        self._frames_in = self._frames_out = self._refused = 0

    async def run(self, post: Post) -> None:
        """Be reachable until cancelled."""
        self._loop = asyncio.get_running_loop()
        self._post = post
        for other in self._hub.others(self):
            self._loop.call_soon(self._greet, other)
        try:
            await self._loop.create_future()
        finally:
            for link in tuple(self._ends):
                self._hang_up(link, "this gateway stops", "the other gateway stops")
            self._post = None

    def send(self, link: LinkId, frame: bytes) -> bool:
        """Hand over one frame; False if the link is full (a `Writable` follows) or unknown (nothing follows).

        Raises:
            ValueError: the frame is larger than the link's mtu.
        """
        if len(frame) > self._hub.mtu:
            raise ValueError(f"A frame of {len(frame)} bytes is larger than the link's mtu of {self._hub.mtu}.")
        if link not in self._ends:
            return False
        other = self._ends[link].other
        end = other._ends[self._link]
        if len(end.waiting) >= self._hub.depth:
            end.owes_writable = True
            self._refused += 1
            return False
        end.waiting.append(frame)
        self._frames_out += 1
        other._schedule(end)
        return True

    def close(self, link: LinkId, why: str) -> None:
        """Drop a link at both ends; it stays down until `LoopbackHub.connect` or until one end runs anew."""
        if self._loop is not None:
            self._loop.call_soon(self._hang_up, link, why, f"the other gateway closed the link: {why}")

    def status(self) -> TransportStatus:
        """A snapshot."""
        counters = {"frames_in": self._frames_in, "frames_out": self._frames_out, "refused": self._refused}
        if self._post is None:
            return TransportStatus(self.name, TransportState.DOWN, "Not running.", counters=counters)
        state = TransportState.UP if self._ends else TransportState.STARTING
        count = len(self._ends)
        return TransportStatus(self.name, state, f"{count} link{'' if count == 1 else 's'} in memory.", links=count, counters=counters)

    def pause(self) -> None:
        """Take in no more frames, so that those who send to this transport feel it."""
        self._paused = True

    def resume(self) -> None:
        """Take in frames again."""
        self._paused = False
        for end in self._ends.values():
            self._schedule(end)

    @property
    def _link(self) -> LinkId:
        """What the others call the link with this transport."""
        return LinkId(f"loopback:{self.own_name}")

    def _tell(self, event: LinkEvent) -> None:
        if self._post is not None:
            self._post(event)

    def _greet(self, other: "LoopbackTransport") -> None:
        """The first half of the round trip; the second half runs at the other end, if it runs."""
        if self._post is not None and other._loop is not None:
            other._loop.call_soon(other._answer, self)

    def _answer(self, caller: "LoopbackTransport") -> None:
        if self._post is not None and caller._post is not None and caller._link not in self._ends:
            self._ends[caller._link], caller._ends[self._link] = _End(caller), _End(self)
            for side, link in ((caller, self._link), (self, caller._link)):
                side._tell(LinkUp(link, self._hub.mtu, self.capabilities, link.removeprefix("loopback:")))

    def _schedule(self, end: _End) -> None:
        if self._loop is not None and not end.scheduled and end.waiting and not self._paused:
            end.scheduled = True
            self._loop.call_soon(self._take_in, end)

    def _take_in(self, end: _End) -> None:
        """Deliver what waited when this turn of the loop began."""
        end.scheduled = False
        link = end.other._link
        for _ in range(len(end.waiting)):
            if self._paused or self._ends.get(link) is not end:
                return
            self._frames_in += 1
            self._tell(FrameReceived(link, end.waiting.popleft()))
        if end.owes_writable and len(end.waiting) <= self._hub.depth // 2:
            end.owes_writable = False
            end.other._tell(Writable(self._link))
        self._schedule(end)

    def _hang_up(self, link: LinkId, why: str, why_there: str) -> None:
        end = self._ends.pop(link, None)
        if end is not None:
            end.other._ends.pop(self._link, None)
            self._tell(LinkDown(link, why))
            end.other._tell(LinkDown(self._link, why_there))
