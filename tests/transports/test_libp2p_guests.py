"""A gateway with a ticket comes in over libp2p while the door is open; nobody else does, and whoever is dismissed goes."""

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.transports.libp2p_rigs import free_address, running, stranger, until
from transports.conformance import Witness
from transports.gate import Called, Table
from transports.libp2p.config import Libp2pConfig
from transports.libp2p.identity import peer_id_of
from transports.libp2p.transport import Libp2pTransport
from transports.limits import GUEST_S, GUESTS_PER_HOST, MAX_SHOWN

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]
TICKET = b"let me in"


def said(words: bytes, version: int = 1) -> str:
    return ((len(words) + 1).to_bytes(4) + bytes((version,)) + words).hex()


class Pair:
    """A host that judges tickets, and a gateway that shows one."""

    def __init__(self, folder: Path) -> None:
        self.shown: list[tuple[str, bytes]] = []
        self.told: list[tuple[str, str]] = []
        self.table: dict[str, Called] = {}
        self.word = ""
        self.host = self._made(folder / "host.key", judge=self._judge)
        self.guest = self._made(folder / "guest.key", told=lambda *said: self.told.append(said))

    def _made(self, key: Path, **hooks: object) -> Libp2pTransport:
        return Libp2pTransport(Libp2pConfig(key, (free_address(),)), random.Random(7), **hooks)  # type: ignore[arg-type]

    async def _judge(self, peer: str, ticket: bytes) -> str:
        self.shown.append((peer, ticket))
        if not self.word:
            self.table[peer] = Called()
            self.open()
        return self.word

    @property
    def address(self) -> str:
        return self.host.status().addresses[0]

    def open(self, *, guests: bool = True) -> None:
        self.host.renew(Table(dict(self.table), guests))

    def close(self) -> None:
        self.table.clear()
        self.host.renew(Table({}))
        self.guest.renew(Table({}))
        self.shown.clear()
        self.told.clear()
        self.word = ""

    def show(self, ticket: bytes = TICKET) -> None:
        self.guest.renew(Table({self.host.peer_id: Called((self.address,), ticket)}))

    def count(self, name: str) -> int:
        return self.host.status().counters.get(name, 0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Pair, Witness, Witness]]:
    pair = Pair(tmp_path_factory.mktemp("guests"))
    async with running(pair.host, pair.guest) as (one, two):
        await until(lambda: pair.host.status().addresses and pair.guest.status().addresses)
        yield pair, one, two


@pytest_asyncio.fixture(loop_scope="module")
async def pair(both: tuple[Pair, Witness, Witness]) -> AsyncIterator[Pair]:
    pair, one, two = both
    yield pair
    pair.close()
    await until(lambda: not one.up and not two.up)


async def test_a_ticket_that_is_taken_makes_a_link_and_a_dismissal_ends_it(both: tuple[Pair, Witness, Witness], pair: Pair) -> None:
    _, one, two = both
    pair.open()
    pair.show()
    await one.until(lambda: one.up, "LinkUp")
    await two.until(lambda: two.up, "LinkUp")
    assert pair.shown == [(pair.guest.peer_id, TICKET)]
    assert pair.told == [(pair.host.peer_id, "")]
    assert one.link.peer == pair.guest.peer_id
    await two.send(b"frame")
    await one.until(lambda: one.frames, "the frame")
    pair.table.clear()
    pair.open(guests=False)
    await one.until(lambda: not one.up, "LinkDown")
    await two.until(lambda: not two.up, "LinkDown")
    before = pair.count("refused_peers")
    await until(lambda: pair.count("refused_peers") > before)  # it is called again, and hangs up
    assert not one.up


async def test_the_word_of_a_refusal_reaches_whoever_showed_the_ticket(pair: Pair) -> None:
    pair.word = "quota_used_up"
    pair.open()
    pair.show()
    await until(lambda: pair.told == [(pair.host.peer_id, "quota_used_up")])
    assert pair.table == {}


async def test_a_member_that_shows_its_ticket_again_is_taken_for_a_member(both: tuple[Pair, Witness, Witness], pair: Pair) -> None:
    _, one, _ = both
    pair.table[pair.guest.peer_id] = Called()
    pair.open()
    pair.show()
    await one.until(lambda: one.up, "LinkUp")
    await until(lambda: pair.told == [(pair.host.peer_id, "")])
    assert pair.shown == []


async def test_a_ticket_that_comes_later_is_shown_at_once(both: tuple[Pair, Witness, Witness], pair: Pair) -> None:
    _, one, _ = both
    pair.show(b"")
    before = pair.guest.status().counters.get("dial_failures", 0)
    await until(lambda: pair.guest.status().counters.get("dial_failures", 0) > before + 3)  # by now it waits for seconds
    pair.open()
    pair.show()
    await one.until(lambda: one.up, "LinkUp")
    assert pair.told == [(pair.host.peer_id, "")]


async def test_no_ticket_is_looked_at_while_none_is_expected(pair: Pair) -> None:
    before = pair.count("refused_peers")
    told = json.loads(await stranger("GUEST", os.urandom(32).hex(), pair.address, said(TICKET)))
    assert told["answer"] == "MultiselectClientError"
    assert pair.shown == []
    await until(lambda: pair.count("refused_peers") > before)


async def test_a_guest_speaks_no_other_protocol(pair: Pair) -> None:
    pair.open()
    told = json.loads(await stranger("VISIT", os.urandom(32).hex(), pair.address))
    assert not told["connected"]
    assert "answered" not in told.values()
    assert pair.shown == []


@pytest.mark.parametrize(
    "words",
    [
        (0).to_bytes(4).hex(),
        (MAX_SHOWN + 2).to_bytes(4).hex() + "01",
        b"\xff\xff\xff\xff".hex(),
        said(TICKET, version=2),
        os.urandom(9_000).hex(),
    ],
    ids=["empty", "too long", "far too long", "another version", "noise"],
)
async def test_a_guest_that_does_not_keep_to_the_protocol_is_hung_up_on(pair: Pair, words: str) -> None:
    pair.open()
    before = pair.count("refused_guests")
    told = json.loads(await stranger("GUEST", os.urandom(32).hex(), pair.address, words))
    assert told["answer"].endswith("Error")
    assert pair.shown == []
    await until(lambda: pair.count("refused_guests") >= before + 1)


async def test_the_longest_ticket_is_shown_as_it_is_to_its_judge(pair: Pair) -> None:
    pair.open()
    pair.word = "forged"
    seed = os.urandom(32)
    told = json.loads(await stranger("GUEST", seed.hex(), pair.address, said(b"x" * MAX_SHOWN)))
    assert bytes.fromhex(told["answer"]) == b"\x01forged"
    assert pair.shown == [(peer_id_of(seed), b"x" * MAX_SHOWN)]


async def test_guests_that_say_nothing_have_few_places_and_little_time(pair: Pair) -> None:
    pair.open()
    before = pair.count("refused_guests")
    told = json.loads(await stranger("IDLE", os.urandom(32).hex(), pair.address, str(GUESTS_PER_HOST + 3)))
    at_once = [seconds for seconds in told["seconds"] if seconds < GUEST_S / 2]
    assert len(at_once) == 3
    assert max(told["seconds"]) < 2 * GUEST_S
    await until(lambda: pair.count("refused_guests") >= before + GUESTS_PER_HOST + 3)
    await asyncio.sleep(0)
