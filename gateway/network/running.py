"""A network while it runs: transports, trunks, exchange, and everything that waits for them."""

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from random import SystemRandom
from tempfile import TemporaryDirectory

from gateway.bridge.trunks import Trunks
from gateway.errors import DecodeError, GatewayError, Reason
from gateway.mesh.effects import Effect
from gateway.mesh.events import Tick
from gateway.mesh.records import Decided, Verb
from gateway.network import exchange, reach
from gateway.network.config import NetworkConfig
from gateway.network.events import Event, Line, Message, PeerDown, PeerUp, Trouble
from gateway.network.exchange import Exchange
from gateway.network.peers import Peer
from gateway.network.receipts import Receipts
from gateway.runtime.pump import Pump
from gateway.runtime.supervise import Supervised
from gateway.wire.envelope_schema import PACKET_ID
from gateway.wire.program import Fate, decode_value
from transports.gate import Called, Gated, Table
from transports.libp2p.identity import is_peer_id, load_peer_id
from transports.limits import CHILD_START_S
from transports.link import Capability, LinkEvent, LinkUp, Post, Transport, TransportState, TransportStatus

GOODBYE_S = 2.0  # seconds the last receipts have to leave
OVER = "This network was shut down."
_POLL_S = 0.05


class NetworkError(GatewayError):
    """It cannot be done; the text says why."""


class Running:
    """One run of a network, from `start` to `stop`.

    Args:
        config: what the program decided.
        transports: in place of those the configuration names.

    """

    def __init__(self, config: NetworkConfig, transports: Sequence[Transport] | None) -> None:
        self.config = config
        self.receipts = Receipts()
        self.known: set[str] = set()
        self._called: dict[tuple[str, str], tuple[str, ...]] = {}  # by transport and peer ID: where it is called
        self.is_over = False
        self.broken: BaseException | None = None
        self._given = transports
        self._line = Line()
        self._news = asyncio.Event()  # something waits in the line, or nothing ever will again
        self._changed = asyncio.Event()  # a peer came or went; replaced whenever it is set
        self._kick: asyncio.Handle | None = None
        self._stack = AsyncExitStack()
        self._supervised: list[Supervised] = []

    async def start(self) -> None:
        """Start every transport and wait until it listens.

        Raises:
            NetworkError: one cannot listen.
            ModuleNotFoundError: it is not installed.
            IdentityError: the key cannot be used.
            CertificateError: the certificate cannot be used.

        """
        async with AsyncExitStack() as stack:
            folder = Path(self.config.state_dir or stack.enter_context(TemporaryDirectory(prefix="meshgate-")))
            rng = SystemRandom()
            transports = self._given if self._given is not None else reach.build(self.config, folder, rng, self._trouble)
            self.peer_id = load_peer_id(folder / reach.KEY)
            self.exchange = Exchange(self.peer_id, secrets.token_bytes(PACKET_ID), self, _wall_ms)
            self.trunks = Trunks(self.exchange, self.config.transport_priority, secrets.token_bytes)
            self._pump = Pump(self.trunks, self._notice)
            self._pump.broken.add_done_callback(self._break)
            self._supervised = [Supervised(transport, rng, self._trouble) for transport in transports]
            stack.callback(self._end)
            for one in self._supervised:
                task = asyncio.create_task(one.run(self._post_to(one.transport)), name=one.transport.name)
                stack.push_async_callback(_cancel, task)
            await self._until_listening()
            self._stack = stack.pop_all()

    async def stop(self) -> None:
        """Let the last receipts leave, close every link, and end."""
        self.flush()
        end = asyncio.get_running_loop().time() + GOODBYE_S
        # Nothing tells of the last acknowledgement.
        while self.trunks.kept and self.exchange.up() and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)
        await self._stack.aclose()

    def names(self) -> set[str]:
        """The transports there are."""
        return {one.transport.name for one in self._supervised}

    def status(self) -> tuple[TransportStatus, ...]:
        """What each transport has to say."""
        return tuple(one.status() for one in self._supervised)

    def peers(self) -> dict[str, Peer]:
        """Everybody who may be linked."""
        routes = {route.site: route for route in self.trunks.routes()}
        found = {}
        for peer_id in sorted(self.known):
            route = routes.get(peer_id)
            over, spare, why = (route.using, route.spare, route.why) if route is not None else (None, (), "")
            found[peer_id] = Peer(
                peer_id,
                self.exchange.is_up(peer_id),
                over.partition(":")[0] if over is not None else "",
                tuple(link.partition(":")[0] for link in spare),
                why,
                self.exchange.open_messages(peer_id),
            )
        return found

    def allow(self, peer_id: str, by_transport: Mapping[str, Sequence[str]]) -> None:
        """Let a program in everywhere, and call it where there is an address.

        Raises:
            NetworkError: there are as many as may be, or it is no ID.

        """
        if peer_id not in self.known and len(self.known) >= self.config.max_peers:
            raise NetworkError(f"There are {self.config.max_peers} peers already, as many as max_peers allows.")
        if self._given is None and not is_peer_id(peer_id):
            raise NetworkError(f"{peer_id!r} is not the ID of a gateway; such an ID starts with 12D3KooW.")
        self.known.add(peer_id)
        self.exchange.allow(peer_id)
        for name, addresses in by_transport.items():
            self._called[name, peer_id] = tuple(addresses)
        self._renew()

    def part(self, peer_id: str) -> None:
        """Let a program in no more."""
        self.known.discard(peer_id)
        self.exchange.forget(peer_id, "It was parted with.")
        self._called = {key: addresses for key, addresses in self._called.items() if key[1] != peer_id}
        self._renew()

    async def changed(self) -> None:
        """Wait until a peer comes or goes."""
        await self._changed.wait()

    async def next(self) -> Event | None:
        """Take the next event, and acknowledge it if it is a message; None once there will be no more."""
        while not self.is_over and self.broken is None:
            event = self._line.take()
            if isinstance(event, Message):
                self.exchange.taken(event.peer_id, bytes.fromhex(event.message_id))
                self.soon()
            if event is not None:
                return event
            self._news.clear()
            await self._news.wait()
        return None

    def soon(self) -> None:
        """Let what was taken and submitted in this turn of the loop leave together."""
        if self._kick is None:
            self._kick = asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Let it leave now."""
        self._kick = None
        self._pump.send(Tick())

    def peer_up(self, peer_id: str) -> None:
        """Of `gateway.network.exchange.Ears`."""
        self._tell(PeerUp(peer_id))

    def peer_down(self, peer_id: str, reason: str) -> None:
        """Of `gateway.network.exchange.Ears`."""
        self._tell(PeerDown(peer_id, reason))

    def no_program(self, peer_id: str) -> None:
        """Of `gateway.network.exchange.Ears`."""
        self._tell(PeerDown(peer_id, exchange.NO_PROGRAM))

    def said(self, peer_id: str, message_id: bytes, body: bytes) -> Fate | None:
        """Of `gateway.network.exchange.Ears`."""
        try:
            message = Message(peer_id, message_id.hex(), decode_value(body))
        except DecodeError:
            return Fate.UNREADABLE
        self._news.set()
        return None if self._line.offer(message, len(body)) else Fate.NO_ROOM

    def sent(self, message_id: bytes) -> None:
        """Of `gateway.network.exchange.Ears`."""
        receipt = self.receipts.get(message_id.hex())
        if receipt is not None:
            receipt.sent()

    def settled(self, message_id: bytes, reason: str) -> None:
        """Of `gateway.network.exchange.Ears`."""
        receipt = self.receipts.get(message_id.hex())
        if receipt is not None:
            receipt.settle(reason)

    def _renew(self) -> None:
        """Tell every transport who may link, and whom to call where."""
        for one in self._supervised:
            if isinstance(one.transport, Gated):
                one.transport.renew(Table({peer: Called(self._called.get((one.transport.name, peer), ())) for peer in sorted(self.known)}))

    async def _until_listening(self) -> None:
        """Wait for every transport; one that cannot listen is not passed over in silence."""
        loop = asyncio.get_running_loop()
        end = loop.time() + CHILD_START_S
        for one in self._supervised:
            while isinstance(one.transport, Gated) and not (status := one.status()).addresses:
                if (status.state is TransportState.DOWN and status.remedy) or loop.time() > end:
                    raise NetworkError(f"{status.name} cannot be used: {status.sentence} {status.remedy}".strip())
                await asyncio.sleep(_POLL_S)

    def _end(self) -> None:
        """Nothing runs any more."""
        self.is_over = True
        if self._kick is not None:
            self._kick.cancel()
        self._pump.stop()
        self.receipts.settle_all(OVER)
        self._news.set()
        self._change()

    def _break(self, broken: asyncio.Future[None]) -> None:
        """The engine has raised: it is not to be trusted any more, and everybody who waits is told so."""
        if not broken.cancelled():
            self.broken = broken.exception()
            self.receipts.settle_all(f"The network broke down: {self.broken}")
            self._news.set()
            self._change()

    def _post_to(self, transport: Transport) -> Post:
        """Return how a transport reports; its links cost money if the configuration says so."""
        post = self._pump.post_to(transport)
        if transport.name not in self.config.metered:
            return post

        def metered(event: LinkEvent) -> None:
            post(replace(event, capabilities=event.capabilities | Capability.METERED) if isinstance(event, LinkUp) else event)

        return metered

    def _notice(self, effect: Effect, _now: float) -> None:
        if isinstance(effect, Decided) and isinstance(effect.subject, bytes) and effect.verb in (Verb.DROPPED, Verb.LOST):
            self.exchange.not_sent(effect.subject, exchange.FULL if effect.reason is Reason.QUEUE_FULL else exchange.LOST)

    def _trouble(self, sentence: str) -> None:
        self._line.tell(Trouble(sentence))
        self._news.set()

    def _tell(self, event: PeerUp | PeerDown) -> None:
        self._line.tell(event)
        self._news.set()
        self._change()

    def _change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
