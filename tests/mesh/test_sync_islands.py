"""Gossip sync between engines: islands that find each other again, and those who come late."""

from gateway.mesh.effects import PeerSeen, PublicMessage
from gateway.mesh.events import Say
from gateway.wire.packet import peek
from gateway.wire.types import MessageType
from tests.mesh.cast import Cast


def test_two_islands_that_meet_tell_each_other_what_was_said() -> None:
    cast = Cast("a1", "a2", "b1", "b2")
    cast.join("a1", "a2")
    cast.join("b1", "b2")
    cast.wait(1)
    cast.do("a1", Say("said on a"))
    cast.do("b1", Say("said on b"))
    cast.wait(600)  # far beyond what would still be let in from the air
    cast.join("a2", "b2")
    cast.wait(60)
    for name in ("a1", "a2", "b1", "b2"):
        own = {"a1": "said on a", "b1": "said on b"}.get(name)
        heard = [message.text for message in cast.seen(name, PublicMessage)]
        assert sorted(heard) == sorted({"said on a", "said on b"} - {own})


def test_somebody_who_comes_late_hears_what_was_said_before() -> None:
    cast = Cast("ada", "gateway", "late")
    cast.join("ada", "gateway")
    cast.wait(2)
    for number in range(50):
        cast.do("ada", Say(f"message {number}"))
        cast.wait(1)
    cast.part("ada", "gateway")
    cast.wait(300)
    cast.join("gateway", "late")
    cast.wait(30)
    assert cast.seen("late", PublicMessage) == []  # nobody vouches for Ada's key any more
    cast.join("ada", "late")
    cast.wait(30)
    assert {message.text for message in cast.seen("late", PublicMessage)} == {f"message {number}" for number in range(50)}


def test_somebody_gone_is_not_kept_alive_by_gossip() -> None:
    cast = Cast("ada", "b", "c", "d")
    cast.line("ada", "b")
    cast.wait(10)
    cast.part("ada", "b")
    cast.wait(40)
    cast.join("b", "c")
    cast.wait(15)
    cast.join("c", "d")
    cast.wait(60)
    assert [seen.nickname for seen in cast.seen("c", PeerSeen)].count("ada") <= 1
    for name in ("b", "c", "d"):
        assert cast.id("ada") not in [peer.peer_id for peer in cast[name].peers]


def test_neighbours_that_have_the_same_send_each_other_nothing() -> None:
    cast = Cast("ada", "ben")
    cast.join("ada", "ben")
    cast.wait(2)
    for number in range(20):
        cast.do("ada", Say(f"message {number}"))
    cast.wait(20)
    cast.carried.clear()
    cast.wait(60)
    answers = [frame for _, _, _, frame in cast.carried if peek(frame).is_rsr]
    assert [frame for frame in answers if frame[1] == MessageType.MESSAGE] == []
