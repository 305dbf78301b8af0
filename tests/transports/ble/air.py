"""An air in memory: who advertises, who hears it, and the connections between them.

It knows neither BlueZ nor D-Bus. Everybody hears everybody unless the air between two is cut. What arrives
arrives after `latency`, in order; a connection that ends tells both sides a moment later. Its time is that of
`tests.testing.virtual_loop`.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from transports.ble.edge import DialError, DialFailure, Heard

DEPTH = 8  # frames a connection holds in one direction


class Pipe:
    """One direction of a connection."""

    def __init__(self, latency: float) -> None:
        self.deliver: Callable[[bytes], None] = lambda _frame: None
        self.on_room: Callable[[], None] = lambda: None
        self.stalled = False
        self._latency = latency
        self._room = asyncio.Event()
        self._waiting: deque[bytes] = deque()
        self._refused = False
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def push(self, frame: bytes) -> bool:
        if len(self._waiting) >= DEPTH:
            self._refused = True
            self._room.clear()
            return False
        self._waiting.append(frame)
        if self._timer is None and not self.stalled:
            self._timer = asyncio.get_running_loop().call_later(self._latency, self._drain)
        return True

    def close(self) -> None:
        self._closed = True
        self._room.set()

    async def room(self) -> None:
        """Wait until something has left, or the connection ended."""
        await self._room.wait()

    def _drain(self) -> None:
        self._timer = None
        while self._waiting and not self._closed:
            self.deliver(self._waiting.popleft())
        self._room.set()
        if self._refused and not self._closed:
            self._refused = False
            self.on_room()


@dataclass(eq=False)
class Ear:
    """A radio on the air: may advertise, may scan, has connections."""

    address: str
    rssi: int = -60
    tag: bytes = b""
    mtu: int = 512
    capacity: int = 100
    advertises: bool = False
    never_subscribes: bool = False
    refuses: DialFailure | None = None  # how it answers those who dial it
    hear: "Callable[[Ear], None] | None" = None  # set while it scans
    on_caller: "Callable[[Connection], None]" = lambda _connection: None
    connections: "list[Connection]" = field(default_factory=list)

    def hang_up_all(self, why: str) -> None:
        for connection in tuple(self.connections):
            connection.end(why)


class Connection:
    """Two radios that are connected; both ends set what they want to be told."""

    def __init__(self, air: "Air", caller: Ear, called: Ear) -> None:
        self.caller, self.called = caller, called
        self.mtu = min(caller.mtu, called.mtu)
        self.latency = air.latency
        self.to_called = Pipe(air.latency)
        self.to_caller = Pipe(air.latency)
        self.on_end: list[Callable[[str], None]] = []
        self.ended = ""
        caller.connections.append(self)
        called.connections.append(self)

    def end(self, why: str) -> None:
        if self.ended:
            return
        self.ended = why
        self.caller.connections.remove(self)
        self.called.connections.remove(self)
        self.to_called.close()
        self.to_caller.close()
        for told in self.on_end:
            asyncio.get_running_loop().call_soon(told, why)


class Air:
    """Carries advertisements once every `interval` seconds, and connections."""

    def __init__(self, latency: float = 0.01, interval: float = 0.1) -> None:
        self.latency = latency
        self.interval = interval
        self.ears: list[Ear] = []
        self._cuts: set[frozenset[str]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def join(self, ear: Ear) -> Ear:
        self.ears.append(ear)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.interval, self._tick)
        return ear

    def leave(self, ear: Ear) -> None:
        ear.hang_up_all("out of reach")
        self.ears.remove(ear)

    def cut(self, one: str, other: str) -> None:
        """Nothing passes between two addresses any more; their connections time out."""
        self._cuts.add(frozenset((one, other)))
        for ear in self.ears:
            for connection in tuple(ear.connections):
                if {connection.caller.address, connection.called.address} == {one, other}:
                    connection.end("supervision timeout")

    def heal(self) -> None:
        self._cuts.clear()

    def reaches(self, one: Ear, other: Ear) -> bool:
        return frozenset((one.address, other.address)) not in self._cuts

    async def reach(self, caller: Ear, heard: Heard) -> Ear:
        """Whom a call reaches; fails in the ways of a real radio, and never ends for who does not answer."""
        await asyncio.sleep(3 * self.latency)
        called = next((ear for ear in self.ears if ear.address == heard.address and ear.advertises and self.reaches(caller, ear)), None)
        if called is None or called.refuses is DialFailure.TIMEOUT:
            await asyncio.get_running_loop().create_future()
        if called.refuses is not None:
            raise DialError(called.refuses)
        if len(caller.connections) >= caller.capacity or len(called.connections) >= called.capacity:
            raise DialError(DialFailure.ABORTED, "le-connection-abort-by-local")
        if any(called in (other.caller, other.called) for other in caller.connections):
            raise DialError(DialFailure.ABORTED, "connected already")
        return called

    def connect(self, caller: Ear, heard: Heard, on_frame: Callable[[bytes], None], on_end: Callable[[str], None]) -> Connection:
        """Connect with somebody who was reached a moment ago."""
        called = next((ear for ear in self.ears if ear.address == heard.address and self.reaches(caller, ear)), None)
        if called is None:
            raise DialError(DialFailure.ABORTED)
        connection = Connection(self, caller, called)
        connection.to_caller.deliver = on_frame
        connection.on_end.append(on_end)
        called.on_caller(connection)
        return connection

    def _tick(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self.interval, self._tick)
        for ear in tuple(self.ears):
            if ear.advertises:
                for other in tuple(self.ears):
                    if other.hear is not None and other is not ear and self.reaches(ear, other):
                        other.hear(ear)
