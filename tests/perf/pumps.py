"""The asyncio pump with real system calls: what a frame costs from socket to sockets."""

import asyncio
import multiprocessing
import socket
import time
from collections.abc import Iterable
from itertools import pairwise
from multiprocessing.synchronize import Event
from random import Random

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


def measure(bench: Bench) -> None:
    """One socket in, six out, every packet new; the CPU of the gateway's process alone."""
    talker = phones(1)[0]
    relayed = messages([talker], COUNT)
    taken = [talker.announce(EPOCH_MS), *relayed]
    for frames, check, what, budget in (
        (relayed, None, "1 socket in, 6 out, asyncio: the system calls alone", None),
        (relayed, verify, "1 socket in, 6 out, asyncio, every packet new, sender unknown", END_TO_END),
        (taken, believe, "the same, sender known and text kept, no crypto", None),
        (taken, verify, "the same, Ed25519 verified", None),
    ):
        best = yard = float("inf")
        for _ in range(max(4, bench.repeats // 3)):
            yard = min(yard, bench.yard())
            best = min(best, asyncio.run(_run(check, frames)))
            yard = min(yard, bench.yard())
        bench.add_time(what, best, yard, budget)


class _Clock:
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


async def _run(check: Verify | None, frames: list[bytes]) -> float:
    """Seconds of CPU for one frame; without `check` there is no gateway, frames go out as they came in."""
    pairs = [pair() for _ in range(1 + OUTGOING)]
    links = {LinkId(f"radio:{number}"): near for number, (near, _) in enumerate(pairs)}
    transport = SocketTransport("radio", links, Capability.LOCAL, MTU)
    clock = _Clock()
    post = _mirror(transport, links, clock) if check is None else _gateway(check, clock).post_to(transport)
    go, done = FORK.Event(), asyncio.Event()
    talking = FORK.Process(target=_talk, args=([far for _, far in pairs], frames, go))
    talking.start()
    for _, far in pairs:
        far.close()
    asyncio.get_running_loop().add_reader(talking.sentinel, done.set)
    running = asyncio.create_task(transport.run(post))
    try:
        await asyncio.sleep(0)
        go.set()
        await done.wait()
    finally:
        asyncio.get_running_loop().remove_reader(talking.sentinel)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        talking.join()
    if talking.exitcode:
        raise RuntimeError("frames were lost")
    return clock.best()


def _gateway(check: Verify, clock: _Clock) -> Pump:
    rng = Random("gateway")
    engine = Mesh(Identity.generate(rng.randbytes), rng, MeshSettings(jitter=False, sync=False), verify=check)
    pump = Pump(engine, lambda _effect, _now: None, clock)
    pump.send(ClockSet(EPOCH_MS / 1000 - AHEAD_S))
    return pump


def _mirror(transport: SocketTransport, links: Iterable[LinkId], clock: _Clock) -> Post:
    _, *out = links

    def post(event: LinkEvent) -> None:
        if isinstance(event, FrameReceived):
            clock()
            for link in out:
                transport.send(link, event.frame)

    return post


def _talk(sockets: list[socket.socket], frames: list[bytes], go: Event) -> None:
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
