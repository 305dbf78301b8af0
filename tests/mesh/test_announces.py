"""Who is there: announces that are believed, those that are not, and links that get a name by them."""

import pytest

from gateway.limits import MAX_ANNOUNCE_AGE_S, PEER_REACHABLE_S, REBIND_INTERVAL_S
from gateway.mesh.effects import Heard, PeerLost, PeerSeen, PublicMessage
from gateway.mesh.settings import MeshSettings
from gateway.wire.packet import as_sync_answer, with_ttl
from gateway.wire.types import MessageType
from tests.mesh.nodes import NOTHING, forged, id_of
from tests.mesh.playbook import Play

ASKING = MeshSettings(jitter=False)


def test_a_verified_announce_makes_its_author_known_and_travels_on() -> None:
    play = Play(links=["a", "b"])
    ada = play.node("ada")
    frame = ada.announce(ttl=5)
    play.hear("a", frame)
    assert play.seen(PeerSeen) == [PeerSeen(ada.peer_id, "ada", direct=False, link="a")]
    assert [heard.verified for heard in play.seen(Heard) if heard.frame == frame] == [True]
    assert play.links_of(frame) == ["b"]
    assert play.copies(frame)[0].ttl == 4


def test_a_second_announce_is_not_a_second_arrival() -> None:
    play = Play(links=["a"])
    ada = play.neighbor("a", "ada")
    play.wait(4)
    play.hear("a", ada.announce(nickname="Ada"))
    assert len(play.seen(PeerSeen)) == 1
    assert [peer.nickname for peer in play.mesh.status(play.now).peers] == ["Ada"]


def test_an_older_announce_does_not_undo_a_newer_one() -> None:
    play = Play(links=["a"])
    ada = play.node("ada")
    old = ada.announce(nickname="old", ttl=5)
    play.wait(4)
    play.hear("a", ada.announce(nickname="new", ttl=5), old)
    assert [peer.nickname for peer in play.mesh.status(play.now).peers] == ["new"]


def test_an_announce_whose_key_is_not_its_senders_is_refused_and_stopped() -> None:
    play = Play(links=["a", "b"])
    ada, eve = play.node("ada"), play.node("eve")
    frame = eve.announce()
    frame = frame[:14] + ada.peer_id + frame[22:]
    play.hear("a", frame)
    assert play.seen(PeerSeen) == []
    assert play.copies(frame) == []
    assert play.drops() == {"identity": 1}


def test_a_badly_signed_announce_is_not_believed_but_passed_on() -> None:
    play = Play(links=["a", "b"])
    frame = forged(play.node("ada").announce())
    play.hear("a", frame)
    assert play.seen(PeerSeen) == play.seen(Heard)[1:] == []  # the one heard is our own
    assert play.links_of(frame) == ["b"]
    assert play.drops() == {"signature": 1}


def test_an_unsigned_announce_is_not_believed() -> None:
    play = Play(links=["a"])
    signed = play.node("ada").announce()
    unsigned = signed[:11] + bytes((signed[11] & ~0x02,)) + signed[12:-64]
    play.hear("a", unsigned)
    assert play.seen(PeerSeen) == []


def test_a_malformed_announce_is_counted_and_stopped() -> None:
    play = Play(links=["a", "b"])
    frame = play.node("ada").packet(MessageType.ANNOUNCE, b"\x01\x09short")
    play.hear("a", frame)
    assert play.drops() == {"tlv": 1}
    assert play.copies(frame) == []


def test_this_nodes_own_announce_says_nothing_new() -> None:
    play = Play(links=["a"])
    play.hear("a", play.me.announce(nickname="somebody else"))
    assert play.seen(PeerSeen) == []
    assert play.drops() == {"own": 1}


class TestInASyncAnswer:
    """An announce we asked for may be older than one on the air."""

    @pytest.fixture
    def play(self) -> Play:
        play = Play(ASKING, links=["a"])
        play.wait(6)  # the link has been asked now
        return play.forget()

    def test_a_recent_one_makes_its_author_known_but_binds_nothing(self, play: Play) -> None:
        ada = play.node("ada")
        play.hear("a", as_sync_answer(ada.announce(age=30)))
        assert play.seen(PeerSeen) == [PeerSeen(ada.peer_id, "ada", direct=False, link="a")]

    def test_its_author_is_there_only_for_what_is_left_of_its_minute(self, play: Play) -> None:
        ada = play.node("ada")
        play.hear("a", as_sync_answer(ada.announce(age=PEER_REACHABLE_S - 10)))
        play.wait(16)
        assert play.seen(PeerLost) == [PeerLost(ada.peer_id, "not heard any more")]

    def test_an_old_one_proves_a_key_but_shows_nobody(self, play: Play) -> None:
        ada = play.node("ada")
        play.hear("a", as_sync_answer(ada.announce(age=500)), as_sync_answer(ada.say("long ago", age=490)))
        assert play.seen(PeerSeen) == []
        assert [message.text for message in play.seen(PublicMessage)] == ["long ago"]

    def test_one_older_than_a_quarter_of_an_hour_proves_nothing(self, play: Play) -> None:
        ada = play.node("ada")
        old = as_sync_answer(ada.announce(age=MAX_ANNOUNCE_AGE_S + 1))
        play.hear("a", old, as_sync_answer(ada.say("long ago", age=MAX_ANNOUNCE_AGE_S)))
        assert play.seen(PublicMessage) == []

    def test_it_is_not_offered_to_others_beyond_its_minute(self, play: Play) -> None:
        ben = play.neighbor("b", "ben")
        ada = play.node("ada")
        play.hear("a", as_sync_answer(ada.announce(age=PEER_REACHABLE_S - 1)))
        play.wait(2)
        assert id_of(ada.announce(age=PEER_REACHABLE_S + 1)) not in [id_of(frame) for frame in play.answers("b", ben.ask(NOTHING))]


class TestPins:
    """A signing key is trusted on first use."""

    def test_another_signing_key_is_refused_and_stopped(self) -> None:
        play = Play(links=["a", "b"])
        ada = play.stranger("a", "ada")
        impostor = ada.announce(signing=play.node("eve").identity)
        play.wait(1)
        play.forget().hear("a", impostor)
        assert play.copies(impostor) == []
        assert play.drops() == {"identity": 1}

    def test_a_pin_outlives_its_peer(self) -> None:
        play = Play(links=["a"])
        ada = play.stranger("a", "ada")
        play.wait(PEER_REACHABLE_S + 6)
        assert play.seen(PeerLost) == [PeerLost(ada.peer_id, "not heard any more")]
        play.forget().hear("a", ada.say("overtakes my next announce"), ada.announce(signing=play.node("eve").identity))
        assert [message.text for message in play.seen(PublicMessage)] == ["overtakes my next announce"]
        assert play.seen(PeerSeen) == []

    def test_a_pin_outlives_this_node(self) -> None:
        first = Play(links=["a"])
        ada = first.stranger("a", "ada")
        second = Play(links=["a"], pins=dict(first.mesh.peers.pins))
        second.hear("a", ada.announce(signing=second.node("eve").identity))
        assert second.seen(PeerSeen) == []
        assert second.drops() == {"identity": 1}


class TestBinding:
    """A link gets the name of the peer whose direct announce comes over it."""

    def test_only_a_ttl_of_seven_binds(self) -> None:
        play = Play(links=["a"])
        play.hear("a", play.node("ada").announce(ttl=6))
        assert play.mesh.status(play.now).peers[0].direct is False
        play.wait(1)
        play.hear("a", play.node("ada").announce(ttl=7))
        assert play.mesh.status(play.now).peers[0].direct is True

    def test_a_ttl_above_seven_binds_nothing(self) -> None:
        play = Play(links=["a"])
        play.hear("a", play.node("ada").announce(ttl=8))
        assert play.mesh.status(play.now).peers[0].direct is False

    def test_a_copy_binds_a_second_link_that_has_no_name_yet(self) -> None:
        play = Play(links=["a", "b", "c"])
        ada = play.node("ada")
        frame = ada.announce()
        play.hear("a", frame).clear()
        play.forget().hear("b", frame)
        assert play.seen(Heard) == play.seen(PeerSeen) == []
        message = play.stranger("c", "cleo").say("for everybody")
        play.hear("c", message)
        assert play.links_of(message) == ["a"]  # one of the two that lead to Ada

    def test_a_relayed_copy_binds_nothing(self) -> None:
        play = Play(links=["a", "b", "c"])
        frame = play.node("ada").announce()
        play.hear("a", frame)
        play.hear("b", with_ttl(frame, 6))
        message = play.stranger("c", "cleo").say("for everybody")
        play.hear("c", message)
        assert play.links_of(message) == ["a", "b"]

    def test_a_forged_announce_binds_nothing(self) -> None:
        play = Play(links=["a"])
        play.hear("a", forged(play.node("ada").announce()))
        assert play.mesh.status(play.now).peers == ()

    def test_a_bound_link_changes_its_peer_once_a_minute(self) -> None:
        play = Play(links=["b"])
        ada = play.neighbor("a", "ada")
        ben, cleo = play.node("ben"), play.node("cleo")
        play.hear("a", ben.announce())
        assert play.directs() == {"ada"}
        play.wait(REBIND_INTERVAL_S)
        play.hear("a", ben.announce())
        assert play.directs() == {"ben"}
        play.wait(REBIND_INTERVAL_S - 1)
        play.hear("a", cleo.announce())
        assert play.directs() == {"ben"}
        play.wait(1)
        play.hear("a", ada.announce())
        assert play.directs() == {"ada"}

    def test_somebody_else_over_a_bound_link_is_known_but_not_direct(self) -> None:
        play = Play(links=["b"])
        play.neighbor("a", "ada")
        ben = play.node("ben")
        frame = ben.announce()
        play.forget().hear("a", frame)
        assert play.seen(PeerSeen) == [PeerSeen(ben.peer_id, "ben", direct=False, link="a")]
        assert play.links_of(frame) == ["b"]

    def test_a_link_that_comes_up_again_has_no_name(self) -> None:
        play = Play(links=["a"])
        ada = play.neighbor("a", "ada")
        play.down("a")
        play.up("a")
        assert play.directs() == set()
        play.wait(1)
        play.hear("a", ada.announce())
        assert play.directs() == {"ada"}
