"""Links to other gateways over libp2p: the gateway's side of the child process."""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from transports.backoff import Backoff
from transports.gate import Called, Judge, Table, Told, nobody
from transports.libp2p.address import parse_peer
from transports.libp2p.blob import TOKEN
from transports.libp2p.child import Child
from transports.libp2p.config import Libp2pConfig
from transports.libp2p.effects import Arrived, Counters, Down, Drop, Effect, Room, Up, Write
from transports.libp2p.identity import load_peer_id, load_seed, peer_id_of
from transports.libp2p.member import Member
from transports.libp2p.pipe import Kind, Members, Settings
from transports.libp2p.report import Situation, report
from transports.limits import ACK_DELAY_S, HANDSHAKE_TIMEOUT_S, MAX_LINK_FRAME
from transports.link import Capability, FrameReceived, LinkDown, LinkId, LinkUp, Post, TransportStatus, Writable

__all__ = ["Libp2pTransport", "load_peer_id"]

OnNotice = Callable[[str, str], None]
"""Told ``(level, sentence)``; level is debug, info, warning or error."""

_TICK_S = 0.5


class Libp2pTransport:
    """Holds one link to every member of the federation, `libp2p:<peer id>`.

    The constructor reads (or makes) the key, so a key that cannot be used is found before anything runs.

    Raises:
        IdentityError: the key file cannot be used.
    """

    name = "libp2p"
    capabilities = Capability.WIDE_AREA | Capability.DIRECTED

    def __init__(
        self,
        config: Libp2pConfig,
        rng: random.Random,
        on_notice: OnNotice = lambda _level, _sentence: None,
        *,
        judge: Judge = nobody,
        told: Told = lambda _peer_id, _word: None,
    ) -> None:
        self._config = config
        self._seed = load_seed(config.identity_path)
        self.peer_id = peer_id_of(self._seed)
        self._judge = judge
        self._told = told
        self._tasks: asyncio.TaskGroup | None = None
        addresses: dict[str, list[str]] = {peer: [] for peer in config.members}
        for address in map(parse_peer, config.peers):
            addresses[str(address.peer_id)].append(str(address))
        self._table = Table({peer: Called(tuple(places)) for peer, places in addresses.items()})
        self._backoff = Backoff(rng)
        self._on_notice = on_notice
        self._count = Counters()
        self._members: dict[LinkId, Member] = {}
        self._streams: dict[int, LinkId] = {}
        self._flushing: set[LinkId] = set()
        self._acking: set[LinkId] = set()
        self._child: Child | None = None
        self._awake = asyncio.Event()
        self._awake.set()
        self._situation = Situation(called=set())
        self._running = False
        self.renew(self._table)
        self._post: Post = lambda _event: None
        self._now: Callable[[], float] = lambda: 0.0
        self._soon: Callable[..., object] = lambda *_: None
        self._later: Callable[..., object] = lambda *_: None

    @property
    def child_pid(self) -> int | None:
        """Process ID of the child that speaks libp2p, or None while there is none."""
        return self._child.pid if self._child is not None else None

    def rest(self) -> None:
        """Kill the child, and start no other until `resume`: for tests and demonstrations of how well one can do without."""
        self._awake.clear()
        self._situation.fail("The libp2p process was ended on purpose.", "It is started again when whoever ended it says so.")
        if (pid := self.child_pid) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def resume(self) -> None:
        """Start a child again after `rest`."""
        self._backoff.reset()
        self._awake.set()

    async def run(self, post: Post) -> None:
        """Serve until cancelled; the child is restarted with the same key whenever it ends."""
        loop = asyncio.get_running_loop()
        self._post, self._now, self._soon, self._later = post, loop.time, loop.call_soon, loop.call_later
        self._members = {}
        self._running = True
        self.renew(self._table)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                tasks.create_task(self._tick())
                await self._keep_a_child()
        finally:
            self._say_goodbye()
            self._running = False
            self._child = self._tasks = None
            self._situation.stopped = True

    def renew(self, table: Table) -> None:
        """Part with whom the table leaves out, let in whom it adds, and call whom it says; at once, if the transport runs."""
        others = {peer: called for peer, called in table.members.items() if peer != self.peer_id}  # one list may serve a whole federation
        self._table = Table(others, table.guests)
        self._situation.called = {peer for peer, called in others.items() if called.addresses}
        if not self._running:
            return
        wanted = {LinkId(f"libp2p:{peer}"): peer for peer in others}
        for link in [link for link in self._members if link not in wanted]:
            self._close(link, "it is not a member any more")
            del self._members[link]
        for link in wanted.keys() - self._members.keys():
            self._members[link] = Member(
                self.peer_id, wanted[link], token=lambda: os.urandom(TOKEN), grace=self._config.outage_grace_s, counters=self._count
            )
        self._tell(Kind.MEMBERS, self._members_for_child())

    async def _keep_a_child(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._awake.wait()
            began = loop.time()
            self._child = Child(self._settings(), self._heed, self._say_goodbye)
            self._situation.begin()
            why = await self._child.run()
            self._lose_streams()
            if loop.time() - began > HANDSHAKE_TIMEOUT_S and not self._situation.fatal:
                self._backoff.reset()
            wait = self._backoff.next()
            self._situation.restarts += 1
            if not self._situation.fatal:
                self._on_notice("warning", f"{why} It is started again in {wait:.1f} s.")
            await asyncio.sleep(wait)

    def send(self, link: LinkId, frame: bytes) -> bool:
        """Hand over one frame of at most 1 310 720 bytes.

        True is a promise: the frame reaches the other gateway exactly once and in order, unless the link
        goes down. False means full (a `Writable` follows) or that there is no such link (nothing follows).

        Raises:
            ValueError: the frame is larger than the link's mtu.
        """
        if len(frame) > MAX_LINK_FRAME:
            raise ValueError(f"A frame of {len(frame)} bytes is larger than the link's mtu of {MAX_LINK_FRAME}.")
        member = self._members.get(link)
        if member is None or not member.offer(frame):
            return False
        if link not in self._flushing and member.can_write:
            # In this turn of the loop more frames may come; they then travel in the same batch.
            self._flushing.add(link)
            self._soon(self._flush, link)
        return True

    def close(self, link: LinkId, why: str) -> None:
        """Drop a link; its `LinkDown` follows. A member that is called by configuration is called again later."""
        self._soon(self._close, link, why)

    def status(self) -> TransportStatus:
        """A snapshot."""
        counters = asdict(self._count) | self._situation.child_counters | {"restarts": self._situation.restarts}
        return report(self._situation, {member.peer_id for member in self._members.values() if member.is_up}, counters)

    def _settings(self) -> Settings:
        return Settings(
            seed=self._seed,
            listen=list(self._config.listen),
            members=self._members_for_child(),
            gossip=self._config.gossip,
            stall_s=self._config.stall_s,
        )

    def _members_for_child(self) -> Members:
        members = self._table.members
        return Members(
            addresses={peer: list(called.addresses) for peer, called in members.items()},
            shown={peer: called.ticket for peer, called in members.items() if called.ticket},
            guests=self._table.guests,
        )

    def _heed(self, message: list[Any]) -> None:
        """One message of the child."""
        kind, *fields = message
        if kind in (Kind.DATA, Kind.WRITTEN, Kind.CLOSED):
            stream, value = fields
            link = self._streams.get(stream)
            if link is None:
                return
            member = self._members.get(link)
            if member is None:  # dismissed, and its stream is about to go
                if kind == Kind.CLOSED:
                    del self._streams[stream]
            elif kind == Kind.DATA:
                self._carry_out(link, member.feed(stream, value, self._now()))
                if member.owes_ack and link not in self._acking:
                    self._acking.add(link)
                    self._later(ACK_DELAY_S, self._acknowledge, link)
            elif kind == Kind.WRITTEN:
                self._carry_out(link, member.written(stream, value, self._now()))
            else:
                del self._streams[stream]
                self._on_notice("info", f"The connection with {member.peer_id} ended: {value}.")
                self._carry_out(link, member.closed(stream, self._now()))
        elif kind == Kind.OPENED:
            stream, peer = fields
            link = LinkId(f"libp2p:{peer}")
            if link in self._members:
                self._streams[stream] = link
                self._carry_out(link, self._members[link].opened(stream, self._now()))
        elif kind == Kind.GUEST:
            if self._tasks is not None:
                self._tasks.create_task(self._receive(*fields), name="libp2p guest")
        elif kind == Kind.TOLD:
            self._told(*fields)
        elif kind == Kind.READY:
            self._situation.ready(fields[1])
            self._on_notice("info", f"libp2p listens on {', '.join(fields[1]) or 'no address'}.")
        elif kind == Kind.FATAL:
            if self._situation.fail(*fields):
                self._on_notice("error", " ".join(fields))
        elif kind == Kind.NOTICE:
            self._on_notice(*fields)
        elif kind == Kind.BEAT:
            self._situation.child_counters = fields[0]

    def _carry_out(self, link: LinkId, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Arrived):
                for frame in effect.frames:
                    self._post(FrameReceived(link, frame))
            elif isinstance(effect, Write):
                self._tell(Kind.DATA, effect.stream, effect.data)
            elif isinstance(effect, Room):
                self._post(Writable(link))
            elif isinstance(effect, Up):
                self._post(LinkUp(link, MAX_LINK_FRAME, self.capabilities, self._members[link].peer_id))
            elif isinstance(effect, Down):
                self._post(LinkDown(link, effect.reason))
            elif isinstance(effect, Drop):
                self._tell(Kind.CLOSE, effect.stream, effect.why)

    async def _receive(self, guest: int, peer_id: str, shown: bytes) -> None:
        self._tell(Kind.ANSWER, guest, await self._judge(peer_id, shown))

    def _tell(self, kind: Kind, *fields: Any) -> None:
        if self._child is not None:
            self._child.tell(kind, *fields)

    def _flush(self, link: LinkId) -> None:
        self._flushing.discard(link)
        if link in self._members:
            self._carry_out(link, self._members[link].flush(self._now()))

    def _acknowledge(self, link: LinkId) -> None:
        self._acking.discard(link)
        if link in self._members:
            self._carry_out(link, self._members[link].acknowledge(self._now()))

    def _close(self, link: LinkId, why: str) -> None:
        if link in self._members:
            self._carry_out(link, self._members[link].close(why, self._now()))

    def _say_goodbye(self) -> None:
        """Close every link, while the child can still carry the news."""
        members, self._members, self._streams = self._members, {}, {}
        for link, member in members.items():
            self._carry_out(link, member.close("this gateway stops", self._now()))

    def _lose_streams(self) -> None:
        """The child is gone, and all streams with it."""
        self._child = None
        streams, self._streams = self._streams, {}
        for stream, link in streams.items():
            if link not in self._members:
                continue
            self._carry_out(link, self._members[link].closed(stream, self._now()))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            for link, member in list(self._members.items()):
                self._carry_out(link, member.tick(self._now()))
