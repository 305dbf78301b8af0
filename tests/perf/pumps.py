"""The asyncio pump with real system calls: what a frame costs from socket to sockets."""

import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from multiprocessing.synchronize import Event
from random import Random
from typing import Protocol

from gateway.mesh.engine import Mesh
from gateway.mesh.events import ClockSet
from gateway.mesh.identity import Identity
from gateway.mesh.peers import Verify
from gateway.mesh.settings import MeshSettings
from gateway.runtime.pump import Pump
from gateway.wire.signing import verify
from gateway.wire.types import MessageType
from tests.perf.frames import EPOCH_MS, messages, phones
from tests.perf.measure import Bench, Budget
from tests.perf.relay import believe
from tests.perf.sockets import MTU, SocketTransport, pair
from transports.link import Capability, FrameReceived, LinkEvent, LinkId, Post

COUNT = 2_000
CHUNK = 50  # frames on their way at once, less than a socket holds
REPEAT = 50  # frames of one repeat, of which the best counts
SPACING_S = 0.02  # seconds of the engine's clock between two frames, so that one link's rate limits are not reached
AHEAD_S = 1e9  # seconds the engine's clock is ahead of the loop's, so that its timers never fire
OUTGOING = 6
PATIENCE_S = 10.0
END_TO_END = Budget(10, "Y")
FORK = multiprocessing.get_context("fork")


class End(Protocol):
    """The far end of a link, used like a socket."""

    def send(self, frame: bytes, /) -> int:
        """Give a frame."""

    def recv(self, size: int, /) -> bytes:
        """Take a frame."""

    def settimeout(self, seconds: float, /) -> None:
        """Wait no longer."""

    def close(self) -> None:
        """Let go."""


def measure(bench: Bench) -> None:
    """One socket in, six out, every packet new; the CPU of the gateway's process alone."""
    talker = phones(1)[0]
    relayed = messages([talker], COUNT)
    taken = [talker.announce(EPOCH_MS), *relayed]
    relayed_by(bench, "1 socket in, 6 out, asyncio: the system calls alone", lambda: mirrored(relayed))
    relayed_by(bench, "1 socket in, 6 out, asyncio, every packet new, sender unknown", lambda: _run(verify, relayed), END_TO_END)
    relayed_by(bench, "the same, sender known and text kept, no crypto", lambda: _run(believe, taken))
    relayed_by(bench, "the same, Ed25519 verified", lambda: _run(verify, taken))


def relayed_by(bench: Bench, what: str, run: Callable[[], Coroutine[None, None, float]], budget: Budget | None = None) -> float:
    """Record the best of several runs, each giving the seconds of CPU for one frame; returns it."""
    best = yard = float("inf")
    for _ in range(max(4, bench.repeats // 3)):
        yard = min(yard, bench.yard())
        best = min(best, asyncio.run(run()))
        yard = min(yard, bench.yard())
    bench.add_time(what, best, yard, budget)
    return best


class Clock:
    """Time that passes with the frames, and the CPU used by then."""

    def __init__(self) -> None:
        self.now = AHEAD_S
        self.frames = 0
        self.used: list[float] = []

    def __call__(self) -> float:
        """One more frame has come."""
        if self.frames % REPEAT == 0:
            self.used.append(time.process_time())
        self.frames += 1
        self.now += SPACING_S
        return self.now

    def best(self) -> float:
        """Seconds of CPU for one frame, in the best repeat."""
        return min(after - before for before, after in pairwise(self.used[1:])) / REPEAT


async def mirrored(frames: list[bytes]) -> float:
    """Seconds of CPU for one frame without a gateway: frames go out as they came in."""
    clock = Clock()
    return await _through(frames, clock, lambda transport, links: _mirror(transport, links, clock))


async def _run(check: Verify, frames: list[bytes]) -> float:
    clock = Clock()
    return await _through(frames, clock, lambda transport, _links: gateway(check, clock).post_to(transport))


async def _through(frames: list[bytes], clock: Clock, make_post: Callable[[SocketTransport, list[LinkId]], Post]) -> float:
    pairs = [pair() for _ in range(1 + OUTGOING)]
    links = {LinkId(f"radio:{number}"): near for number, (near, _) in enumerate(pairs)}
    transport = SocketTransport("radio", links, Capability.LOCAL, MTU)
    post = make_post(transport, list(links))
    running = asyncio.create_task(transport.run(post))
    try:
        await asyncio.sleep(0)
        async with talking([far for _, far in pairs], frames):
            pass
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return clock.best()


@asynccontextmanager
async def talking(ends: Sequence[End], frames: list[bytes]) -> AsyncIterator[None]:
    """Let the phones, a process of their own, use these ends until every frame has reached everybody.

    Raises:
        RuntimeError: frames were lost.
    """
    go, done = FORK.Event(), asyncio.Event()
    process = FORK.Process(target=_talk, args=(ends, frames, go))
    process.start()
    for end in ends:
        end.close()
    asyncio.get_running_loop().add_reader(process.sentinel, done.set)
    try:
        go.set()
        yield
        await done.wait()
    finally:
        asyncio.get_running_loop().remove_reader(process.sentinel)
        process.join()
    if process.exitcode:
        raise RuntimeError("frames were lost")


def gateway(check: Verify, clock: Clock) -> Pump:
    rng = Random("gateway")
    engine = Mesh(Identity.generate(rng.randbytes), rng, MeshSettings(jitter=False, sync=False), verify=check)
    pump = Pump(engine, lambda _effect, _now: None, clock)
    pump.send(ClockSet(EPOCH_MS / 1000 - AHEAD_S))
    return pump


def _mirror(transport: SocketTransport, links: Iterable[LinkId], clock: Clock) -> Post:
    _, *out = links

    def post(event: LinkEvent) -> None:
        if isinstance(event, FrameReceived):
            clock()
            for link in out:
                transport.send(link, event.frame)

    return post


def _talk(sockets: Sequence[End], frames: list[bytes], go: Event) -> None:
    """The phones, a process of its own: one sends, the others wait until they have everything."""
    for sock in sockets:
        sock.settimeout(PATIENCE_S)
    into, *out = sockets
    go.wait(PATIENCE_S)
    for start in range(0, len(frames), CHUNK):
        chunk = frames[start : start + CHUNK]
        for frame in chunk:
            into.send(frame)
        messages_sent = sum(frame[1] == MessageType.MESSAGE for frame in chunk)
        for sock in out:
            arrived = 0
            while arrived < messages_sent:
                arrived += sock.recv(MTU)[1] == MessageType.MESSAGE
