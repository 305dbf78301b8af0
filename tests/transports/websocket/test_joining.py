"""Members that change while the transport runs, and gateways that come with a ticket. Real sockets."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.transports.libp2p_rigs import until
from tests.transports.websocket.rigs import pair, running, transport
from transports.gate import Called, Table
from transports.websocket.errors import Refusal
from transports.websocket.protocol import encode_refusal
from transports.websocket.transport import WebSocketTransport

pytestmark = pytest.mark.timeout(60)


class Scene:
    """Two gateways that know nothing of each other; the left one judges tickets."""

    def __init__(self, folder: Path) -> None:
        left, right = pair(folder, both_call=False)
        self.word = ""
        self.told: list[tuple[str, str]] = []
        self.shown: list[tuple[str, bytes]] = []
        self.host = transport(replace(left, members=()), judge=self._judge)
        self.guest = transport(replace(right, members=(), peers=()), told=lambda *said: self.told.append(said))
        self.address = right.peers[0]

    async def _judge(self, peer: str, ticket: bytes) -> str:
        await asyncio.sleep(0)  # as long as it takes to write the book
        self.shown.append((peer, ticket))
        if not self.word:
            self.host.renew(Table({peer: Called()}))
        return self.word

    def show(self, ticket: bytes) -> None:
        self.guest.renew(Table({self.host.peer_id: Called((self.address,), ticket)}))


def count(one: WebSocketTransport, name: str) -> int:
    return one.status().counters.get(name, 0)


async def test_a_ticket_that_is_taken_makes_a_link_and_leaving_the_table_ends_it(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    async with running(scene.host, scene.guest) as (one, two):
        scene.show(b"let me in")
        await one.until(lambda: one.up, "LinkUp")
        await two.until(lambda: two.up, "LinkUp")
        assert scene.shown == [(scene.guest.peer_id, b"let me in")]
        assert scene.told == [(scene.host.peer_id, "")]
        scene.host.renew(Table({}))
        await two.until(lambda: two.downs, "LinkDown")
        scene.guest.renew(Table({scene.host.peer_id: Called((scene.address,))}))
        await until(lambda: count(scene.host, "refused_not_member"))
        assert not one.up
        assert len(scene.shown) == 1


async def test_the_word_of_a_refusal_reaches_whoever_showed_the_ticket(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.word = "expired"
    async with running(scene.host, scene.guest):
        scene.show(b"let me in")
        await until(lambda: scene.told)
        assert scene.told[0] == (scene.host.peer_id, "expired")
        assert count(scene.host, "refused_not_member") >= 1


async def test_whoever_shows_nothing_is_not_judged(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    async with running(scene.host, scene.guest):
        scene.show(b"")
        await until(lambda: count(scene.host, "refused_not_member"))
        assert (scene.shown, scene.told) == ([], [])


async def test_a_ticket_that_comes_later_is_shown_at_once(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    async with running(scene.host, scene.guest) as (one, _):
        scene.show(b"")
        await until(lambda: count(scene.host, "refused_not_member"))
        scene.show(b"let me in")
        await one.until(lambda: one.up, "LinkUp")
        assert scene.shown == [(scene.guest.peer_id, b"let me in")]


async def test_whom_the_table_leaves_out_is_called_no_more(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    async with running(scene.host, scene.guest):
        scene.show(b"")
        await until(lambda: count(scene.host, "refused_not_member"))
        scene.guest.renew(Table({}))
        assert scene.guest._calling == {}
        assert scene.guest.status().sentence == "Listening; no member has linked yet."


def test_a_word_of_any_length_fits_a_refusal() -> None:
    assert encode_refusal(Refusal.NOT_MEMBER, "x" * 500) == bytes((5, Refusal.NOT_MEMBER)) + b"x" * 120
