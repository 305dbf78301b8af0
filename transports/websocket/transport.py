"""Links to other gateways over WebSocket and TLS."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import count, cycle

from transports.backoff import Backoff
from transports.libp2p.identity import is_peer_id, load_seed, peer_id_of
from transports.limits import HANDSHAKE_TIMEOUT_S, MAX_LINK_FRAME, MAX_MEMBERS, MAX_PEER_ADDRESSES, WS_GOODBYE_S
from transports.link import Capability, LinkId, Post, TransportStatus
from transports.websocket.address import Address, parse_listen, parse_peer
from transports.websocket.calls import CallError, Calls
from transports.websocket.certificate import calling_context, load_certificate
from transports.websocket.config import WebSocketConfig
from transports.websocket.door import Door
from transports.websocket.errors import Refusal, RefusedError
from transports.websocket.links import Links
from transports.websocket.protocol import Admit
from transports.websocket.report import report
from transports.websocket.stream import Socket, Stream

OnNotice = Callable[[str, str], None]
"""Told ``(level, sentence)``; level is info, warning or error."""

_TICK_S = 0.5


class WebSocketTransport:
    """Holds one link to every member of the federation that can be reached, `websocket:<peer id>`.

    The constructor reads (or makes) the key and the certificate, so what cannot be used is found before anything runs.

    Args:
        config: what the operator decided.
        rng: source of the jitter between calls.
        on_notice: told what happens.
        admit: who may link, given a proved peer ID and the ticket it showed (empty for none); the members of
            the configuration unless given. It is asked again every half second, with an empty ticket, about those
            who are linked: who is not let in any more is parted with.
        ticket_for: the ticket to show to a gateway that is called, empty for none.

    Raises:
        IdentityError: the key file cannot be used.
        CertificateError: the certificate or its key cannot be used.

    """

    name = "websocket"
    capabilities = Capability.WIDE_AREA | Capability.DIRECTED

    def __init__(
        self,
        config: WebSocketConfig,
        rng: random.Random,
        on_notice: OnNotice = lambda _level, _sentence: None,
        *,
        admit: Admit | None = None,
        ticket_for: Callable[[str], bytes] = lambda _peer_id: b"",
    ) -> None:
        self._config = config
        self._seed = load_seed(config.identity_path)
        self.peer_id = peer_id_of(self._seed)
        self._certificate = load_certificate(config.certificate_path, config.key_path)
        self._calls = Calls(self._seed, calling_context(config.authorities), hello_s=config.hello_s, ticket_for=ticket_for)
        self._members = set(config.members)
        self._admit = admit or (lambda peer_id, _ticket: peer_id in self._members)
        self._rng = rng
        self._on_notice = on_notice
        self._called: dict[str, list[Address]] = {}
        for address in map(parse_peer, config.peers):
            if address.peer_id != self.peer_id:  # one list may serve a whole federation
                self._called.setdefault(address.peer_id, []).append(address)
        self._numbers = count(1)
        self._refused: Counter[str] = Counter()
        self._unreached: dict[str, str] = dict.fromkeys(self._called, "")
        self._links: Links | None = None
        self._door: Door | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._callers: dict[str, asyncio.Task[None]] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._counters: dict[str, int] = {}

    async def run(self, post: Post) -> None:
        """Serve until cancelled."""
        links = self._links = Links(self.peer_id, self.name, self.capabilities, self._config.outage_grace_s, post)
        self._door = Door(
            [parse_listen(text) for text in self._config.listen],
            self._certificate,
            self._seed,
            self._let_in,
            self._welcome,
            hello_s=self._config.hello_s,
            count=self._count_refused,
            tell=self._on_notice,
        )
        try:
            async with self._calls.ready(), asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                tasks.create_task(self._door.run(), name="websocket door")
                for peer_id in self._called:
                    self._begin_calling(peer_id)
                try:
                    await self._tick(links)
                finally:
                    self._counters = self._counts()
                    await self._say_goodbye(links)
        finally:
            self._links = self._door = self._tasks = None
            self._callers.clear()

    def send(self, link: LinkId, frame: bytes) -> bool:
        """Hand over one frame of at most 1 310 720 bytes.

        True is a promise: the frame reaches the other gateway exactly once and in order, unless the link
        goes down. False means full (a `Writable` follows) or that there is no such link (nothing follows).

        Raises:
            ValueError: the frame is larger than the link's mtu.
        """
        if len(frame) > MAX_LINK_FRAME:
            raise ValueError(f"A frame of {len(frame)} bytes is larger than the link's mtu of {MAX_LINK_FRAME}.")
        return self._links is not None and self._links.offer(link, frame)

    def close(self, link: LinkId, why: str) -> None:
        """Drop a link; its `LinkDown` follows. A member that is called by configuration is called again later."""
        if self._links is not None:
            asyncio.get_running_loop().call_soon(self._links.close, link, why)

    def admit(self, peer_id: str, addresses: Sequence[str] = ()) -> None:
        """Let a gateway link from now on, and keep calling it at these addresses in place of those known so far.

        Who is let in is decided here only if nobody else was given for that (`admit` of the constructor).

        Raises:
            ValueError: it is no peer ID, an address is another gateway's, or there are as many members as there may be.
        """
        called = [parse_peer(text) for text in addresses]
        if not is_peer_id(peer_id):
            raise ValueError(f"{peer_id!r} is not the ID of a gateway; such an ID starts with 12D3KooW.")
        if any(address.peer_id != peer_id for address in called) or len(called) > MAX_PEER_ADDRESSES:
            raise ValueError(f"These addresses are not all of {peer_id}, or too many.")
        if peer_id not in self._members and len(self._members) >= MAX_MEMBERS:
            raise ValueError(f"There are {MAX_MEMBERS} members already, as many as there may be.")
        self._members.add(peer_id)
        self._stop_calling(peer_id)
        if called and peer_id != self.peer_id:
            self._called[peer_id], self._unreached[peer_id] = called, ""
            self._begin_calling(peer_id)

    def expel(self, peer_id: str, why: str) -> None:
        """Let a gateway link no more, and end its link if there is one."""
        self._members.discard(peer_id)
        self._stop_calling(peer_id)
        self.close(LinkId(f"{self.name}:{peer_id}"), why)

    def status(self) -> TransportStatus:
        """A snapshot."""
        up = self._links.up() if self._links is not None else set()
        return report(
            running=self._links is not None,
            up=up,
            unreached={peer_id: why for peer_id, why in self._unreached.items() if peer_id not in up},
            addresses=[f"wss://{address}#{self.peer_id}" for address in self._door.addresses] if self._door is not None else [],
            faults=self._door.faults if self._door is not None else (),
            counters=self._counts(),
        )

    def _counts(self) -> dict[str, int]:
        if self._links is None:
            return self._counters
        return asdict(self._links.count) | {"redundant": self._links.redundant} | dict(self._refused)

    def _count_refused(self, name: str) -> None:
        self._refused[name] += 1

    def _let_in(self, peer_id: str, ticket: bytes) -> bool:
        if self._links is None or not self._links.has_room_for(peer_id):
            raise RefusedError(Refusal.FULL)
        return self._admit(peer_id, ticket)

    async def _say_goodbye(self, links: Links) -> None:
        """End every link, and give the news a moment to leave."""
        links.say_goodbye()
        if self._serving:
            await asyncio.wait(self._serving, timeout=2 * WS_GOODBYE_S)

    async def _tick(self, links: Links) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            links.review(lambda peer_id: self._admit(peer_id, b""))
            links.tick()

    def _begin_calling(self, peer_id: str) -> None:
        if self._tasks is not None:
            calling = self._keep_calling(peer_id, self._called[peer_id])
            self._callers[peer_id] = self._tasks.create_task(calling, name=f"websocket calls {peer_id}")

    def _stop_calling(self, peer_id: str) -> None:
        self._called.pop(peer_id, None)
        self._unreached.pop(peer_id, None)
        if (caller := self._callers.pop(peer_id, None)) is not None:
            caller.cancel()

    async def _keep_calling(self, peer_id: str, addresses: list[Address]) -> None:
        """Call whenever there is no connection with a member, one address after the other."""
        loop = asyncio.get_running_loop()
        backoff = Backoff(self._rng)
        for address in cycle(addresses):
            if self._links is not None:
                await self._links.parted(peer_id)
            began = loop.time()
            try:
                socket, abort = await self._calls.call(address)
            except (CallError, RefusedError) as error:
                self._fail(address, error)
            else:
                self._unreached[peer_id] = ""
                await self._serve(peer_id, socket, abort, dialled=True)
            if loop.time() - began > HANDSHAKE_TIMEOUT_S:
                backoff.reset()
            await asyncio.sleep(backoff.next())

    def _fail(self, address: Address, error: CallError | RefusedError) -> None:
        """Count a call that came to nothing, and tell of it if that is news."""
        why = str(error)
        if isinstance(error, RefusedError):
            self._count_refused("refused_by_them" if error.by_them else f"refused_{error.refusal.name.lower()}")
            if error.by_them:
                why = f"the other gateway refuses: {_TOLD[error.refusal]}"
        if self._unreached[address.peer_id] != why:
            self._unreached[address.peer_id] = why
            self._on_notice("warning", f"{address} cannot be reached: {why}.")

    async def _welcome(self, peer_id: str, socket: Socket, abort: Callable[[], None]) -> None:
        await self._serve(peer_id, socket, abort, dialled=False)

    async def _serve(self, peer_id: str, socket: Socket, abort: Callable[[], None], *, dialled: bool) -> None:
        """Carry a link over a connection until that ends; what goes wrong in here ends the transport."""
        links, tasks = self._links, self._tasks
        if links is None or tasks is None:
            abort()
            return
        stream = Stream(next(self._numbers), peer_id, socket, abort, dialled=dialled, stall_s=self._config.stall_s)
        if not links.take(stream):
            stream.finish("there is a connection already")
        serving = tasks.create_task(self._carry(links, stream), name=f"websocket with {peer_id}")
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)
        await asyncio.wait([serving])

    async def _carry(self, links: Links, stream: Stream) -> None:
        try:
            await stream.serve(links.feed, links.written)
        finally:
            links.lost(stream)
            if stream.stalled:
                self._count_refused("stalled")
            self._on_notice("info", f"The connection with {stream.peer_id} ended: {stream.why}.")


_TOLD: dict[Refusal, str] = {
    Refusal.MALFORMED: "it does not understand this one",
    Refusal.OTHER_GATEWAY: "another gateway answers at this address",
    Refusal.ITSELF: "this gateway has called itself",
    Refusal.SIGNATURE: "somebody stands between the two gateways, or they do not mean the same certificate",
    Refusal.NOT_MEMBER: "it does not list this one as a member",
    Refusal.FULL: "it has as many gateways as it can have",
    Refusal.LATE: "the hello took too long",
}
"""What a refusal of the other gateway means for the one that called."""
