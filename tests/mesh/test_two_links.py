"""Two links to one peer: when one goes down, what was to leave over it leaves over the other."""

import pytest

from gateway.limits import REBIND_INTERVAL_S
from gateway.mesh.effects import Priority
from gateway.mesh.events import Say, Unsent
from gateway.wire.packet import with_ttl
from gateway.wire.types import MessageType
from tests.mesh.nodes import LONG, Node, forged, noise
from tests.mesh.playbook import NO_SYNC, Play
from tests.mesh.test_fragments_out import assembled, pieces_of
from transports.link import LinkId


def doubled(settings=NO_SYNC, *, mtu: int = 512) -> tuple[Play, Node]:
    """Ada at the end of `a` and, with another MTU, of `a2`; nobody known behind `b`."""
    play = Play(settings, links=["b"])
    ada = play.neighbor("a", "ada")
    play.up("a2", mtu=mtu)
    play.hear("a2", ada.announce())
    play.wait(2)
    play.forget()
    return play, ada


def test_a_relay_that_waits_goes_over_the_other() -> None:
    play, _ = doubled()
    frame = play.stranger("b", "ben").say("hello")
    play.forget().hear("b", frame)
    play.down("a")
    play.wait(1)
    assert play.links_of(frame) == ["a2"]


def test_a_relay_for_others_is_left_alone() -> None:
    play, _ = doubled()
    play.neighbor("c", "cleo")
    frame = play.stranger("b", "ben").say("hello")
    play.forget().hear("b", frame)
    play.down("a")
    play.wait(1)
    assert sorted(play.links_of(frame)) == ["a2", "c"]


def test_the_other_one_going_changes_nothing() -> None:
    play, _ = doubled()
    frame = play.stranger("b", "ben").say("hello")
    play.forget().hear("b", frame)
    play.down("a2")
    play.wait(1)
    assert play.links_of(frame) == ["a"]


@pytest.mark.parametrize("mtu", [512, 182])
def test_what_is_in_pieces_begins_anew_cut_to_measure(mtu: int) -> None:
    play, _ = doubled(mtu=mtu)
    ben = play.node("ben")
    play.inject(ben.announce())
    play.wait(1)
    frame = ben.packet(MessageType.FILE, noise(3_000))
    play.forget().inject(frame)
    play.wait(0.07)
    assert len(pieces_of(ben, play, "a")) == 3
    play.down("a")
    play.wait(3)
    assert assembled(pieces_of(ben, play, "a2")) == [with_ttl(frame, 6)]
    assert play.drops().keys() <= {"duplicate"}


def test_the_rest_of_a_conversation_stays_behind_what_began_anew() -> None:
    play, ada = doubled(mtu=182)
    ben = play.node("ben")
    frames = [ben.seal(noise(size), ada.peer_id) for size in (900, 1, 700, 2)]
    for frame in frames:
        play.inject(frame)
    play.wait(0.01)
    play.down("a")
    play.wait(5)
    assert assembled(play.sent("a2", MessageType.FRAGMENT)) == [with_ttl(frame, 6) for frame in frames]


def test_what_is_owed_in_a_smaller_size_is_owed_over_the_other() -> None:
    play = Play(links=["b"])
    play.up("a", "a2", mtu=182)
    ada = play.node("ada")
    play.hear("a", ada.announce())
    play.hear("a2", ada.announce())
    ben = play.stranger("b", "ben")
    frame = ben.say(LONG)
    pieces = ben.cut(frame, limit=400)
    play.forget().hear("b", pieces[0])
    play.down("a")
    play.hear("b", *pieces[1:])
    play.wait(3)
    assert assembled(pieces_of(ben, play, "a2")) == [with_ttl(frame, 6)]


class TestUnsent:
    """Whoever keeps the queues gives back what was in them."""

    def test_it_leaves_over_the_other_link_in_the_same_order(self) -> None:
        play, ada = doubled()
        frames = [ada.seal(noise(number), b"far away") for number in range(1, 5)]
        play.do(Unsent(LinkId("a"), tuple((frame, Priority.DIRECTED) for frame in frames)))
        assert [(sent.link, sent.frame, sent.priority) for sent in play.sent()] == [("a2", frame, Priority.DIRECTED) for frame in frames]

    def test_it_is_cut_where_the_other_link_is_smaller(self) -> None:
        play, ada = doubled(mtu=182)
        frame = ada.say(LONG[:130])
        play.do(Unsent(LinkId("a"), ((frame, Priority.PUBLIC),)))
        play.wait(1)
        assert assembled(pieces_of(ada, play, "a2")) == [frame]

    def test_without_another_link_it_is_lost(self) -> None:
        play = Play(links=["b"])
        ada = play.neighbor("a", "ada")
        play.forget().do(Unsent(LinkId("a"), ((ada.say("hello"), Priority.PUBLIC),)))
        play.do(Unsent(LinkId("b"), ((ada.say("hello"), Priority.PUBLIC),)))
        play.do(Unsent(LinkId("nowhere"), ((ada.say("hello"), Priority.PUBLIC),)))
        assert play.record == []


class TestBindingAnew:
    """The copy that comes second over another link still shows who is at its end."""

    def test_both_links_of_a_peer_that_took_new_keys_are_tied_to_them(self) -> None:
        play, _ = doubled()
        play.wait(REBIND_INTERVAL_S)
        bea = play.node("bea")
        announce = bea.announce()
        play.hear("a", announce)
        play.hear("a2", announce)
        assert play.directs() == {"bea"}
        play.do(Say("hello"))
        assert sorted(play.links_of(play.sent(kind=MessageType.MESSAGE)[0].frame)) == ["a", "b"]

    def test_within_a_minute_a_copy_ties_nothing_anew(self) -> None:
        play, _ = doubled()
        announce = play.node("bea").announce()
        play.hear("b", announce)
        play.hear("a", announce)
        assert play.directs() == {"ada", "bea"}

    def test_a_forged_copy_ties_nothing_anew(self) -> None:
        play, _ = doubled()
        play.wait(REBIND_INTERVAL_S)
        announce = play.node("bea").announce()
        play.hear("b", announce)
        play.hear("a", forged(announce))
        assert play.directs() >= {"ada", "bea"}

    def test_a_link_that_repeats_the_announce_it_is_tied_by_buys_no_verification(self) -> None:
        checked = []

        def verify(frame: bytes, key: bytes, header: object) -> bool:
            checked.append(frame)
            return True

        play = Play(links=["b"], verify=verify)
        ada = play.neighbor("a", "ada")
        play.wait(REBIND_INTERVAL_S)
        announce = ada.announce()
        play.hear("a", *[announce] * 50)
        assert len(checked) == 2  # the first announce and this one
