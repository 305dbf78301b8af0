"""P2PNetwork over links in memory, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.network import Message, NetworkConfig, NetworkError, P2PNetwork, PeerDown, PeerUp, ReceiptState, reach
from gateway.network.exchange import LATE, NOT_LINKED
from gateway.network.running import OVER
from tests.testing.virtual_loop import run
from transports.libp2p.identity import peer_id_of
from transports.link import Capability
from transports.loopback import LoopbackHub, LoopbackTransport


class Hall(LoopbackHub):
    """Programs in one room; each hears those it has named, as over real transports."""

    def __init__(self) -> None:
        super().__init__(capabilities=Capability.WIDE_AREA | Capability.DIRECTED)
        self.made: dict[str, LoopbackTransport] = {}

    @asynccontextmanager
    async def enter(self, name: str, knows: Sequence[str], **settings: object) -> AsyncIterator[P2PNetwork]:
        self.made[name] = self.transport(name)
        network = P2PNetwork(NetworkConfig(**settings), transports=[self.made[name]])
        await network.initialize()
        for other in knows:
            network.admit(other)
        try:
            yield network
        finally:
            await network.shutdown()


async def up(network: P2PNetwork, *names: str) -> None:
    async with asyncio.timeout(5):
        while {peer_id for peer_id, peer in network.peers.items() if peer.is_up} != set(names):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def take(network: P2PNetwork, number: int = 1) -> list[object]:
    """The values of the next messages."""
    found: list[object] = []
    async for event in network.events():
        if isinstance(event, Message):
            found.append(event.value)
            if len(found) == number:
                return found
    return found


def test_a_dict_with_bytes_is_delivered_and_its_receipt_says_so() -> None:
    async def main() -> None:
        hall = Hall()
        async with hall.enter("ann", ["bob"]) as ann, hall.enter("bob", ["ann"]) as bob:
            await up(ann, "bob")
            said = {"text": "hello", "photo": b"\x89PNG", "list": [1, 2.5, None, True]}
            receipt = await ann.send("bob", said)
            assert receipt.state is ReceiptState.WAITING
            await asyncio.sleep(0.1)
            assert receipt.state is ReceiptState.SENT
            assert ann.peers["bob"].open_messages == 1
            assert await take(bob) == [said]
            assert await receipt.settled()
            assert (receipt.state, receipt.reason, receipt.is_delivered) == (ReceiptState.DELIVERED, "", True)
            assert ann.peers["bob"].transport == "loopback"

    run(main())


def test_a_broadcast_counts_who_has_taken_it_and_nobody_else() -> None:
    async def main() -> None:
        hall = Hall()
        async with hall.enter("ann", ["bob", "cyd", "dan"]) as ann, hall.enter("bob", ["ann"]) as bob, hall.enter("cyd", ["ann"]):
            await up(ann, "bob", "cyd")
            taking = asyncio.create_task(take(bob))
            assert await ann.broadcast({"weather": "rain"}, within=2.0) == 1  # cyd never takes anything, dan is not there
            assert await taking == [{"weather": "rain"}]

    run(main())


def test_events_tell_who_comes_and_goes_and_end_with_the_network() -> None:
    async def main() -> None:
        hall = Hall()
        async with hall.enter("ann", ["bob"]) as ann:
            seen: list[object] = []

            async def listen() -> None:
                seen.extend([event async for event in ann.events()])

            listening = asyncio.create_task(listen())
            async with hall.enter("bob", ["ann"]):
                await up(ann, "bob")
            await up(ann)
            await ann.shutdown()
            await listening
            assert seen[0] == PeerUp("bob")
            assert isinstance(seen[1], PeerDown)

    run(main())


def test_the_mode_says_whether_a_message_waits_for_a_link() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        for mode, expected in (("direct", 0.0), ("performance-first", 0.0), ("hybrid", 30.0), ("offline-first", 300.0)):
            async with Hall().enter("ann", ["bob"], mode=mode) as ann:
                began = loop.time()
                receipt = await ann.send("bob", "anybody?")
                assert not await receipt.settled()
                assert receipt.reason == NOT_LINKED
                assert loop.time() - began == pytest.approx(expected, abs=0.1)

    run(main())


def test_a_program_that_takes_nothing_acknowledges_nothing() -> None:
    async def main() -> None:
        hall = Hall()
        async with hall.enter("ann", ["bob"]) as ann, hall.enter("bob", ["ann"]):
            await up(ann, "bob")
            receipt = await ann.send("bob", "anybody?", within=5.0)
            assert not await receipt.settled()
            assert (receipt.state, receipt.reason) == (ReceiptState.FAILED, LATE)

    run(main())


def test_a_message_has_one_receipt_for_its_id_until_it_has_failed() -> None:
    async def main() -> None:
        hall = Hall()
        name = "ab" * 16
        async with hall.enter("ann", ["bob"]) as ann, hall.enter("bob", ["ann"]) as bob:
            await up(ann, "bob")
            first = await ann.send("bob", "once", message_id=name, within=1.0)
            assert await ann.send("bob", "once", message_id=name) is first
            with pytest.raises(ValueError, match="another message"):
                await ann.send("bob", "twice", message_id=name)
            assert not await first.settled()  # nobody took it in time
            again = await ann.send("bob", "once", message_id=name)
            assert again is not first
            assert await take(bob) == ["once"]
            assert await again.settled()
            assert await ann.send("bob", "once", message_id=name) is again
            assert await ann.broadcast("the end", within=0.1) == 0
            assert await take(bob) == ["the end"]  # and not "once" a second time
            for wrong in ("ab", "zz" * 16):
                with pytest.raises(ValueError, match="no ID of a message"):
                    await ann.send("bob", "x", message_id=wrong)

    run(main())


def test_max_peers_is_kept_and_parting_gives_the_place_back() -> None:
    async def main() -> None:
        async with Hall().enter("ann", ["bob", "cyd"], max_peers=2) as ann:
            with pytest.raises(NetworkError, match="max_peers"):
                ann.admit("dan")
            ann.admit("bob")
            await ann.disconnect("bob")
            ann.admit("dan")
            assert set(ann.peers) == {"cyd", "dan"}

    run(main())


def test_nobody_is_sent_anything_who_was_not_named() -> None:
    async def main() -> None:
        async with Hall().enter("ann", []) as ann:
            with pytest.raises(NetworkError, match="nobody this program knows"):
                await ann.send("eve", "psst")
            ann.admit("bob")
            with pytest.raises(ValueError, match="cannot hold a set"):
                await ann.send("bob", {1, 2})

    run(main())


def test_shutting_down_settles_what_is_open_and_lets_the_last_receipts_leave() -> None:
    async def main() -> None:
        hall = Hall()
        async with hall.enter("ann", ["bob", "cyd"]) as ann, hall.enter("bob", ["ann"]) as bob:
            await up(ann, "bob")
            waiting = await ann.send("cyd", "are you there?")
            taken = await ann.send("bob", "take this")
            assert await take(bob) == ["take this"]
            await bob.shutdown()
            assert await taken.settled()
            await ann.shutdown()
            assert (waiting.state, waiting.reason) == (ReceiptState.FAILED, OVER)
            with pytest.raises(NetworkError, match="does not run"):
                await ann.send("bob", "x")
            await ann.shutdown()
            assert len(asyncio.all_tasks()) == 1

    run(main())


def test_an_engine_that_breaks_ends_every_wait_with_the_reason() -> None:
    async def main() -> None:
        def break_down(*_: object) -> list:
            raise RuntimeError("out of its mind")

        async with Hall().enter("ann", ["bob"]) as ann:
            receipt = await ann.send("bob", "x")
            waiting = asyncio.create_task(take(ann))
            ann._run.exchange.handle = break_down
            assert not await receipt.settled()
            assert "out of its mind" in receipt.reason
            with pytest.raises(NetworkError, match="broke down: out of its mind"):
                await waiting
            with pytest.raises(NetworkError, match="broke down"):
                await ann.send("bob", "y")

    run(main())


async def test_what_is_not_installed_is_an_error_and_not_a_network_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "find_spec", lambda _name: None)
    network = P2PNetwork(NetworkConfig(state_dir=tmp_path))
    with pytest.raises(NetworkError, match="installed without libp2p"):
        await network.initialize()
    with pytest.raises(NetworkError, match="does not run"):
        _ = network.addresses


@pytest.mark.timeout(30)
async def test_two_networks_over_websocket_link_refuse_and_part(tmp_path: Path) -> None:
    def settings(name: str, **more: object) -> NetworkConfig:
        return NetworkConfig(transport_priority=["websocket"], state_dir=tmp_path / name, **more)

    async with P2PNetwork(settings("ann")) as ann, P2PNetwork(settings("bob")) as bob:
        with pytest.raises(NetworkError, match="has not answered within 1 s"):
            await ann.connect(*bob.addresses, within=1.0)  # bob does not know ann
        assert ann.peers == {}
        bob.admit(ann.peer_id)
        assert await ann.connect(*bob.addresses) == bob.peer_id
        assert ann.peers[bob.peer_id].transport == "websocket"
        receipt = await ann.send(bob.peer_id, bytes(200_000))
        assert await take(bob) == [bytes(200_000)]
        assert await receipt.settled()
        with pytest.raises(ValueError, match="this program itself"):
            await ann.connect(*ann.addresses)
        with pytest.raises(ValueError, match="not in transport_priority"):
            await ann.connect(f"/ip4/127.0.0.1/tcp/9/p2p/{peer_id_of(bytes(32))}")
        await ann.disconnect(bob.peer_id)
        with pytest.raises(NetworkError, match="cannot be used"):
            await P2PNetwork(settings("cyd", listen=[bob.addresses[0].removeprefix("wss://").partition("#")[0]])).initialize()
        name = ann.peer_id
    async with P2PNetwork(settings("ann")) as ann:
        assert ann.peer_id == name
