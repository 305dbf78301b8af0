"""The radio's path: from the descriptor of one phone through transport, engine and pump to the notify sockets of six others."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from random import Random

from gateway.bridge.engine import BridgeMode, GatewayEngine
from gateway.mesh.engine import Mesh
from gateway.mesh.identity import Identity
from gateway.mesh.settings import MeshSettings
from gateway.runtime.clock import TimeOfDay
from gateway.runtime.pump import Pump
from gateway.wire.signing import verify
from tests.perf.bluez_sockets import PhoneEnd, radio
from tests.perf.frames import EPOCH_MS, messages, phones
from tests.perf.islands import introduce
from tests.perf.latency import LATENCY, PHONES, again, delays, flood
from tests.perf.measure import Bench, Budget
from tests.perf.pumps import COUNT, FORK, OUTGOING, PATIENCE_S, Clock, gateway, mirrored, relayed_by, talking
from tests.perf.relay import believe

RELAYED = Budget(10, "Y")
HOSTILE_RATE = 2_000  # duplicates a second from one phone
DELAY_MS = Budget(50, "ms")
TEXTS = 200


def measure(bench: Bench) -> None:
    """A packet's cost beside raw sockets, then the latency of honest phones while one is hostile."""
    talker = phones(1)[0]
    relayed = messages([talker], COUNT)
    taken = [talker.announce(EPOCH_MS), *relayed]
    raw = relayed_by(bench, "raw sockets: 1 in, 6 out, asyncio, nothing decided", lambda: mirrored(relayed))
    ours = relayed_by(bench, "one notification in, relayed to 6 notify sockets, sender unknown", lambda: _through(verify, relayed), RELAYED)
    bench.add("    in times of raw sockets", ours / raw, "x")
    relayed_by(bench, "the same, sender known and text kept, no crypto", lambda: _through(believe, taken))
    relayed_by(bench, "the same, Ed25519 verified", lambda: _through(verify, taken))
    with island(PHONES) as ends:
        talkers = phones(PHONES)
        introduce(talkers, ends, ends[-1])
        calm = sorted(delays(talkers, ends, ends, TEXTS))
        yard = min(bench.yard() for _ in range(10))
    bench.add_time("latency of a text from phone to phone, p99", calm[int(len(calm) * 0.99)], yard, LATENCY, rate=False)
    with island(PHONES + 1) as ends:
        survived, worst = flood(ends, again(), HOSTILE_RATE, TEXTS)
    bench.add("duplicates from one hostile phone meanwhile", survived, "/s")
    bench.add("    the longest delay of a text of the others", worst * 1000, "ms", DELAY_MS)


async def _through(check: object, frames: list[bytes]) -> float:
    """Seconds of CPU for one frame of the gateway's process."""
    ends: asyncio.Future[list[PhoneEnd]] = asyncio.get_running_loop().create_future()
    transport = radio(1 + OUTGOING, ends.set_result)
    clock = Clock()
    running = asyncio.create_task(transport.run(gateway(check, clock).post_to(transport)))
    try:
        async with talking(await ends, frames):
            pass
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return clock.best()


@contextmanager
def island(count: int) -> Iterator[list[PhoneEnd]]:
    """Run a gateway with so many phones as a process of its own; yields what BlueZ would hold for them."""
    here, there = socket.socketpair()
    process = FORK.Process(target=_serve, args=(count, there))
    process.start()
    there.close()
    with ExitStack() as stack:
        stack.callback(process.join)
        stack.callback(process.kill)
        stack.callback(here.close)
        ends = []
        for _ in range(count):
            _, (write, notify), _, _ = socket.recv_fds(here, 1, 2)
            end = PhoneEnd(write, notify)
            stack.callback(end.close)
            end.settimeout(PATIENCE_S)
            ends.append(end)
        yield ends


def _serve(count: int, there: socket.socket) -> None:
    def hand_over(ends: list[PhoneEnd]) -> None:
        for end in ends:
            socket.send_fds(there, [b"!"], end.descriptors)
            end.close()

    asyncio.run(_run(radio(count, hand_over)))


async def _run(transport: object) -> None:
    rng = Random("island")
    mesh = Mesh(Identity.generate(rng.randbytes), rng, MeshSettings(jitter=False))
    pump = Pump(GatewayEngine(mesh, BridgeMode.OFF), lambda _effect, _now: None)
    await asyncio.gather(TimeOfDay(pump.send).keep(), transport.run(pump.post_to(transport)))
