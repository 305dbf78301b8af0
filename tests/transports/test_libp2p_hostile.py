"""Strangers and members with bad manners, all against one pair of gateways that must not notice."""

import json
import os
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from tests.transports.libp2p_rigs import configs, running, stranger, transport, until
from transports.conformance import Witness
from transports.libp2p.identity import peer_id_of
from transports.libp2p.transport import Libp2pTransport

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]


def bad_member(victim: str) -> bytes:
    """The seed of a member that opens the stream with the victim, its ID being the smaller."""
    while True:
        seed = os.urandom(32)
        if peer_id_of(seed) < victim:
            return seed


class Victims:
    """Two gateways that are linked, and what must not change while others misbehave."""

    def __init__(self, left: Witness, right: Witness, seed: bytes) -> None:
        self.left = left
        self.right = right
        self.seed = seed
        assert isinstance(right.transport, Libp2pTransport)
        self.target = right.transport
        self.address = right.transport.status().addresses[0]
        assert self.address.endswith(f"/p2p/{self.target.peer_id}")
        self.link = left.link.link
        self.sent = 0
        self._pids = self._processes()

    def count(self, name: str) -> int:
        return self.target.status().counters.get(name, 0)

    async def must_be_unharmed(self) -> None:
        self.sent += 1
        frame = self.sent.to_bytes(4, "big")
        assert self.left.transport.send(self.link, frame)
        await self.right.until(lambda: frame in self.right.frames, "the frame")
        assert self.left.downs == 0
        assert self._processes() == self._pids

    def _processes(self) -> list[int | None]:
        return [witness.transport.child_pid for witness in (self.left, self.right) if isinstance(witness.transport, Libp2pTransport)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def victims(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Victims]:
    left, right = configs(tmp_path_factory.mktemp("victims"), gossip=True)
    seed = bad_member(right_id := re.findall(r"p2p/(\w+)", left.peers[0])[0])
    assert right_id == left.members[0]
    right = replace(right, members=(*right.members, peer_id_of(seed)))
    async with running(transport(left), transport(right)) as (one, two):
        await one.until(lambda: one.up, "LinkUp")
        await two.until(lambda: two.up, "LinkUp")
        yield Victims(one, two, seed)


async def test_a_stranger_is_hung_up_on_before_any_protocol(victims: Victims) -> None:
    before = victims.count("refused_peers")
    seed = os.urandom(32)
    told = json.loads(await stranger("VISIT", seed.hex(), victims.address))
    assert told["id"] == peer_id_of(seed)  # libp2p and the gateway derive the same ID
    assert not told["still connected"]
    assert "answered" not in told.values()
    await until(lambda: victims.count("refused_peers") > before)
    await victims.must_be_unharmed()


async def test_a_connection_without_encryption_is_refused(victims: Victims) -> None:
    told = json.loads(await stranger("PLAIN", victims.seed.hex(), victims.address))
    assert not told["connected"]
    await victims.must_be_unharmed()


async def test_garbage_on_any_protocol_costs_the_member_that_sent_it_its_own_connection(victims: Victims) -> None:
    before = victims.count("garbage"), victims.count("garbage_streams")
    told = json.loads(await stranger("GARBAGE", victims.seed.hex(), victims.address))
    assert told["connected"]
    assert told["below"] == 4
    await until(lambda: victims.count("garbage") > before[0] and victims.count("garbage_streams") > before[1])
    await victims.must_be_unharmed()


async def test_coming_and_going_uses_up_no_slots(victims: Victims) -> None:
    told = json.loads(await stranger("COME", victims.seed.hex(), victims.address, "42"))
    assert told["came"] == 42
    await victims.must_be_unharmed()


async def test_bytes_that_are_no_libp2p_at_all_harm_nobody(victims: Victims) -> None:
    _, _, host, _, port, *_ = victims.address.split("/")
    for words in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(3_000), b"\x13/multistream/1.0.0\n\xff\xff\xff\xff\x7f", b""):
        with socket.create_connection((host, int(port))) as caller:
            caller.sendall(words)
    await victims.must_be_unharmed()
