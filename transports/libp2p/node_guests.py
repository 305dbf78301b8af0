"""Showing a ticket to a gateway that does not know us yet, and being shown one: `/meshgate/join/1`.

    guest                                                  host
    TCP, Noise: both have proved their keys
    /multistream/1.0.0, /meshgate/join/1      ◀──────▶     in place of a multiplexer, and nothing else is offered
    length (4 bytes), 01, ticket              ───────▶
                                              ◀───────     length (4 bytes), 01, word: empty if the ticket is taken

Then both hang up. A guest never gets a multiplexer, so it can open no stream and reach no other protocol. Guests are received only
while the gateway expects some; otherwise whoever is no member is hung up on at once, as ever.
"""

import logging
from collections import Counter
from contextlib import suppress
from itertools import count
from typing import Final

import trio
from libp2p.abc import ISecureConn
from libp2p.custom_types import TProtocol
from libp2p.io.abc import ReadWriteCloser
from libp2p.peer.id import ID
from libp2p.protocol_muxer.exceptions import ProtocolNotSupportedError
from libp2p.protocol_muxer.multiselect import Multiselect
from libp2p.protocol_muxer.multiselect_client import MultiselectClient
from libp2p.protocol_muxer.multiselect_communicator import MultiselectCommunicator
from libp2p.transport.tcp.tcp import TCP
from libp2p.transport.upgrader import TransportUpgrader
from multiaddr import Multiaddr

from transports.host import host_of
from transports.libp2p.framing import GarbageError, framed
from transports.libp2p.node_pipe import Pipe
from transports.libp2p.pipe import Kind
from transports.limits import GUEST_BURST, GUEST_BYTES, GUEST_RATE, GUEST_S, GUESTS_PER_HOST, MAX_GUESTS, MAX_SHOWN, MAX_WORD

_log = logging.getLogger(__name__)

JOIN: Final = TProtocol("/meshgate/join/1")
_VERSION: Final = 1
_LENGTH: Final = 4  # bytes
_FAREWELL_S: Final = 1.0  # seconds a guest has to hang up by itself, so that the answer is not lost with the connection


class _Line(ReadWriteCloser):
    """A secured connection from which no more than so many bytes are taken."""

    def __init__(self, connection: ISecureConn) -> None:
        self._connection = connection
        self._left = GUEST_BYTES

    async def read(self, n: int | None = None) -> bytes:
        if n is None or n > self._left:
            raise GarbageError("more than anybody has to say here")
        data = await self._connection.read(n)
        self._left -= len(data)
        return data

    async def write(self, data: bytes) -> None:
        await self._connection.write(data)

    async def close(self) -> None:
        await self._connection.close()

    def get_remote_address(self) -> tuple[str, int] | None:
        return self._connection.get_remote_address()

    async def message(self, most: int) -> bytes:
        """Read one message of at most `most` bytes; raises `GarbageError` for anything else."""
        size = int.from_bytes(await self.read(_LENGTH))  # the library reads exactly as much as is asked for
        if not 1 <= size <= most + 1:
            raise GarbageError(f"a message of {size} bytes was announced")
        message = await self.read(size)
        if len(message) < size or message[0] != _VERSION:
            raise GarbageError("it hung up, or is of another version")
        return message[1:]

    async def say(self, words: bytes) -> None:
        await self.write(framed(bytes((_VERSION,)), words))


class Reception:
    """Receives guests, and asks the gateway what becomes of them."""

    def __init__(self, pipe: Pipe, counters: dict[str, int]) -> None:
        self.is_open = False
        self._pipe = pipe
        self._counters = counters
        self._numbers = count(1)
        self._hosts: Counter[str] = Counter()
        self._waiting: dict[int, tuple[trio.Event, list[str]]] = {}
        self._level = GUEST_BURST
        self._at = 0.0

    async def receive(self, connection: ISecureConn, peer_id: str) -> bool:
        """Let a guest show its ticket, and tell it what came of that; False if it never came so far. Never raises what the guest does."""
        where = connection.get_remote_address()
        host = host_of(where[0]) if where else ""
        if not self.is_open or sum(self._hosts.values()) >= MAX_GUESTS or self._hosts[host] >= GUESTS_PER_HOST or not self._in_time():
            self._counters["refused_guests"] += self.is_open
            return False
        self._hosts[host] += 1
        try:
            with trio.fail_after(GUEST_S):
                await self._serve(_Line(connection), peer_id)
        except Exception as error:  # noqa: BLE001 - whatever it was, the guest is hung up on
            self._counters["refused_guests"] += 1
            _log.info("Hung up on %s, which came as a guest: %s.", peer_id, type(error).__name__)
            return False
        finally:
            self._hosts[host] -= 1
            self._hosts += Counter()  # drops the hosts nobody is here from
        return True

    def answered(self, number: int, word: str) -> None:
        """The gateway has judged what a guest has shown."""
        if number in self._waiting:
            event, words = self._waiting.pop(number)
            words.append(word)
            event.set()

    async def _serve(self, line: _Line, peer_id: str) -> None:
        await Multiselect({JOIN: None}).negotiate(MultiselectCommunicator(line))
        shown = await line.message(MAX_SHOWN)
        word = await self._ask(peer_id, shown)
        self._counters["guests_refused" if word else "guests_admitted"] += 1
        await line.say(word.encode()[:MAX_WORD])
        with trio.move_on_after(_FAREWELL_S), suppress(Exception):
            await line.read(1)

    async def _ask(self, peer_id: str, shown: bytes) -> str:
        number = next(self._numbers)
        event, words = self._waiting[number] = trio.Event(), []
        try:
            await self._pipe.tell(Kind.GUEST, number, peer_id, shown)
            await event.wait()
        finally:
            self._waiting.pop(number, None)
        return words[0]

    def _in_time(self) -> bool:
        now = trio.current_time()
        self._level = min(GUEST_BURST, self._level + (now - self._at) * GUEST_RATE)
        self._at = now
        if self._level < 1:
            return False
        self._level -= 1
        return True


async def show(upgrader: TransportUpgrader, where: Multiaddr, peer_id: ID, ticket: bytes) -> str:
    """Show a ticket to the gateway with this peer ID; returns its word, empty if it lets us in.

    Raises whatever the library raises where that gateway cannot be reached, is another, or hangs up.
    """
    raw = await TCP().dial(where)
    try:
        line = _Line(await upgrader.upgrade_security(raw, is_initiator=True, peer_id=peer_id))
        client, communicator = MultiselectClient(), MultiselectCommunicator(line)
        await client.handshake(communicator)
        try:
            await client.try_select(communicator, JOIN)
        except ProtocolNotSupportedError:
            return ""  # it offers a multiplexer: it takes us for a member
        await line.say(ticket)
        return (await line.message(MAX_WORD)).decode("ascii")
    finally:
        await raw.close()
