"""The links of one transport: who is linked, over which stream, and what each stream asks to be done.

What makes a link reliable is `transports.libp2p.member`, the same for every stream between two gateways. Here
it gets its streams: at most one for each member at a time.
"""

import asyncio
import os
from collections.abc import Callable

from transports.libp2p.blob import TOKEN
from transports.libp2p.effects import Arrived, Counters, Down, Drop, Effect, Room, Up, Write
from transports.libp2p.member import Member
from transports.limits import ACK_DELAY_S, MAX_LINK_FRAME, MAX_MEMBERS, WS_TIE_S
from transports.link import Capability, FrameReceived, LinkDown, LinkId, LinkUp, Post, Writable
from transports.websocket.stream import Stream


class Links:
    """Every link of a transport that runs.

    Args:
        own: our peer ID.
        name: the transport's, with which the name of each link begins.
        capabilities: of each link.
        grace_s: seconds a link outlives its stream.
        post: told what happens.

    """

    def __init__(self, own: str, name: str, capabilities: Capability, grace_s: float, post: Post) -> None:
        self.count = Counters()
        self.redundant = 0  # connections that were one too many
        self._own = own
        self._name = name
        self._capabilities = capabilities
        self._grace = grace_s
        self._post = post
        self._loop = asyncio.get_running_loop()
        self._members: dict[LinkId, Member] = {}
        self._streams: dict[LinkId, Stream] = {}
        self._flushing: set[LinkId] = set()
        self._acking: set[LinkId] = set()
        self._parted: dict[str, asyncio.Event] = {}

    def up(self) -> set[str]:
        """Peer IDs of those that are linked."""
        return {member.peer_id for member in self._members.values() if member.is_up}

    def is_connected(self, peer_id: str) -> bool:
        """Whether a stream with this member is there."""
        return self._link(peer_id) in self._streams

    async def parted(self, peer_id: str) -> None:
        """Wait until there is no stream with this member."""
        while self.is_connected(peer_id):
            self._parted.setdefault(peer_id, asyncio.Event()).clear()
            await self._parted[peer_id].wait()

    def has_room_for(self, peer_id: str) -> bool:
        """Whether one more member could be linked."""
        return self._link(peer_id) in self._members or len(self._alive()) < MAX_MEMBERS

    def offer(self, link: LinkId, frame: bytes) -> bool:
        """Take a frame to send; False if it must wait or there is no such link."""
        member = self._members.get(link)
        if member is None or not member.offer(frame):
            return False
        if link not in self._flushing and member.can_write:
            # In this turn of the loop more frames may come; they then travel in the same batch.
            self._flushing.add(link)
            self._loop.call_soon(self._flush, link)
        return True

    def take(self, stream: Stream) -> bool:
        """Take in a stream that was just made; False if it is the one too many of two.

        Two gateways may call each other at the same moment. Then both keep the connection that the one with the
        smaller peer ID has made. Otherwise the newer is right: who calls although it seems linked has lost the older.
        """
        link = self._link(stream.peer_id)
        older = self._streams.get(link)
        if older is not None:
            self.redundant += 1
            at_once = stream.dialled != older.dialled and stream.began - older.began < WS_TIE_S
            if at_once and stream.dialled != (self._own < stream.peer_id):
                return False
        if link not in self._members:
            self._members = {one: self._members[one] for one in self._alive()}
            self._members[link] = Member(self._own, stream.peer_id, token=lambda: os.urandom(TOKEN), grace=self._grace, counters=self.count)
        # `opened` asks for the older stream to be dropped, which is still the one known here.
        effects = self._members[link].opened(stream.number, self._loop.time())
        self._carry_out(link, [effect for effect in effects if isinstance(effect, Drop)])
        self._streams[link] = stream
        self._carry_out(link, [effect for effect in effects if not isinstance(effect, Drop)])
        return True

    def feed(self, stream: Stream, data: bytes) -> None:
        """Bytes came in."""
        link = self._link(stream.peer_id)
        if link not in self._members:
            return
        member = self._members[link]
        self._carry_out(link, member.feed(stream.number, data, self._loop.time()))
        if member.owes_ack and link not in self._acking:
            self._acking.add(link)
            self._loop.call_later(ACK_DELAY_S, self._acknowledge, link)

    def written(self, stream: Stream, size: int) -> None:
        """Bytes left."""
        link = self._link(stream.peer_id)
        if link in self._members:
            self._carry_out(link, self._members[link].written(stream.number, size, self._loop.time()))

    def lost(self, stream: Stream) -> None:
        """A stream is gone."""
        link = self._link(stream.peer_id)
        if self._streams.get(link) is stream:
            self._forget(link)
        if link in self._members:
            self._carry_out(link, self._members[link].closed(stream.number, self._loop.time()))

    def close(self, link: LinkId, why: str) -> None:
        """End a link."""
        if link in self._members:
            self._carry_out(link, self._members[link].close(why, self._loop.time()))

    def tick(self) -> None:
        """Time has passed; to be called every half second or so."""
        for link, member in list(self._members.items()):
            self._carry_out(link, member.tick(self._loop.time()))

    def review(self, admit: Callable[[str], bool]) -> None:
        """Part with everybody who is not let in any more."""
        for link, member in list(self._members.items()):
            if (member.is_up or link in self._streams) and not admit(member.peer_id):
                self.close(link, "it is not a member any more")

    def say_goodbye(self) -> None:
        """End every link; nothing is posted afterwards."""
        for link in list(self._members):
            self.close(link, "this gateway stops")
        self._members = {}

    def _alive(self) -> list[LinkId]:
        return [link for link, member in self._members.items() if member.is_up or link in self._streams]

    def _link(self, peer_id: str) -> LinkId:
        return LinkId(f"{self._name}:{peer_id}")

    def _forget(self, link: LinkId) -> None:
        stream = self._streams.pop(link, None)
        if stream is not None and stream.peer_id in self._parted:
            self._parted[stream.peer_id].set()

    def _carry_out(self, link: LinkId, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Arrived):
                for frame in effect.frames:
                    self._post(FrameReceived(link, frame))
            elif isinstance(effect, Write):
                if link in self._streams:
                    self._streams[link].put(effect.data)
            elif isinstance(effect, Room):
                self._post(Writable(link))
            elif isinstance(effect, Up):
                self._post(LinkUp(link, MAX_LINK_FRAME, self._capabilities, self._members[link].peer_id))
            elif isinstance(effect, Down):
                self._post(LinkDown(link, effect.reason))
            elif isinstance(effect, Drop):
                stream = self._streams.get(link)
                self._forget(link)
                if stream is not None:
                    stream.finish(effect.why)

    def _flush(self, link: LinkId) -> None:
        self._flushing.discard(link)
        if link in self._members:
            self._carry_out(link, self._members[link].flush(self._loop.time()))

    def _acknowledge(self, link: LinkId) -> None:
        self._acking.discard(link)
        if link in self._members:
            self._carry_out(link, self._members[link].acknowledge(self._loop.time()))
