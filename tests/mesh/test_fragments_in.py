"""Frames of others that come in pieces."""

from random import Random

import pytest

from gateway.limits import (
    ASSEMBLY_BURST,
    ASSEMBLY_LIFETIME_S,
    ASSEMBLY_RATE,
    MAX_ASSEMBLIES,
    MAX_ASSEMBLIES_PER_SENDER,
    MAX_ASSEMBLY_BYTES_TOTAL,
)
from gateway.mesh.effects import Heard, PeerSeen, PublicMessage
from gateway.mesh.settings import MeshSettings
from gateway.wire.fragment import Fragment, encode_fragment
from gateway.wire.packet import as_sync_answer, decode, with_ttl
from gateway.wire.sync import RequestSync
from gateway.wire.types import MessageType
from tests.mesh.nodes import LONG, NOTHING, Node, forged, noise
from tests.mesh.playbook import Play


def fragment(node: Node, data: bytes, *, index: int = 0, total: int = 1, fragment_id: bytes = b"fragment") -> bytes:
    piece = Fragment(fragment_id, index, total, MessageType.MESSAGE, data)
    return node.packet(MessageType.FRAGMENT, encode_fragment(piece), signed=False)


def test_a_message_in_pieces_is_taken_when_the_last_one_is_here() -> None:
    play = Play(links=["a", "b"])
    ada = play.stranger("a", "ada")
    whole = ada.say(LONG)
    pieces = ada.cut(whole)
    play.hear("a", *reversed(pieces[1:]))
    assert play.seen(PublicMessage) == []
    play.hear("b", pieces[0])
    assert [message.text for message in play.seen(PublicMessage)] == [LONG]
    assert [heard.frame for heard in play.seen(Heard) if heard.header.type == MessageType.MESSAGE] == [whole]


def test_the_pieces_are_passed_on_and_the_whole_is_not() -> None:
    play = Play(links=["a", "b"])
    ada = play.stranger("a", "ada")
    whole = ada.say(LONG)
    pieces = ada.cut(whole)
    play.forget().hear("a", *pieces)
    assert [sent.frame for sent in play.sent()] == [with_ttl(piece, 6) for piece in pieces]


def test_a_whole_that_is_known_already_is_not_taken_again() -> None:
    play = Play(links=["a"])
    ada = play.stranger("a", "ada")
    whole = ada.say(LONG)
    play.hear("a", whole, *ada.cut(whole))
    assert len(play.seen(PublicMessage)) == 1
    assert play.drops() == {"duplicate": 1}


def test_a_whole_that_is_never_kept_is_not_taken_again_either() -> None:
    play = Play(links=["a"])
    ada = play.stranger("a", "ada")
    voice = ada.packet(MessageType.VOICE, noise(200))
    play.forget().hear("a", *ada.cut(voice), *ada.cut(voice, fragment_id=b"again..."))
    assert [heard.frame for heard in play.seen(Heard)] == [voice]
    assert play.drops() == {"duplicate": 1}


def test_a_repeated_piece_changes_nothing() -> None:
    play = Play(links=["a"])
    ada = play.stranger("a", "ada")
    pieces = ada.cut(ada.say(LONG))
    play.hear("a", *[pieces[0]] * len(pieces))
    assert play.seen(PublicMessage) == []


def test_a_whole_of_another_sender_is_refused() -> None:
    play = Play(links=["a"])
    ada, eve = play.stranger("a", "ada"), play.node("eve")
    pieces = ada.cut(ada.say(LONG))
    stolen = [piece[:14] + eve.peer_id + piece[22:] for piece in pieces]
    play.hear("a", *stolen)
    assert play.seen(PublicMessage) == []
    assert play.drops() == {"malformed_inner": 1}


@pytest.mark.parametrize("inner", [b"", b"no packet", b"\x03" * 40])
def test_a_whole_that_is_no_packet_is_refused(inner: bytes) -> None:
    play = Play(links=["a"])
    ada = play.node("ada")
    play.hear("a", fragment(ada, inner))
    assert play.drops() == {"malformed_inner": 1}


def test_fragments_of_fragments_are_refused() -> None:
    play = Play(links=["a"])
    ada = play.stranger("a", "ada")
    inner = fragment(ada, ada.say("hidden twice"))
    play.hear("a", fragment(ada, inner))
    assert play.seen(PublicMessage) == []
    assert play.drops() == {"malformed_inner": 1}


def test_an_old_whole_in_fresh_pieces_is_still_old() -> None:
    play = Play(links=["a"])
    ada = play.stranger("a", "ada")
    play.hear("a", fragment(ada, ada.say("yesterday", age=80_000)))
    assert play.seen(PublicMessage) == []
    assert play.drops() == {"window": 1}


def test_a_whole_that_calls_itself_an_answer_needs_pieces_that_are_answers() -> None:
    play = Play(links=["a"])
    ada = play.stranger("a", "ada")
    play.hear("a", fragment(ada, as_sync_answer(ada.say("old", age=3_000))))
    assert play.seen(PublicMessage) == []
    assert play.drops() == {"unsolicited": 1}


def test_an_answer_in_pieces_may_be_old() -> None:
    play = Play(MeshSettings(jitter=False), links=["a"])
    ada = play.stranger("a", "ada")
    play.wait(6)
    play.hear("a", *ada.cut(as_sync_answer(ada.say(LONG, age=3_000))))
    assert [message.text for message in play.seen(PublicMessage)] == [LONG]


def test_a_badly_signed_whole_is_refused() -> None:
    play = Play(links=["a"])
    ada = play.stranger("a", "ada")
    play.hear("a", *ada.cut(forged(ada.say(LONG))))
    assert play.seen(PublicMessage) == []


def test_an_announce_in_pieces_shows_its_author_but_binds_nothing() -> None:
    play = Play(links=["a"])
    ada = play.node("ada")
    play.hear("a", *ada.cut(ada.announce(), limit=150))
    assert play.seen(PeerSeen) == [PeerSeen(ada.peer_id, "ada", direct=False, link="a")]


def test_pieces_that_contradict_each_other_are_refused_and_stopped() -> None:
    play = Play(links=["a", "b"])
    ada = play.node("ada")
    first = fragment(ada, b"x", total=3)
    second = fragment(ada, b"y", index=1, total=4)
    third = fragment(ada, b"z", index=4, total=4)
    play.hear("a", first, second, third)
    assert [len(play.copies(piece)) for piece in (first, second, third)] == [1, 0, 0]
    assert play.drops() == {"fragment": 2}


def test_a_piece_that_never_finds_the_rest_is_counted() -> None:
    play = Play(links=["a"])
    ada = play.node("ada")
    play.hear("a", fragment(ada, b"x", total=2))
    assert play.mesh.status(play.now).counters["assemblies"] == 1
    play.wait(ASSEMBLY_LIFETIME_S + 6)
    assert play.mesh.status(play.now).counters["assemblies"] == 0
    assert play.drops() == {"assembly": 1}


def test_assemblies_are_bounded() -> None:
    play = Play(links=[f"link{number}" for number in range(4)])
    for number in range(2 * MAX_ASSEMBLIES):
        node = play.node(f"node{number // 4}")
        play.hear(f"link{number % 4}", fragment(node, b"x", total=2, fragment_id=number.to_bytes(8)))
    assert play.mesh.status(play.now).counters["assemblies"] == MAX_ASSEMBLIES


def test_one_link_begins_only_so_many_and_what_is_in_the_making_goes_on() -> None:
    play = Play(links=["a", "b", "c"])
    ada = play.stranger("a", "ada")
    pieces = ada.cut(ada.say(LONG))
    play.hear("a", *pieces[:-1])
    play.forget()
    started = [fragment(play.node(f"nobody {number}"), b"half", total=9) for number in range(200)]
    play.hear("b", *started)
    assert len(play.sent("c")) == ASSEMBLY_BURST
    assert play.drops()["budget"] == 200 - ASSEMBLY_BURST
    play.hear("a", started[-1])
    assert len(play.sent("c")) == ASSEMBLY_BURST + 1, "a copy over another link is taken"
    play.hear("a", pieces[-1])
    assert [message.text for message in play.seen(PublicMessage)] == [LONG], "nobody was pushed out"
    play.wait(1)
    play.forget().hear("b", *(fragment(play.node(f"somebody {number}"), b"half", total=9) for number in range(20)))
    assert len(play.sent("c")) == ASSEMBLY_RATE


def test_one_sender_has_only_so_many() -> None:
    play = Play(links=["a"])
    ada = play.node("ada")
    play.hear("a", *(fragment(ada, b"x", total=2, fragment_id=number.to_bytes(8)) for number in range(100)))
    assert play.mesh.status(play.now).counters["assemblies"] == MAX_ASSEMBLIES_PER_SENDER


def test_their_bytes_are_bounded() -> None:
    play = Play(links=["a"])
    data = Random(1).randbytes(60_000)
    for number in range(100):
        node = play.node(f"node{number % 25}")
        play.hear("a", fragment(node, data, index=number // 25, total=500))
    assert play.mesh._receiver.assembler.bytes <= MAX_ASSEMBLY_BYTES_TOTAL
    assert play.drops()["assembly"] > 0


def test_a_request_in_pieces_is_answered() -> None:
    play = Play()
    ada = play.neighbor("a", "ada")
    play.hear("a", ada.say("hello"))
    request = ada.ask(NOTHING)
    pieces = ada.cut(request, limit=120)
    assert len(pieces) > 1
    play.forget().hear("a", *pieces)
    assert [decode(sent.frame).payload for sent in play.sent("a", MessageType.MESSAGE)] == [b"hello"]


def test_a_request_in_pieces_that_came_a_long_way_is_not() -> None:
    play = Play()
    ada = play.neighbor("a", "ada")
    play.hear("a", ada.say("hello"))
    piece = fragment(ada, ada.ask(RequestSync(NOTHING.filter)))
    play.forget().hear("a", piece)
    assert play.sent("a", MessageType.MESSAGE) == []
    assert play.drops() == {"malformed_inner": 1}
