import asyncio

import pytest

from transports.conformance import CHECKS, Bench, Check
from transports.loopback import LoopbackHub, LoopbackTransport


def pair() -> tuple[LoopbackTransport, LoopbackTransport]:
    hub = LoopbackHub()
    return hub.transport("left"), hub.transport("right")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_loopback_conforms(check: Check) -> None:
    await check(Bench(pair))


async def test_a_paused_receiver_is_felt_by_the_sender() -> None:
    async with Bench(pair).linked() as (left, right):
        assert isinstance(right.transport, LoopbackTransport)
        right.transport.pause()
        accepted = 0
        while left.transport.send(left.link.link, b"frame"):
            accepted += 1
        assert accepted == 64
        for _ in range(3):
            await asyncio.sleep(0)
        assert not right.frames
        assert not left.writables
        right.transport.resume()
        await left.until(lambda: left.writables, "Writable")
        assert len(right.frames) == accepted


async def test_a_closed_link_can_be_connected_again() -> None:
    hub = LoopbackHub()
    transports = hub.transport("left"), hub.transport("right")
    async with Bench(lambda: transports).linked() as (left, right):
        left.transport.close(left.link.link, "test")
        await right.until(lambda: right.downs, "LinkDown")
        hub.connect(*transports)
        await right.until(lambda: right.up, "LinkUp")
        await left.send(b"again")
        await right.until(lambda: right.frames == [b"again"], "the frame")


async def test_three_transports_of_a_hub_share_three_links() -> None:
    hub = LoopbackHub()
    transports = [hub.transport(name) for name in ("a", "b", "c")]
    tasks = [asyncio.create_task(transport.run(lambda _event: None)) for transport in transports]
    for _ in range(5):
        await asyncio.sleep(0)
    assert [transport.status().links for transport in transports] == [2, 2, 2]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [transport.status().links for transport in transports] == [0, 0, 0]


def test_a_name_belongs_to_one_transport() -> None:
    hub = LoopbackHub()
    hub.transport("a")
    with pytest.raises(ValueError, match="'a' already"):
        hub.transport("a")
