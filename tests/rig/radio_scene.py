"""Real radios of gateways on the rig's adapters: everything they post is kept and held against the contract."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from hw.bluez.adapters import Role, Wish
from transports.ble.config import BleConfig
from transports.ble.transport import BleTransport
from transports.conformance import Witness

RUN = Path("/run/rig")
PATIENCE_S = 120.0


def radio(adapter: str, role: Role = Role.BOTH, *more: Wish, tag: bytes = b"", reports: list[str] | None = None) -> BleTransport:
    """A gateway's radio on one adapter, or on several."""
    reports = reports if reports is not None else []
    return BleTransport(BleConfig(wishes=(Wish(adapter, role), *more), tag=tag), Random(adapter), reports.append)


@asynccontextmanager
async def running(*transports: BleTransport) -> AsyncIterator[tuple[Witness, ...]]:
    """Run them; all are stopped and checked at the end."""
    witnesses = tuple(Witness(transport, PATIENCE_S) for transport in transports)
    for witness in witnesses:
        witness.start()
    try:
        yield witnesses
    finally:
        await asyncio.gather(*(witness.stop() for witness in witnesses))
    for witness in witnesses:
        witness.check()


async def wait(condition: Callable[[], object], seconds: float = PATIENCE_S) -> float:
    """Look at what is not posted; returns the seconds it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(seconds):
        while not condition():
            await pause(0.1)
    return loop.time() - began


async def pause(seconds: float) -> None:
    """Let the guest's time pass."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(seconds, done.set_result, None)
    await done


async def meet(left: Witness, right: Witness) -> float:
    """Wait for a link, and for a frame each way over it; returns the seconds until the link."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await left.until(lambda: left.up, "LinkUp")
    await right.until(lambda: right.up, "LinkUp")
    took = loop.time() - began
    left.frames.clear()
    right.frames.clear()
    for witness in (left, right):
        for link in witness.up:
            witness.transport.send(link, b"hello")
    await left.until(lambda: left.frames, "a frame")
    await right.until(lambda: right.frames, "a frame")
    return took


def kill(name: str, number: int = signal.SIGKILL) -> None:
    """End a program of the guest; it comes back a second later."""
    os.kill(int((RUN / f"{name}.pid").read_text()), number)
