"""Gateways as processes of their own, with sockets for links; the phones at the other ends are here."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.process import BaseProcess
from random import Random

from gateway.bridge.engine import BridgeMode, GatewayEngine
from gateway.mesh.engine import Mesh
from gateway.mesh.identity import Identity
from gateway.mesh.settings import MeshSettings
from gateway.runtime.clock import TimeOfDay
from gateway.runtime.pump import Pump
from gateway.wire.types import MessageType
from tests.perf.frames import Phone
from tests.perf.pumps import FORK, PATIENCE_S
from tests.perf.sockets import MTU, SITE_MTU, SocketTransport, pair
from transports.link import Capability, LinkId

READY_S = 0.01  # seconds between two looks whether everybody is known


@contextmanager
def gateways(names: list[str], phones: int) -> Iterator[dict[str, list[socket.socket]]]:
    """Run a gateway for each name, each with so many phones; two are joined as sites.

    Yields the phones' ends, by gateway.
    """
    with ExitStack() as stack:
        radios = {name: [pair() for _ in range(phones)] for name in names}
        wire = pair() if len(names) == 2 else None
        if wire is not None:
            wire[1].setblocking(False)
        processes: list[BaseProcess] = []
        for index, name in enumerate(names):
            near = [near for near, _ in radios[name]]
            process = FORK.Process(target=_serve, args=(name, near, None if wire is None else wire[index]))
            process.start()
            processes.append(process)
            stack.callback(_end, process)
        for sock in (*(near for pairs in radios.values() for near, _ in pairs), *(wire or ())):
            sock.close()
        ends = {name: [stack.enter_context(far) for _, far in pairs] for name, pairs in radios.items()}
        for far in (far for fars in ends.values() for far in fars):
            far.settimeout(PATIENCE_S)
        yield ends


def introduce(talkers: list[Phone], ends: list[socket.socket], listener: socket.socket) -> None:
    """Let each phone announce itself, and wait until the last of them is known where `listener` is."""
    for phone, end in zip(talkers, ends, strict=False):
        end.send(phone.announce(int(time.time() * 1000)))
    wanted = {phone.peer_id for phone, end in zip(talkers, ends, strict=False) if end is not listener}
    while wanted:
        frame = listener.recv(MTU)
        if frame[1] == MessageType.ANNOUNCE:
            wanted.discard(frame[14:22])


def _serve(name: str, local: list[socket.socket], site: socket.socket | None) -> None:
    asyncio.run(_run(name, local, site))


async def _run(name: str, local: list[socket.socket], site: socket.socket | None) -> None:
    rng = Random(name)
    mesh = Mesh(Identity.generate(rng.randbytes), rng, MeshSettings(nickname=name, jitter=False))
    pump = Pump(GatewayEngine(mesh, BridgeMode.OPEN), lambda _effect, _now: None)
    radio = {LinkId(f"radio:{index}"): sock for index, sock in enumerate(local)}
    transports = [SocketTransport("radio", radio, Capability.LOCAL, MTU)]
    if site is not None:
        transports.append(SocketTransport("site", {LinkId("site:other"): site}, Capability.WIDE_AREA, SITE_MTU))
    await asyncio.gather(TimeOfDay(pump.send).keep(), *(transport.run(pump.post_to(transport)) for transport in transports))


def _end(process: BaseProcess) -> None:
    process.kill()
    process.join()
