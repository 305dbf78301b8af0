"""Members that come and go while a transport runs. Real sockets, and real libp2p processes."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.transports import libp2p_rigs
from tests.transports.libp2p_rigs import until
from tests.transports.websocket import rigs as websocket_rigs
from transports.libp2p.identity import peer_id_of
from transports.libp2p.transport import Libp2pTransport
from transports.limits import MAX_MEMBERS
from transports.link import Admitting
from transports.websocket.transport import WebSocketTransport

pytestmark = pytest.mark.timeout(60)


def strangers(folder: Path, name: str) -> tuple[Admitting, Admitting, Callable]:
    """Two transports that know nobody, and what runs them."""
    if name == "libp2p":
        pair = [replace(one, members=(), peers=(), most_members=2) for one in libp2p_rigs.configs(folder)]
        return *(libp2p_rigs.transport(one) for one in pair), libp2p_rigs.running
    pair = [replace(one, members=(), peers=()) for one in websocket_rigs.pair(folder)]
    return *(websocket_rigs.transport(one) for one in pair), websocket_rigs.running


@pytest.mark.parametrize("name", ["libp2p", "websocket"])
async def test_who_is_admitted_is_called_and_linked_and_who_is_expelled_stays_out(name: str, tmp_path: Path) -> None:
    left, right, running = strangers(tmp_path, name)
    async with running(left, right) as (one, two):
        left.admit(right.peer_id)  # while the libp2p process is being started
        await until(lambda: left.status().addresses and right.status().addresses)
        right.admit(left.peer_id, left.status().addresses)
        await one.until(lambda: one.up, "LinkUp")
        await two.until(lambda: two.up, "LinkUp")
        assert one.link.peer == right.peer_id
        left.expel(right.peer_id, "it is not wanted")
        await one.until(lambda: one.downs, "LinkDown")
        await two.until(lambda: two.downs, "LinkDown")
        refused = "refused_peers" if name == "libp2p" else "refused_not_member"
        await until(lambda: left.status().counters.get(refused, 0))  # it calls again
        assert not one.up
        right.expel(left.peer_id, "it does not want us")
        left.admit(right.peer_id)
        right.admit(left.peer_id, left.status().addresses)
        await one.until(lambda: one.up, "LinkUp")


@pytest.mark.parametrize("name", ["libp2p", "websocket"])
async def test_nobody_is_admitted_who_is_none_or_one_too_many(name: str, tmp_path: Path) -> None:
    one, other, _ = strangers(tmp_path, name)
    assert isinstance(one, Libp2pTransport | WebSocketTransport)
    assert isinstance(one, Admitting)
    place = f"/ip4/127.0.0.1/tcp/1/p2p/{other.peer_id}" if name == "libp2p" else f"wss://127.0.0.1:1#{other.peer_id}"
    with pytest.raises(ValueError, match="not the ID of a gateway"):
        one.admit("somebody")
    with pytest.raises(ValueError, match="not all of"):
        one.admit(peer_id_of(bytes(32)), [place])
    for _ in range(2 if name == "libp2p" else MAX_MEMBERS):
        one.admit(peer_id_of(os.urandom(32)))
    with pytest.raises(ValueError, match="as many as there may be"):
        one.admit(other.peer_id)
