"""Links to other gateways over WebSocket and TLS."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from itertools import count, cycle

from transports.backoff import Backoff
from transports.gate import Called, Judge, Table, Told, nobody
from transports.libp2p.identity import load_seed, peer_id_of
from transports.limits import HANDSHAKE_TIMEOUT_S, MAX_LINK_FRAME, WS_GOODBYE_S
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
        ticket_for: the ticket to show to a gateway that is called, empty for none; as `renew` says unless given.
        judge: judges the ticket of somebody who is not let in without.
        told: told what others say to a ticket.

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
        ticket_for: Callable[[str], bytes] | None = None,
        judge: Judge = nobody,
        told: Told = lambda _peer_id, _word: None,
    ) -> None:
        self._config = config
        self._seed = load_seed(config.identity_path)
        self.peer_id = peer_id_of(self._seed)
        self._certificate = load_certificate(config.certificate_path, config.key_path)
        self._ticket_for = ticket_for or self._ticket_in_table
        self._calls = Calls(self._seed, calling_context(config.authorities), hello_s=config.hello_s, ticket_for=self._ticket_for)
        self._admit = admit or (lambda peer_id, _ticket: peer_id in self._table.members)
        self._judge = judge
        self._told = told
        self._rng = rng
        self._on_notice = on_notice
        self._calling: dict[str, asyncio.Task[None]] = {}
        self._called: dict[str, Called] = {}
        self._numbers = count(1)
        self._refused: Counter[str] = Counter()
        self._unreached: dict[str, str] = {}
        called: dict[str, list[str]] = {peer: [] for peer in config.members}
        for address in map(parse_peer, config.peers):
            called[address.peer_id].append(str(address))
        self._table = Table({})
        self._links: Links | None = None
        self._door: Door | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._counters: dict[str, int] = {}
        self.renew(Table({peer: Called(tuple(addresses)) for peer, addresses in called.items()}))

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
                self.renew(self._table)
                try:
                    await self._tick(links)
                finally:
                    self._counters = self._counts()
                    await self._say_goodbye(links)
        finally:
            self._links = self._door = self._tasks = None
            self._calling, self._called = {}, {}

    def renew(self, table: Table) -> None:
        """Part with whom the table leaves out, let in whom it adds, and call whom it says; at once, if the transport runs."""
        others = {peer: called for peer, called in table.members.items() if peer != self.peer_id}  # one list may serve a whole federation
        self._table = Table(others, table.guests)
        if self._tasks is None or self._links is None:
            return
        wanted = {peer: called for peer, called in others.items() if called.addresses}
        for peer_id in [peer_id for peer_id, called in self._called.items() if not _goes_on(called, wanted.get(peer_id))]:
            self._calling.pop(peer_id).cancel()
            del self._called[peer_id], self._unreached[peer_id]
        for peer_id in wanted.keys() - self._called.keys():
            self._called[peer_id], self._unreached[peer_id] = wanted[peer_id], ""
            calling = self._keep_calling(peer_id, [parse_peer(text) for text in wanted[peer_id].addresses])
            self._calling[peer_id] = self._tasks.create_task(calling, name=f"websocket calls {peer_id}")
        self._links.review(lambda peer_id: self._admit(peer_id, b""))

    def _ticket_in_table(self, peer_id: str) -> bytes:
        called = self._table.members.get(peer_id)
        return b"" if called is None else called.ticket

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

    async def _let_in(self, peer_id: str, ticket: bytes) -> None:
        if self._links is None or not self._links.has_room_for(peer_id):
            raise RefusedError(Refusal.FULL)
        if self._admit(peer_id, ticket):
            return
        word = await self._judge(peer_id, ticket) if ticket else ""
        if word or not ticket:
            raise RefusedError(Refusal.NOT_MEMBER, said=word)

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

    async def _keep_calling(self, peer_id: str, addresses: list[Address]) -> None:
        """Call whenever there is no connection with a member, one address after the other."""
        loop = asyncio.get_running_loop()
        backoff = Backoff(self._rng)
        for address in cycle(addresses):
            if self._links is not None:
                await self._links.parted(peer_id)
            began, ticket = loop.time(), self._ticket_for(peer_id)
            try:
                socket, abort = await self._calls.call(address)
            except (CallError, RefusedError) as error:
                self._fail(address, error)
                if isinstance(error, RefusedError) and error.by_them and error.refusal is Refusal.NOT_MEMBER and ticket:
                    self._told(peer_id, error.said)
            else:
                self._unreached[peer_id] = ""
                if ticket:
                    self._told(peer_id, "")
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
        if self._unreached.get(address.peer_id, why) != why:
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


def _goes_on(before: Called, now: Called | None) -> bool:
    """Whether a member is to be called as before, and not at once because there is another address or ticket."""
    return now is not None and now.addresses == before.addresses and now.ticket in (b"", before.ticket)


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
