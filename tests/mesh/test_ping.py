"""Is somebody there, and how far away?"""

import pytest

from gateway.limits import MAX_PINGS
from gateway.mesh.effects import Pong
from gateway.mesh.events import Ping
from gateway.mesh.receiver import PONG_TIMEOUT_S
from gateway.wire.packet import decode
from gateway.wire.ping import Ping as PingPayload
from gateway.wire.ping import decode_ping, encode_ping
from gateway.wire.types import MessageType
from tests.mesh.cast import Cast
from tests.mesh.nodes import Node
from tests.mesh.playbook import NO_SYNC, Play


@pytest.fixture
def line() -> Cast:
    """Ada and Ben with a gateway between them."""
    cast = Cast("ada", "gateway", "ben", settings=NO_SYNC)
    cast.line("ada", "gateway", "ben")
    cast.wait(20)
    return cast


class TestPing:
    """Is somebody there, and how far away?"""

    def test_a_ping_is_answered_with_its_nonce(self) -> None:
        play = Play()
        ada = play.neighbor("a", "ada")
        play.hear("a", ada.packet(MessageType.PING, encode_ping(PingPayload(b"nonce!!!", 7)), to=play.me.peer_id, signed=False))
        (pong,) = play.sent(kind=MessageType.PONG)
        assert (pong.link, pong.ttl, pong.header.recipient_id) == ("a", 7, ada.peer_id)
        assert decode_ping(decode(pong.frame).payload) == PingPayload(b"nonce!!!", 7)

    def test_a_pong_tells_how_long_and_how_far(self) -> None:
        play = Play(links=["a"])
        ada = play.stranger("a", "ada")
        nonce = self.ping(play, ada)
        play.wait(0.25)
        self.pong(play, ada, nonce, ttl=5)
        assert play.seen(Pong) == [Pong(ada.peer_id, 3, 0.25)]

    def test_it_counts_once(self) -> None:
        play = Play(links=["a"])
        ada = play.stranger("a", "ada")
        nonce = self.ping(play, ada)
        self.pong(play, ada, nonce)
        play.wait(1)
        self.pong(play, ada, nonce)
        assert len(play.seen(Pong)) == 1

    def test_it_counts_from_the_one_who_was_asked(self) -> None:
        play = Play(links=["a"])
        ada, eve = play.stranger("a", "ada"), play.stranger("a", "eve")
        nonce = self.ping(play, ada)
        self.pong(play, eve, nonce)
        assert play.seen(Pong) == []
        self.pong(play, ada, nonce)
        assert len(play.seen(Pong)) == 1

    def test_it_counts_for_ten_seconds(self) -> None:
        play = Play(links=["a"])
        ada = play.stranger("a", "ada")
        nonce = self.ping(play, ada)
        play.wait(PONG_TIMEOUT_S + 0.1)
        self.pong(play, ada, nonce)
        assert play.seen(Pong) == []

    def test_hops_that_make_no_sense_are_none(self) -> None:
        play = Play(links=["a"])
        ada = play.stranger("a", "ada")
        self.pong(play, ada, self.ping(play, ada), ttl=7, origin=3)
        assert play.seen(Pong) == [Pong(ada.peer_id, None, 0.0)]

    def test_so_many_are_expected_at_once(self) -> None:
        play = Play(links=["a"])
        ada = play.stranger("a", "ada")
        nonces = []
        for _ in range(MAX_PINGS + 1):
            nonces.append(self.ping(play, ada))
            play.wait(0.01)
        for nonce in nonces[:2]:
            self.pong(play, ada, nonce)
        assert len(play.seen(Pong)) == 1

    def test_a_malformed_one_is_counted(self) -> None:
        play = Play(links=["a"])
        play.hear("a", play.node("ada").packet(MessageType.PING, b"short", to=play.me.peer_id, signed=False))
        assert play.drops() == {"short": 1}

    def test_it_works_through_a_relay(self, line: Cast) -> None:
        line.do("ada", Ping(line.id("ben")))
        line.wait(1)
        (pong,) = line.seen("ada", Pong)
        assert (pong.sender_id, pong.hops) == (line.id("ben"), 2)
        assert 0.02 < pong.round_trip < 0.2

    def ping(self, play: Play, node: Node) -> bytes:
        play.forget().do(Ping(node.peer_id))
        return decode_ping(decode(play.sent(kind=MessageType.PING)[0].frame).payload).nonce

    def pong(self, play: Play, node: Node, nonce: bytes, *, ttl: int = 7, origin: int = 7) -> None:
        frame = node.packet(MessageType.PONG, encode_ping(PingPayload(nonce, origin)), ttl=ttl, to=play.me.peer_id, signed=False)
        play.hear("a", frame)
