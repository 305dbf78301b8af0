"""`P2PNetwork`: what another program uses."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from hashlib import sha256
from types import TracebackType
from typing import Self

from gateway.network.config import NetworkConfig
from gateway.network.events import Event
from gateway.network.exchange import NO_PROGRAM
from gateway.network.peers import Peer, who_is_at
from gateway.network.receipts import Receipt
from gateway.network.running import NetworkError, Running
from gateway.wire.envelope_schema import PACKET_ID
from gateway.wire.program import Value, encode_value
from transports.libp2p.identity import IdentityError
from transports.link import Transport, TransportStatus
from transports.websocket.errors import CertificateError

CONNECT_S = 30.0  # seconds `connect` waits unless it is told otherwise
_NOT_RUNNING = "The network does not run: use it with `async with`, or call initialize first."


class P2PNetwork:
    """Links with other programs, over whichever transport works.

    Use it as an asynchronous context manager, or call `initialize` and `shutdown`. A program is linked only with those it names
    (`connect`, `admit`), and they must name it too. All methods belong to one event loop.

    Args:
        config: what the program decided, or a mapping of the same names.
        transports: in place of those the configuration names; they must not run yet.

    Raises:
        ValueError: the configuration cannot be used.

    """

    def __init__(
        self, config: NetworkConfig | Mapping[str, object] | None = None, *, transports: Sequence[Transport] | None = None
    ) -> None:
        self.config = config if isinstance(config, NetworkConfig) else NetworkConfig.of(config or {})
        self._transports = transports
        self._run: Running | None = None

    async def __aenter__(self) -> Self:
        await self.initialize()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.shutdown()

    async def initialize(self) -> None:
        """Start, and return once every transport listens; does nothing if it runs already.

        Raises:
            NetworkError: a transport is not installed, cannot be used or cannot listen; then nothing runs.

        """
        if self._run is None:
            run = self._run = Running(self.config, self._transports)
            try:
                await run.start()
            except (ModuleNotFoundError, IdentityError, CertificateError, OSError) as error:
                self._run = None
                raise NetworkError(str(error)) from error
            except BaseException:
                self._run = None
                raise

    async def shutdown(self) -> None:
        """Let the last receipts leave, close every link, and end; what is still open has failed. Does nothing if it does not run."""
        run, self._run = self._run, None
        if run is not None:
            await run.stop()

    @property
    def peer_id(self) -> str:
        """This program's ID, which others need to let it in; the same as long as its key is."""
        return self._running().peer_id

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where others can call this program, the preferred transport first."""
        return tuple(address for status in self.status() for address in status.addresses)

    @property
    def peers(self) -> Mapping[str, Peer]:
        """Every program that may be linked, by its ID, and how it is reached."""
        return self._running().peers()

    def status(self) -> tuple[TransportStatus, ...]:
        """What each transport has to say, for people and logs."""
        return self._running().status()

    def admit(self, peer_id: str) -> None:
        """Let another program link with this one when it calls.

        Raises:
            NetworkError: there are as many as `max_peers` allows, or it is no ID.

        """
        self._running().allow(peer_id, {})

    async def connect(self, *addresses: str, within: float = CONNECT_S) -> str:
        """Link with another program; returns its ID once it has answered.

        It is called whenever there is no link, until `disconnect`. Give its addresses for several transports, so that each
        can take over from the others. If it does not answer in time it is not called any more, unless it was known before.

        Args:
            addresses: one or more of what its `addresses` says.
            within: seconds it may take.

        Raises:
            NetworkError: it does not answer, is a gateway, or is one more than `max_peers` allows.
            ValueError: these are no addresses of one program, or of a transport that is not used.

        """
        run = self._running()
        peer_id, by_transport = who_is_at(addresses)
        if peer_id == run.peer_id:
            raise ValueError("This is the address of this program itself.")
        for name in by_transport.keys() - run.names():
            raise ValueError(f"There is an address for {name}, which is not in transport_priority.")
        stays = peer_id in run.known
        run.allow(peer_id, by_transport)
        try:
            async with asyncio.timeout(within):
                await self._linked(peer_id)
            stays = True
        except TimeoutError:
            said = " ".join(f"{status.name}: {status.sentence}" for status in run.status())
            raise NetworkError(f"{peer_id} has not answered within {within:g} s. {said}") from None
        finally:
            if not stays and not run.is_over:
                run.part(peer_id)
        return peer_id

    async def disconnect(self, peer_id: str) -> None:
        """Part with a program: its link is closed, it is let in no more, and what is open to it has failed."""
        self._running().part(peer_id)

    async def send(self, peer_id: str, message: Value, *, within: float | None = None, message_id: str | None = None) -> Receipt:
        """Send a message; returns at once, with a receipt that becomes delivered or failed.

        Which transport carries it, or that one has failed and another taken over, is not the sender's business.

        Args:
            peer_id: to whom.
            message: None, a truth value, number, text or bytes, or lists and dicts (with texts as keys) of these; at most 256 KiB.
            within: seconds until it has failed; the mode decides unless given.
            message_id: 32 hexadecimal digits. Sent again under the same ID, a message is never taken twice by a program that
                still runs; while the first is open or delivered, its receipt is returned.

        Raises:
            NetworkError: nobody with this ID was named with `connect` or `admit`.
            ValueError: the message cannot be sent, or its ID is malformed or was another message's.

        """
        run = self._running()
        if peer_id not in run.known:
            raise NetworkError(f"{peer_id} is nobody this program knows: connect it or admit it first.")
        body = encode_value(message)
        digest, identifier = sha256(body).digest(), _identifier(message_id)
        known = run.receipts.get(identifier.hex())
        if known is not None and (known.peer_id, known.digest) != (peer_id, digest):
            raise ValueError(f"The ID {known.message_id} was given to another message.")
        if known is not None and (known.is_delivered or not known.is_settled):
            return known
        receipt = Receipt(identifier.hex(), peer_id, digest)
        run.receipts.add(receipt)
        manners = self.config.manners
        until = asyncio.get_running_loop().time() + (manners.patience_s if within is None else within)
        refused = run.exchange.submit(peer_id, identifier, body, until, waits=manners.waits)
        if refused:
            receipt.settle(refused)
        else:
            run.soon()
        return receipt

    async def broadcast(self, message: Value, *, within: float | None = None) -> int:
        """Send a message to every program that is linked; returns how many have taken it, once all have or their time is over."""
        receipts = [await self.send(peer_id, message, within=within) for peer_id in self._running().exchange.up()]
        return sum([await receipt.settled() for receipt in receipts])

    async def events(self) -> AsyncIterator[Event]:
        """Iterate over what happens, until the network is shut down.

        Taking a `Message` acknowledges it to its sender. Events wait in one line, and who else iterates takes from the same.

        Raises:
            NetworkError: the network broke down.

        """
        run = self._running()
        while (event := await run.next()) is not None:
            yield event
        _raise_if_broken(run)

    async def _linked(self, peer_id: str) -> None:
        while not (run := self._running()).exchange.is_up(peer_id):
            if run.exchange.is_gateway(peer_id):
                raise NetworkError(NO_PROGRAM)
            await run.changed()

    def _running(self) -> Running:
        run = self._run
        if run is None:
            raise NetworkError(_NOT_RUNNING)
        _raise_if_broken(run)
        return run


def _raise_if_broken(run: Running) -> None:
    if run.broken is not None:
        raise NetworkError(f"The network broke down: {run.broken}") from run.broken


def _identifier(text: str | None) -> bytes:
    if text is None:
        return secrets.token_bytes(PACKET_ID)
    try:
        identifier = bytes.fromhex(text)
    except ValueError:
        identifier = b""
    if len(identifier) != PACKET_ID:
        raise ValueError(f"{text!r} is no ID of a message: that has {2 * PACKET_ID} hexadecimal digits.")
    return identifier
