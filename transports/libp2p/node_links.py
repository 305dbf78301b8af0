"""The streams between this host and the members, and the calling that keeps them there.

One long-lived `/meshgate/link/1` stream a member. The gateway with the smaller peer ID opens it, on
whatever connection there is; both may dial. What travels on it is not looked at here.
"""

import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import trio
from libp2p.abc import INetConn, INetStream, INetwork, INotifee
from libp2p.custom_types import TProtocol
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.peer.id import ID
from libp2p.rcmgr import Direction
from multiaddr import Multiaddr

from transports.backoff import Backoff
from transports.libp2p.address import Address, parse_peer
from transports.libp2p.node_guests import show
from transports.libp2p.node_host import NodeHost, hang_up
from transports.libp2p.node_pipe import Pipe
from transports.libp2p.node_stream import LinkStream
from transports.libp2p.pipe import Kind, Members, Settings
from transports.limits import CHILD_STOP_S, DIAL_TIMEOUT_S, HANDSHAKE_TIMEOUT_S, OPEN_TIMEOUT_S

PROTOCOL = TProtocol("/meshgate/link/1")
_SAME_MOMENT_S = 1.0
_log = logging.getLogger(__name__)


class _Tended:
    """A member and what is known about reaching it."""

    def __init__(self, peer_id: str, *, opens: bool) -> None:
        self.id = ID.from_base58(peer_id)
        self.name = peer_id
        self.addresses: list[Address] = []
        self.ticket = b""  # to be shown before a link is asked for
        self.opens = opens
        self.tended = trio.CancelScope()
        self.resting = trio.CancelScope()
        self.backoff = Backoff(random.Random())  # noqa: S311 - jitter is no secret
        self.link: LinkStream | None = None
        self.fresh: SwarmConn | None = None  # the connection by which it called anew
        self.changed = trio.Event()  # a connection or a stream came; replaced whenever it is set
        self.complained = False

    def is_linked(self) -> bool:
        return self.link is not None

    def anew(self) -> None:
        """There is a reason to call it at once."""
        self.backoff.reset()
        self.resting.cancel()

    def change(self) -> None:
        self.changed.set()
        self.changed = trio.Event()


class Links:
    """All members' streams."""

    def __init__(self, host: NodeHost, settings: Settings, pipe: Pipe) -> None:
        self._host = host
        self._pipe = pipe
        self._stall = settings["stall_s"]
        self._members: dict[str, _Tended] = {}
        self._table = settings["members"]
        self._nursery: trio.Nursery | None = None
        self._streams: dict[int, LinkStream] = {}
        self._last = 0
        self.counters = {"dials": 0, "dial_failures": 0, "stalls": 0, "unexpected_streams": 0}
        host.host.set_stream_handler(PROTOCOL, self._on_stream)
        host.swarm.register_notifee(_Watcher(self))

    async def run(self) -> None:
        """Keep every member's link, as far as it depends on this side."""
        async with trio.open_nursery() as self._nursery:
            self.renew(self._table)
            await trio.sleep_forever()

    def renew(self, table: Members) -> None:
        """Take in who is a member now: part with those who are left out, tend those who are new."""
        self._table = table
        if self._nursery is None:
            return
        for name in self._members.keys() - table["addresses"].keys():
            self._dismiss(self._members.pop(name), self._nursery)
        self._host.members.clear()
        self._host.members.update(table["addresses"])
        self._host.reception.is_open = table["guests"]
        for name, addresses in table["addresses"].items():
            known = self._members.get(name)
            member = known or _Tended(name, opens=self._host.peer_id < name)
            before = member.addresses, member.ticket
            member.addresses, member.ticket = [parse_peer(address) for address in addresses], table["shown"].get(name, b"")
            if known is None:
                self._members[name] = member
                self._nursery.start_soon(self._tend, member, self._nursery)
            elif member.addresses != before[0] or member.ticket not in (b"", before[1]):
                member.anew()
            member.change()

    def answered(self, guest: int, word: str) -> None:
        """The gateway has judged a guest."""
        self._host.reception.answered(guest, word)

    def _dismiss(self, member: _Tended, nursery: trio.Nursery) -> None:
        member.tended.cancel()
        if member.link is not None:
            member.link.finish("it is not a member any more")
        else:
            nursery.start_soon(self._leave, member)

    def write(self, stream: int, data: bytes) -> None:
        """Queue bytes for a stream (nothing happens if it is gone)."""
        if stream in self._streams:
            self._streams[stream].put(data)

    def close(self, stream: int, why: str) -> None:
        """Close a stream and its connection once what is queued has been written."""
        if stream in self._streams:
            self._streams[stream].finish(why)

    async def drain(self) -> None:
        """Write what is queued on every stream and wait a moment for the members to hang up."""
        for link in self._streams.values():
            link.finish("this gateway stops")
        with trio.move_on_after(CHILD_STOP_S / 2):
            for link in tuple(self._streams.values()):
                await link.ended.wait()

    def _connections(self, member: _Tended) -> list[SwarmConn]:
        """The connections with a member that are not about to go."""
        connections = self._host.swarm.get_connections(member.id)
        return [connection for connection in connections if isinstance(connection, SwarmConn) and not connection.is_closed]

    async def _leave(self, member: _Tended) -> None:
        """Hang up on a member, but for the connection by which it called anew."""
        for connection in self._connections(member):
            if connection is not member.fresh:
                await hang_up(connection)
                with trio.move_on_after(CHILD_STOP_S):
                    await connection.event_closed.wait()

    async def connected(self, connection: SwarmConn) -> None:
        """A connection with a member came up.

        A member calls only when it has no link; so if we think it has, we have not noticed yet that its
        old connection is dead. Both sides calling at the same moment is another matter.
        """
        member = self._members.get(connection.muxed_conn.peer_id.to_base58())
        if member is None:  # it was dismissed while it called
            await hang_up(connection)
            return
        link = member.link
        if link is not None and connection.direction is Direction.INBOUND and trio.current_time() - link.began > _SAME_MOMENT_S:
            link.why = "the member called anew"
            member.fresh = connection
            await self._leave(member)
        member.change()

    def disconnected(self, connection: SwarmConn) -> None:
        """A connection with a member went down."""
        if (member := self._members.get(connection.muxed_conn.peer_id.to_base58())) is not None:
            member.change()

    async def _on_stream(self, stream: INetStream) -> None:
        member = self._members.get(stream.muxed_conn.peer_id.to_base58())
        if member is None or member.opens:
            self.counters["unexpected_streams"] += 1
            await stream.reset()
            return
        await self._serve(member, stream)

    async def _serve(self, member: _Tended, stream: INetStream) -> None:
        self._last += 1
        number = self._last
        link = LinkStream(number, stream, self._pipe, self._stall)
        if member.link is not None:
            member.link.finish("a newer stream took its place")
        member.link = link
        member.complained = False
        member.change()
        self._streams[number] = link
        await self._pipe.tell(Kind.OPENED, number, member.name)
        try:
            await link.run()
        finally:
            del self._streams[number]
            if member.link is link:
                member.link = None
                await self._leave(member)  # a second connection is as dead as the first, or of no use
                member.fresh = None
            if trio.current_time() - link.began > HANDSHAKE_TIMEOUT_S:
                member.backoff.reset()
            self.counters["stalls"] += link.stalled
            await self._pipe.tell(Kind.CLOSED, number, link.why)
            member.change()

    async def _tend(self, member: _Tended, nursery: trio.Nursery) -> None:
        """Call, open, wait; until it is dismissed. The first call is made at once, later ones after a back-off."""
        with member.tended:
            await self._keep(member, nursery)

    async def _keep(self, member: _Tended, nursery: trio.Nursery) -> None:
        while True:
            if member.is_linked():
                await member.changed.wait()
                if not member.is_linked() and member.addresses:
                    await self._rest(member)
            elif self._connections(member):
                if not await self._open(member, nursery):
                    await self._leave(member)
                    await self._rest(member)
            elif member.addresses:
                if not await self._try_all(member, self._show if member.ticket else self._dial):
                    await self._rest(member)
            else:
                await member.changed.wait()

    async def _rest(self, member: _Tended) -> None:
        """Wait for the back-off, or until the member comes by itself."""
        with trio.move_on_after(member.backoff.next()) as member.resting:
            while not member.is_linked() and not self._connections(member):
                await member.changed.wait()

    async def _dial(self, member: _Tended, where: Multiaddr) -> None:
        await self._host.swarm.dial_addr(where, member.id)

    async def _show(self, member: _Tended, where: Multiaddr) -> None:
        """Show a ticket to a gateway that does not know us yet, and tell what it said."""
        ticket = member.ticket
        word = await show(self._host.upgrader, where, member.id, ticket)
        if member.ticket == ticket:
            member.ticket = b""
        await self._pipe.tell(Kind.TOLD, member.name, word)

    async def _try_all(self, member: _Tended, call: Callable[[_Tended, Multiaddr], Awaitable[None]]) -> bool:
        """Call a member at its addresses, one after the other."""
        failure = ""
        for address in member.addresses:
            self.counters["dials"] += 1
            failure = f"{address} did not answer in time"
            try:
                with trio.move_on_after(DIAL_TIMEOUT_S):
                    await call(member, await _resolve(address))
                    return True
            except Exception as error:  # noqa: BLE001 - the library raises whatever went wrong below it
                failure = str(error.__cause__ or error) or type(error).__name__
            self.counters["dial_failures"] += 1
        if not member.complained:
            member.complained = True
            _log.warning("%s cannot be reached: %s.", member.name, failure)
        return False

    async def _open(self, member: _Tended, nursery: trio.Nursery) -> bool:
        """Get the stream on the connection that is there: open it, or wait for the member to."""
        with trio.move_on_after(OPEN_TIMEOUT_S):
            if member.opens:
                try:
                    stream = await self._host.host.new_stream(member.id, [PROTOCOL])
                except Exception:  # noqa: BLE001 - the library raises whatever went wrong below it
                    return False
                nursery.start_soon(partial(self._serve, member, stream))
            while not member.is_linked() and self._connections(member):
                await member.changed.wait()
        return member.is_linked()


async def _resolve(address: Address) -> Multiaddr:
    """The address with its name looked up as the system does it: the library asks DNS only, not /etc/hosts or mDNS."""
    if address.kind in ("ip4", "ip6"):
        return Multiaddr(str(address))
    family = {"dns4": trio.socket.AF_INET, "dns6": trio.socket.AF_INET6}.get(address.kind, trio.socket.AF_UNSPEC)
    found = await trio.socket.getaddrinfo(address.host, address.port, family, trio.socket.SOCK_STREAM)
    kind = "ip6" if found[0][0] == trio.socket.AF_INET6 else "ip4"
    return Multiaddr(str(replace(address, kind=kind, host=str(found[0][4][0]))))


class _Watcher(INotifee):
    """Passes on when connections come and go."""

    def __init__(self, links: Links) -> None:
        self._links = links

    async def connected(self, network: INetwork, conn: INetConn) -> None:  # noqa: ARG002 - the library's interface
        if isinstance(conn, SwarmConn):
            await self._links.connected(conn)

    async def disconnected(self, network: INetwork, conn: INetConn) -> None:  # noqa: ARG002 - the library's interface
        if isinstance(conn, SwarmConn):
            self._links.disconnected(conn)

    async def opened_stream(self, network: INetwork, stream: INetStream) -> None:
        pass

    async def closed_stream(self, network: INetwork, stream: INetStream) -> None:
        pass

    async def listen(self, network: INetwork, multiaddr: Multiaddr) -> None:
        pass

    async def listen_close(self, network: INetwork, multiaddr: Multiaddr) -> None:
        pass
