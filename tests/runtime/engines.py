"""Engines that do what a test tells them, and a pair of transports under one pump."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway.mesh.effects import Effect, Priority, SendFrame
from gateway.mesh.events import MeshEvent, Say
from gateway.runtime.pump import Pump
from transports.link import Capability, FrameReceived, LinkDown, LinkEvent, LinkId, LinkUp
from transports.loopback import LoopbackHub, LoopbackTransport

FAR = LinkId("loopback:far")  # what the pump's transport calls its link
GO = Say("go")


class ScriptedEngine:
    """Notes every event with its time; answers `Say` with the effects laid down in `answer`."""

    def __init__(self) -> None:
        self.events: list[MeshEvent] = []
        self.times: list[float] = []
        self.answer: list[Effect] = []
        self.wakeup: float | None = None
        self.react: Callable[[MeshEvent], list[Effect]] = lambda event: self.answer if isinstance(event, Say) else []

    def handle(self, event: MeshEvent, now: float) -> list[Effect]:
        self.events.append(event)
        self.times.append(now)
        return self.react(event)

    def next_wakeup(self) -> float | None:
        return self.wakeup


@dataclass
class Rig:
    """A pump whose only link leads to `far`."""

    engine: ScriptedEngine
    pump: Pump
    near: LoopbackTransport
    far: LoopbackTransport
    heard: list[LinkEvent]
    notices: list[Effect]
    hub: LoopbackHub

    @property
    def frames(self) -> list[bytes]:
        """What arrived at the far end."""
        return [event.frame for event in self.heard if isinstance(event, FrameReceived)]

    def send(self, *frames: tuple[bytes, Priority]) -> None:
        """Have the engine send these frames over the link."""
        self.engine.answer = [SendFrame((FAR,), frame, priority) for frame, priority in frames]
        self.pump.send(GO)


async def turns(count: int = 10) -> None:
    """Let the loop do what it has to do by now."""
    for _ in range(count):
        await asyncio.sleep(0)


@asynccontextmanager
async def linked(
    capabilities: Capability = Capability.LOCAL, *, depth: int = 2, notice: Callable[[Effect], None] | None = None
) -> AsyncIterator[Rig]:
    hub = LoopbackHub(depth=depth, capabilities=capabilities)
    engine, heard, notices = ScriptedEngine(), [], []
    near, far = hub.transport("near"), hub.transport("far")
    pump = Pump(engine, lambda effect, _now: (notice or notices.append)(effect))
    tasks = [asyncio.create_task(near.run(pump.post_to(near))), asyncio.create_task(far.run(heard.append))]
    try:
        await turns()
        assert [type(event) for event in heard] == [LinkUp]
        yield Rig(engine, pump, near, far, heard, notices, hub)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        pump.stop()
    assert isinstance(heard[-1], LinkDown)
