"""The links of one gateway as BlueZ has them: bluetoothd takes whatever it is given, and only a pace, or an answer, holds back.

The pace and the queue of a dialled link are those of the transport; the air is the world's.
"""

from collections.abc import Callable

from gateway.testing.world import World
from hw.bluez.adapter_pace import AdapterPace, Allowance
from hw.bluez.limits import MAX_VALUE
from transports.ble.outgoing import Outgoing
from transports.link import LinkId, Writable

ENDLESS = 1 << 30  # bytes bluetoothd takes for one link

Put = Callable[[bytes], bool]


class WorldTimer:
    """Calls something once, unless it is called off."""

    def __init__(self, world: World, seconds: float, what: Callable[[], None]) -> None:
        self._what: Callable[[], None] | None = what
        world.at(world.now + seconds, self._fire)

    def cancel(self) -> None:
        self._what = None

    def _fire(self) -> None:
        if self._what is not None:
            self._what()


def world_pace(world: World, rate: float, *, is_learning: bool = True) -> AdapterPace:
    return AdapterPace(lambda: world.now, lambda wait, what: WorldTimer(world, wait, what), rate, is_learning=is_learning)


class Arrived:
    """A link dialled to us: notified as its allowance has it (as `hw.bluez.sockets.Outlet`, whose socket bluetoothd always empties)."""

    def __init__(self, pace: AdapterPace, put: Put, writable: Callable[[], None]) -> None:
        self._put = put
        self._allowance: Allowance = pace.allowance(writable)

    def send(self, frame: bytes) -> bool:
        if not self._allowance.ask(len(frame)):
            return False
        self._allowance.level -= len(frame)
        return self._put(frame)

    def heard(self, frame: bytes) -> None:
        """Nobody tells that a notification has arrived."""


class Dialled:
    """A link we dialled: one write in a few is answered (as `transports.ble.dialled.DialledWay`)."""

    def __init__(self, world: World, pace: AdapterPace, put: Put, writable: Callable[[], None]) -> None:
        self._world = world
        self._pace = pace
        self._allowance = pace.allowance(writable)
        self._put = put
        self._writable = writable
        self._outgoing = Outgoing()
        self._fence: bytes | None = None
        self._began = 0.0
        self._wants_more = False

    def send(self, frame: bytes) -> bool:
        may = self._outgoing.is_full or self._allowance.ask(len(frame))
        if not may or not self._outgoing.offer(frame):
            self._wants_more = True
            return False
        self._allowance.level -= len(frame)
        self._write()
        return True

    def heard(self, frame: bytes) -> None:
        if frame is not self._fence:
            return
        self._fence = None
        if self._wants_more:
            self._wants_more = False
            self._pace.answered(self._world.now - self._began)
        self._write()

    def _write(self) -> None:
        while self._fence is None and (taken := self._outgoing.take()) is not None:
            frame, is_fence = taken
            if is_fence:
                self._fence, self._began = frame, self._world.now
            self._put(frame)
            if self._outgoing.room() and self._allowance.ask(MAX_VALUE):
                self._writable()


class BluezLinks:
    """Stands before a node's links in the ether; `dial` and `arrive` say which way each came up."""

    def __init__(self, world: World, node: str) -> None:
        self._world = world
        self._node = node
        self._ways: dict[LinkId, Arrived | Dialled] = {}
        self._send = world.radio.send
        world.radio.send = self.send

    def arrive(self, link: LinkId, pace: AdapterPace) -> Arrived:
        way = Arrived(pace, self._put(link), lambda: self._on_writable(link))
        self._ways[link] = way
        return way

    def dial(self, link: LinkId, pace: AdapterPace) -> Dialled:
        way = Dialled(self._world, pace, self._put(link), lambda: self._on_writable(link))
        self._ways[link] = way
        return way

    def send(self, port: str, link: LinkId, frame: bytes, now: float) -> bool:
        way = self._ways.get(link) if port == self._node else None
        return self._send(port, link, frame, now) if way is None else way.send(frame)

    def _put(self, link: LinkId) -> Put:
        return lambda frame: self._send(self._node, link, frame, self._world.now)

    def _on_writable(self, link: LinkId) -> None:
        self._world._note_link(self._world.nodes[self._node], self._world.radio, Writable(link), self._world.now)
