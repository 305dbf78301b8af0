"""A gateway's radio in a scene: started, stopped, and everything it posts and reports kept."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import asynccontextmanager

from tests.testing import virtual_loop
from tests.transports.ble.air import Air, Connection, Ear
from tests.transports.ble.machine import Machine
from transports.ble.edge import Heard
from transports.ble.transport import BleTransport
from transports.link import FrameReceived, LinkDown, LinkId, LinkUp, Writable

OWN, OTHER = "AA:00:00:00:00:01", "AA:00:00:00:00:02"


class Listener:
    """Runs a transport; `up` are its links, `downs` the reasons of those that ended."""

    def __init__(self, machine: Machine, **config: object) -> None:
        self.machine = machine
        self.reports: list[str] = []
        self.transport: BleTransport = machine.transport(self.reports.append, **config)
        self.up: dict[LinkId, LinkUp] = {}
        self.downs: list[str] = []
        self.frames: list[bytes] = []
        self.writables = 0
        self.refuses_links = False  # as an engine that closes whatever comes up
        self._awaited: dict[bytes, asyncio.Future[None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def arrival(self, frame: bytes) -> None:
        """Wait for one frame that has not come yet."""
        self._awaited[frame] = asyncio.get_running_loop().create_future()
        await self._awaited[frame]

    def post(self, event) -> None:
        match event:
            case LinkUp():
                assert event.link not in self.up
                self.up[event.link] = event
                if self.refuses_links:
                    self.transport.close(event.link, "not wanted")
            case LinkDown():
                del self.up[event.link]
                self.downs.append(event.reason)
            case FrameReceived():
                assert event.link in self.up
                self.frames.append(event.frame)
                if event.frame in self._awaited:
                    self._awaited.pop(event.frame).set_result(None)
            case Writable():
                assert event.link in self.up
                self.writables += 1

    def start(self) -> None:
        self._task = asyncio.create_task(self.transport.run(self.post))

    async def stop(self) -> None:
        self._task.cancel()
        result = (await asyncio.gather(self._task, return_exceptions=True))[0]
        assert isinstance(result, asyncio.CancelledError), result
        assert not self.up

    async def until(self, condition: Callable[[], object], seconds: float = 60.0) -> float:
        """Wait; returns the seconds it took, and fails when the transport itself ends."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not condition():
            assert not self._task.done(), self._task
            assert loop.time() - began < seconds, (self.transport.status(), self.reports)
            await asyncio.sleep(0.05)
        return loop.time() - began

    @property
    def link(self) -> LinkId:
        assert len(self.up) == 1
        return next(iter(self.up))

    @property
    def counters(self):
        return self.transport.status().counters


@asynccontextmanager
async def running(*listeners: Listener):
    """Start them, and stop them whatever happens; nothing may be left behind."""
    before = asyncio.all_tasks()
    for listener in listeners:
        listener.start()
    try:
        yield
    finally:
        for listener in listeners:
            await listener.stop()
    assert not asyncio.all_tasks() - before


class Phone:
    """A device that dials us and says what it is told to."""

    def __init__(self, air: Air, address: str, *, mtu: int = 512) -> None:
        self.air = air
        self.ear = air.join(Ear(address, mtu=mtu))
        self.got: list[bytes] = []
        self.ends: list[str] = []
        self.connection: Connection | None = None

    async def dial(self, machine: Machine, number: int = 0) -> None:
        address = machine.controllers[number].address
        heard = Heard("", address, is_random=False, rssi=-50)
        await self.air.reach(self.ear, heard)
        self.connection = self.air.connect(self.ear, heard, self.got.append, self.ends.append)

    def write(self, frame: bytes) -> bool:
        return self.connection.to_called.push(frame)


def play(scene: Callable[[], Coroutine[object, object, None]]) -> None:
    """Play a scene in virtual time."""
    virtual_loop.run(scene())
