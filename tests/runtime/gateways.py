"""A whole gateway on an island of virtual phones, in virtual time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.app import Gateway
from gateway.config import load
from gateway.mesh.effects import Effect
from gateway.testing.island import Island
from gateway.testing.radio import Pace, VirtualRadio
from tests.testing.virtual_loop import run

PHONES = ("Ada", "Bela")


class Site:
    """A gateway on an island of phones, and what it reports."""

    def __init__(
        self,
        directory: Path,
        notice: Callable[[Effect, float], None] = lambda _effect, _now: None,
        trusted: Callable[[], bool] = lambda: True,
        *settings: str,
        island: Island | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        overrides = [f"gateway.state_dir={directory}", f"control.socket={directory}/control.sock"]
        overrides += ["transports.libp2p.enabled=false", "page.enabled=false", *settings]
        self.socket = directory / "control.sock"
        self.reports: list[str] = []
        self.island = island or Island("seed", PHONES)
        self.radio = VirtualRadio(self.island, pace=Pace(self.island, wall))
        config = load(None, {}, overrides).config
        self.gateway = Gateway(config, [self.radio], notice=notice, trusted=trusted, report=self.reports.append)
        self.stop = asyncio.Event()

    async def run_for(self, seconds: float) -> None:
        """Run the gateway so long, then stop it as a signal would."""
        asyncio.get_running_loop().call_later(seconds, self.stop.set)
        await self.gateway.run(self.stop)


def play(scene: Callable[[], Awaitable[None]]) -> None:
    """Run a scene in virtual time; no task may be left and nothing may have been left to the loop."""

    async def main() -> None:
        complaints = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
        await scene()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert not complaints

    run(main())
