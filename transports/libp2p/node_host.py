"""The libp2p host of the child: Noise only, members only, and nothing that a remote says ends the process.

What py-libp2p 0.8.1 does by itself, and what is done about it here:

* its default host accepts plaintext                      only Noise is offered and accepted
* anybody may connect, gating is by IP address            whoever is no member is hung up on right after the
                                                          Noise handshake has proved who it is, but for guests
                                                          with a ticket (`node_guests`), who get no multiplexer
* an exception of any stream handler, its own included,   one guard around the function through which all
  ends the accept loop or the process                     streams come, whatever handlers are set later
* an inbound connection keeps its slot for ever           the slot is given back when the connection ends
* it listens with SO_REUSEPORT, so two gateways could     the address is tried without it first
  share a port, and only logs when listening fails
* it dials peers it heard of when it has few connections  its watermarks are 0
* its resource manager refuses for a minute after five    there is none; ConnectionConfig holds the limits
  failures, whoever caused them
"""

import errno
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from libp2p import create_yamux_muxer_option
from libp2p.abc import IMuxedConn, INetConn, INetStream, IRawConnection, ISecureConn
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.custom_types import TProtocol
from libp2p.host.basic_host import BasicHost
from libp2p.network.config import ConnectionConfig, RetryConfig
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.network.exceptions import SwarmException
from libp2p.network.stream.exceptions import StreamError
from libp2p.network.stream.net_stream import NetStream
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStore
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.pubsub import Pubsub
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE_ID
from libp2p.security.noise.transport import Transport as NoiseTransport
from libp2p.tools.anyio_service import background_trio_service
from libp2p.transport.exceptions import MuxerUpgradeFailure
from libp2p.transport.tcp.tcp import TCP
from libp2p.transport.upgrader import TransportUpgrader
from multiaddr import Multiaddr
from multiaddr.utils import get_thin_waist_addresses

from transports.libp2p.address import Address, parse_listen
from transports.libp2p.node_guests import Reception
from transports.libp2p.node_pipe import Pipe
from transports.libp2p.pipe import Settings
from transports.limits import CONNECTIONS_PER_MEMBER, DIAL_TIMEOUT_S, MAX_GOSSIP_RPC, MAX_MEMBERS, SPARE_CONNECTIONS

_log = logging.getLogger(__name__)
_GOSSIP_PROTOCOLS = [TProtocol(f"/meshsub/{version}") for version in ("1.2.0", "1.1.0", "1.0.0")]
_GOSSIP_TOPICS = frozenset({"/meshgate/1/presence", "/meshgate/1/mesh"})


class ListenError(Exception):
    """An address cannot be listened on; the text says which and why."""

    def __init__(self, sentence: str, remedy: str) -> None:
        super().__init__(sentence)
        self.remedy = remedy


async def hang_up(connection: INetConn) -> None:
    """End a connection at once, by closing its socket.

    `connection.close()` would first write a farewell and wait for the lock that a stalled write holds.
    The library's reading task notices and takes the connection out of its books.
    """
    secured = getattr(connection.muxed_conn, "secured_conn", None)
    if secured is not None:
        await secured.close()


class _MemberUpgrader(TransportUpgrader):
    """Upgrades connections of members and refuses all others, before a multiplexer or any protocol is spoken."""

    def __init__(self, security: NoiseTransport, members: set[str], reception: Reception, counters: dict[str, int]) -> None:
        super().__init__({NOISE_ID: security}, create_yamux_muxer_option())
        self._members = members
        self._reception = reception
        self._counters = counters

    async def upgrade_connection(self, conn: ISecureConn, peer_id: ID) -> IMuxedConn:
        name = peer_id.to_base58()
        if name not in self._members and not conn.is_initiator and await self._reception.receive(conn, name):
            raise MuxerUpgradeFailure("a guest, who has had an answer")
        if name not in self._members:
            self._counters["refused_peers"] += 1
            _log.info("Hung up on %s, which is not a member.", name)
            raise MuxerUpgradeFailure("not a member")
        return await super().upgrade_connection(conn, peer_id)


class _GuardedSwarm(Swarm):
    """A swarm that outlives whatever its streams bring."""

    def __init__(
        self, peer_id: ID, peerstore: PeerStore, upgrader: TransportUpgrader, limits: ConnectionConfig, counters: dict[str, int]
    ) -> None:
        super().__init__(peer_id, peerstore, upgrader, [TCP()], RetryConfig(max_retries=0), limits)
        self._counters = counters

    def set_stream_handler(self, stream_handler: Callable[[INetStream], Awaitable[None]]) -> None:
        async def guarded(stream: INetStream) -> None:
            try:
                await stream_handler(stream)
            except StreamError:
                await stream.reset()  # it ended early, which is nobody's fault
            except Exception as error:  # noqa: BLE001 - the point of the guard
                self._counters["garbage_streams"] += 1
                _log.info("Hung up on %s: %s on a stream.", stream.muxed_conn.peer_id, type(error).__name__)
                if isinstance(stream, NetStream) and stream.swarm_conn is not None:
                    await hang_up(stream.swarm_conn)

        super().set_stream_handler(guarded)

    async def upgrade_inbound_raw_conn(self, raw_conn: IRawConnection, maddr: Multiaddr) -> IMuxedConn:
        muxed = await super().upgrade_inbound_raw_conn(raw_conn, maddr)
        for connection in self.get_connections(muxed.peer_id):
            if isinstance(connection, SwarmConn) and connection.muxed_conn is muxed:
                await connection.event_closed.wait()
        # The caller would hold the connection's slot for as long as the swarm runs, were it not for an exception.
        raise SwarmException("the connection has ended")


class NodeHost:
    """One libp2p host and what is known about it."""

    def __init__(self, settings: Settings, pipe: Pipe) -> None:
        self._listen = [parse_listen(text) for text in settings["listen"]]
        self._gossip = settings["gossip"]
        key = create_new_key_pair(settings["seed"])
        peer_id = ID.from_pubkey(key.public_key)
        self.peer_id = peer_id.to_base58()
        self.counters = {"refused_peers": 0, "garbage_streams": 0, "guests_admitted": 0, "guests_refused": 0, "refused_guests": 0}
        self.members: set[str] = set()  # changes while the host runs
        self.reception = Reception(pipe, self.counters)
        room = MAX_MEMBERS * CONNECTIONS_PER_MEMBER + SPARE_CONNECTIONS
        limits = ConnectionConfig(
            max_connections=room,
            high_watermark=room,
            low_watermark=0,
            min_connections=0,
            max_connections_per_peer=CONNECTIONS_PER_MEMBER,
            dial_timeout=DIAL_TIMEOUT_S,
        )
        peerstore = PeerStore()
        peerstore.add_key_pair(peer_id, key)
        noise = NoiseTransport(key, noise_privkey=create_noise_key_pair().private_key)
        self.upgrader = _MemberUpgrader(noise, self.members, self.reception, self.counters)
        self.swarm = _GuardedSwarm(peer_id, peerstore, self.upgrader, limits, self.counters)
        self.host = BasicHost(self.swarm, addrs_factory=_concrete, disable_identify_address_discovery=True)

    @property
    def addresses(self) -> list[str]:
        """Where others can dial this host, as multiaddrs with its peer ID."""
        return [str(address) for address in self.host.get_addrs()]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen and serve.

        Raises:
            ListenError: an address cannot be listened on.
        """
        for address in self._listen:
            _try_to_bind(address)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.host.run([Multiaddr(str(address)) for address in self._listen]))
            bound = {str(address) for address in self.host.get_transport_addrs()}
            for address in self._listen:
                if not any(text.startswith(f"/{address.kind}/{address.host}/tcp/{address.port or ''}") for text in bound):
                    raise ListenError(f"The libp2p process could not listen on {address}.", "Choose another address or port.")
            if self._gossip:
                await self._start_gossip(stack)
            yield

    async def _start_gossip(self, stack: AsyncExitStack) -> None:
        """Gossipsub with every setting that matters written down; the defaults fit none of them."""
        router = GossipSub(
            protocols=_GOSSIP_PROTOCOLS,
            degree=6,
            degree_low=4,
            degree_high=12,
            heartbeat_interval=1,  # the default is two minutes
            spam_protection_enabled=False,  # it would silently drop our own messages above 10 a second
            do_px=False,
        )
        pubsub = Pubsub(self.host, router, strict_signing=True, max_inbound_rpc_size=MAX_GOSSIP_RPC, allowed_topics=_GOSSIP_TOPICS)
        await stack.enter_async_context(background_trio_service(pubsub))
        await stack.enter_async_context(background_trio_service(router))
        await pubsub.wait_until_ready()


def _concrete(addresses: list[Multiaddr]) -> list[Multiaddr]:
    """The addresses of this machine's interfaces in place of 0.0.0.0 and ::."""
    return [concrete for address in addresses for concrete in get_thin_waist_addresses(address)]


def _try_to_bind(address: Address) -> None:
    """Bind the address for a moment, as the library would not say that it failed, or why."""
    family = socket.AF_INET6 if address.kind == "ip6" else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address.host, address.port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            sentence = f"Another program already listens on port {address.port} of {address.host}."
            remedy = "Stop that program, or choose another port to listen on."
        elif error.errno == errno.EADDRNOTAVAIL:
            sentence = f"{address.host} is not an address of this machine."
            remedy = "Listen on an address that `ip address` shows."
        elif error.errno == errno.EACCES:
            sentence = f"This user may not listen on port {address.port}."
            remedy = "Choose a port above 1023."
        else:
            sentence = f"{address} cannot be listened on: {error.strerror}."
            remedy = "Choose another address to listen on."
        raise ListenError(sentence, remedy) from error
