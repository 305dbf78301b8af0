"""The composition root: the one module that knows everybody.

It builds a gateway out of a configuration and runs it until it is told to stop.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from random import Random, SystemRandom

from gateway import admin
from gateway.bridge.engine import BridgeMode, GatewayEngine
from gateway.config import Config
from gateway.mesh.effects import Effect
from gateway.mesh.engine import Mesh
from gateway.mesh.identity import Identity
from gateway.mesh.settings import MeshSettings
from gateway.runtime.clock import keep_wall_clock
from gateway.runtime.keyfile import load_identity
from gateway.runtime.pump import Pump
from gateway.runtime.supervise import Supervised
from gateway.status import GatewayStatus, describe
from transports.libp2p.config import Libp2pConfig
from transports.libp2p.transport import Libp2pTransport
from transports.link import Transport

OPEN_MARK = " (open bridge)"
"""Follows the nickname while the bridge is open, so that everybody on the air can see it."""


class Gateway:
    """A running gateway.

    Args:
        config: what the operator decided.
        radios: transports of the local mesh; none means there is no radio.
        trouble: why there is no radio and what to do, for the status; empty if there is one.
        notice: told everything the engine reports beside frames.
        report: told one sentence per change of state, for the log.
        rng: randomness; cryptographic unless a test says otherwise.

    """

    def __init__(
        self,
        config: Config,
        radios: Sequence[Transport],
        *,
        trouble: tuple[str, str] | None = None,
        notice: Callable[[Effect, float], None] = lambda _effect, _now: None,
        report: Callable[[str], None] = lambda _sentence: None,
        rng: Random | None = None,
    ) -> None:
        self.config = config
        self.trouble = trouble
        self._notice = notice
        self._report = report
        self._rng = rng or SystemRandom()
        self.identity: Identity = load_identity(config.gateway.state_dir / "identity.key")
        mode = BridgeMode(config.bridge.mode.value)
        nickname = config.gateway.nickname + (OPEN_MARK if mode is BridgeMode.OPEN else "")
        self.engine = GatewayEngine(Mesh(self.identity, self._rng, MeshSettings(nickname=nickname)), mode)
        self.libp2p = self._libp2p()
        transports = [*radios, *([self.libp2p] if self.libp2p is not None else [])]
        self._supervised = [Supervised(transport, self._rng, report) for transport in transports]
        self._pump: Pump | None = None
        self._started = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then say goodbye on the radio and close every link."""
        loop = asyncio.get_running_loop()
        self._started = loop.time()
        pump = self._pump = Pump(self.engine, self._notice)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(admin.serve(self.config.control.socket, self.status))
            tasks = [asyncio.create_task(keep_wall_clock(pump.send), name="clock")]
            tasks += [asyncio.create_task(one.run(pump.post_to(one.transport)), name=one.transport.name) for one in self._supervised]
            stopping = asyncio.create_task(stop.wait(), name="stop")
            try:
                await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
                now = loop.time()
                pump.carry_out(self.engine.leave(now), now)
            finally:
                stopping.cancel()
                for task in tasks:
                    task.cancel()
                results = await asyncio.gather(*tasks, return_exceptions=True)
                pump.stop()
            for result in results:
                if isinstance(result, Exception):
                    raise result

    def status(self) -> GatewayStatus:
        """Return a snapshot for the page, the command line and programs."""
        now = asyncio.get_running_loop().time()
        waiting = self._pump.waiting_bytes if self._pump is not None else 0
        transports = [one.status() for one in self._supervised]
        return describe(self.engine, transports, self.trouble, waiting, now - self._started, now)

    def _libp2p(self) -> Libp2pTransport | None:
        chosen = self.config.transports.libp2p
        if not chosen.enabled:
            return None
        config = Libp2pConfig(identity_path=chosen.identity_file, listen=chosen.listen, members=chosen.members, peers=chosen.peers)
        return Libp2pTransport(config, self._rng, lambda level, sentence: self._report(f"libp2p {level}: {sentence}"))
