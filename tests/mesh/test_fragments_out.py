"""Frames that are too long for a link, and have to go out in pieces."""

from itertools import pairwise

import pytest

from gateway.limits import (
    ASSEMBLY_RATE,
    MAX_ASSEMBLIES,
    MAX_FRAGMENTS_SENT,
    MAX_PACED,
    MIN_LINK_MTU,
)
from gateway.mesh.effects import CloseLink, Priority
from gateway.mesh.events import Say
from gateway.wire.fragment import Assembler, decode_fragment
from gateway.wire.packet import decode, with_ttl
from gateway.wire.types import MessageType
from tests.mesh.nodes import LONG, Node, noise
from tests.mesh.playbook import NO_SYNC, Play, Sent


def assembled(sent: list[Sent]) -> list[bytes]:
    """The frames that pieces make, in the order they are complete."""
    assembler = Assembler()
    whole = (assembler.add(piece.header.sender_id, decode_fragment(decode(piece.frame).payload), piece.at) for piece in sent)
    return [frame for frame in whole if frame is not None]


def pieces_of(node: Node, play: Play, link: str) -> list[Sent]:
    """Fragments of one author on a link."""
    return [sent for sent in play.sent(link, MessageType.FRAGMENT) if sent.header.sender_id == node.peer_id]


def test_a_frame_that_fits_stays_whole() -> None:
    play = Play()
    play.up("a", mtu=300)
    frame = play.stranger("b", "ada").say("x" * 60)
    play.hear("b", frame)
    assert play.links_of(frame) == ["a"]


@pytest.mark.parametrize("mtu", [MIN_LINK_MTU, 182, 244, 511, 512])
def test_a_frame_that_does_not_is_cut_to_measure(mtu: int) -> None:
    play = Play()
    play.up("a", mtu=mtu)
    ada = play.stranger("b", "ada")
    play.wait(1)
    frame = ada.say(LONG)
    play.forget().hear("b", frame)
    play.wait(2)
    pieces = pieces_of(ada, play, "a")
    assert assembled(pieces) == [with_ttl(frame, 6)]
    assert {len(piece.frame) for piece in pieces[:-1]} == {min(mtu, 511) - 7}  # a recipient would need the rest
    assert {piece.ttl for piece in pieces} == {6}


def test_the_pieces_leave_thirty_milliseconds_apart() -> None:
    play = Play()
    play.up("a", mtu=182)
    play.wait(1)
    play.forget().do(Say(LONG))
    play.wait(2)
    pieces = play.sent("a", MessageType.FRAGMENT)
    assert [round(later.at - earlier.at, 6) for earlier, later in pairwise(pieces)] == [0.03] * (len(pieces) - 1)
    assert pieces[0].at == 1
    assert {piece.priority for piece in pieces} == {Priority.BULK}


def test_only_the_links_that_need_it_get_pieces() -> None:
    play = Play(links=["large"])
    play.up("small", mtu=182)
    play.up("smaller", mtu=150)
    ada = play.stranger("b", "ada")
    play.wait(1)
    frame = ada.say(LONG[:130])
    play.forget().hear("b", frame)
    play.wait(2)
    assert play.links_of(frame) == ["large"]
    assert pieces_of(ada, play, "large") == []
    for link in ("small", "smaller"):
        assert assembled(pieces_of(ada, play, link)) == [with_ttl(frame, 5)]


class TestFragmentsTooLongForALink:
    """Nobody takes a fragment of a fragment: a small link gets the whole, newly cut, once it is complete."""

    def test_it_is_owed_the_whole(self) -> None:
        play = Play(links=["large"])
        play.up("small", mtu=182)
        ada = play.stranger("b", "ada")
        frame = ada.say(LONG)
        pieces = ada.cut(frame, limit=400)
        play.forget().hear("b", *pieces[:-1])
        assert pieces_of(ada, play, "small") == []
        play.hear("b", pieces[-1])
        play.wait(2)
        assert assembled(pieces_of(ada, play, "small")) == [with_ttl(frame, 6)]
        assert [sent.frame for sent in pieces_of(ada, play, "large")] == [with_ttl(piece, 6) for piece in pieces]
        assert play.drops() == {}

    def test_the_short_last_piece_does_not_go_there_alone(self) -> None:
        play = Play()
        play.up("small", mtu=182)
        ada = play.stranger("b", "ada")
        pieces = ada.cut(ada.say(LONG), limit=400)
        play.forget().hear("b", pieces[0], pieces[-1])
        play.wait(40)
        assert pieces_of(ada, play, "small") == []

    def test_a_piece_that_travelled_far_makes_pieces_that_have(self) -> None:
        play = Play()
        play.up("small", mtu=182)
        ada = play.stranger("b", "ada")
        play.forget().hear("b", *(with_ttl(piece, 3) for piece in ada.cut(ada.say(LONG), limit=400)))
        play.wait(2)
        assert {piece.ttl for piece in pieces_of(ada, play, "small")} == {2}

    def test_what_fits_is_passed_on_as_it_came(self) -> None:
        play = Play()
        play.up("small", mtu=182)
        ada = play.stranger("b", "ada")
        pieces = ada.cut(ada.say(LONG), limit=182)
        play.forget().hear("b", *pieces)
        play.wait(2)
        assert [sent.frame for sent in pieces_of(ada, play, "small")] == [with_ttl(piece, 6) for piece in pieces]

    def test_a_whole_that_came_another_way_is_not_sent_again(self) -> None:
        play = Play()
        play.up("small", mtu=182)
        ada = play.stranger("b", "ada")
        frame = ada.say(LONG)
        play.hear("b", frame)
        play.wait(2)
        play.forget().hear("b", *ada.cut(frame, limit=400))
        play.wait(2)
        assert pieces_of(ada, play, "small") == []

    def test_sealed_packets_keep_their_order(self) -> None:
        play = Play(NO_SYNC, links=["b"])
        play.up("a", mtu=182)
        ada = play.node("ada")
        long, short, last = frames = [ada.seal(noise(size), b"far away") for size in (900, 1, 700)]
        play.forget().hear("b", *ada.cut(long, limit=400), short, *ada.cut(last, limit=400, fragment_id=b"another!"))
        play.wait(2)
        assert assembled(play.sent("a", MessageType.FRAGMENT)) == [with_ttl(frame, 6) for frame in frames]

    def test_what_is_owed_is_remembered_for_so_many_packets_and_no_more(self) -> None:
        play = Play()
        play.up("small", mtu=182)
        ada = play.stranger("b", "ada")
        for number in range(MAX_ASSEMBLIES + 5):
            frame = ada.packet(MessageType.MESSAGE, number.to_bytes(2) + noise(900))
            play.wait(1 / ASSEMBLY_RATE)
            play.hear("b", ada.cut(frame, 400, fragment_id=number.to_bytes(8))[0])
        assert len(play.mesh._forwarding._owed) == MAX_ASSEMBLIES


def test_what_would_need_too_many_pieces_is_not_sent_and_hurts_nothing() -> None:
    play = Play(links=["b"])
    play.up("wide", mtu=100_000)
    play.up("small", mtu=182)
    play.stranger("b", "ada")
    frame = play.node("ada").packet(0x7F, noise(50_000), signed=False)
    play.forget().hear("b", frame)
    play.wait(1)
    assert play.links_of(frame) == ["wide"]
    assert play.sent("small", MessageType.FRAGMENT) == []
    assert play.drops()["oversized"] == 1


def test_one_tiny_link_does_not_spoil_it_for_the_others() -> None:
    play = Play(links=["usual"])
    play.up("tiny", mtu=MIN_LINK_MTU)
    ada = play.node("ada")
    play.inject(ada.announce())
    play.wait(1)
    play.forget().inject(ada.packet(MessageType.FILE, noise(25_000)))
    play.wait(MAX_FRAGMENTS_SENT * 0.03)
    assert len(assembled(pieces_of(ada, play, "usual"))) == 1
    assert pieces_of(ada, play, "tiny") == []
    assert play.drops() == {"oversized": 1}


def test_a_link_too_small_for_any_fragment_is_not_taken() -> None:
    play = Play()
    effects = play.up("a", mtu=MIN_LINK_MTU - 1)
    assert effects == [CloseLink("a", "takes no frame")]
    assert play.mesh.status(play.now).links == 0


def test_fragments_still_waiting_when_their_link_goes_down_are_forgotten() -> None:
    play = Play()
    play.up("a", "b", mtu=182)
    play.forget().do(Say(LONG))
    play.down("a")
    play.wait(2)
    assert len(play.sent("a", MessageType.FRAGMENT)) == 1
    assert len(assembled(play.sent("b", MessageType.FRAGMENT))) == 1


def test_a_link_that_comes_up_smaller_gets_nothing_too_long_for_it() -> None:
    play = Play()
    play.up("a", mtu=182)
    play.forget().do(Say(LONG))
    play.down("a")
    play.up("a", mtu=150)
    play.wait(2)  # every frame is checked against its link as it is sent
    assert len(play.sent("a", MessageType.FRAGMENT)) < 9


def test_sealed_packets_in_pieces_are_complete_in_order() -> None:
    play = Play(NO_SYNC, links=["b"])
    play.up("a", mtu=182)
    ada = play.node("ada")
    frames = [ada.seal(noise(size), b"far away") for size in (900, 1, 400, 2, 100)]
    play.forget().hear("b", *frames)
    play.wait(2)
    assert assembled(play.sent("a", MessageType.FRAGMENT)) == [with_ttl(frame, 6) for frame in frames]


def test_a_short_one_does_not_overtake_a_long_one() -> None:
    play = Play(NO_SYNC, links=["b"])
    play.up("a", mtu=300)
    ada = play.node("ada")
    long, short, another = (ada.seal(noise(size), b"far away") for size in (900, 1, 2))
    play.forget().hear("b", long, short)
    play.wait(2)
    play.hear("b", another)
    play.wait(0.06)
    pieces = play.sent("a", MessageType.FRAGMENT)
    sealed = play.sent("a", MessageType.NOISE_ENCRYPTED)
    assert [sent.frame for sent in sealed] == [with_ttl(short, 6), with_ttl(another, 6)]
    assert pieces[-1].at <= sealed[0].at
    assert {piece.priority for piece in pieces} == {Priority.DIRECTED}


def test_what_waits_for_its_turn_is_bounded() -> None:
    play = Play()
    play.up("a", mtu=182)
    play.inject(play.node("ada").announce())
    for number in range(60):
        play.inject(play.node("ada").packet(MessageType.FILE, noise(12_000 + number)))
    assert play.mesh._out.waiting <= MAX_PACED
    assert play.mesh._out.waiting > MAX_PACED - 200
    assert play.drops()["queue_full"] > 0
    play.wait(10)
    assert play.mesh._out.waiting == 0
