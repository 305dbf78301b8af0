"""Gossip sync: what this node answers, to whom and how much of it."""

import pytest

from gateway.limits import (
    HISTORY_LAST_S,
    HISTORY_LIFETIME_S,
    MAX_SYNC_ANNOUNCES,
    MAX_SYNC_ANSWER_BYTES,
    MAX_SYNC_ANSWERS,
    MAX_SYNC_PACKETS_PER_ANSWER,
    PEER_REACHABLE_S,
    SYNC_ANSWER_WINDOW_S,
)
from gateway.mesh.events import Say
from gateway.mesh.settings import MeshSettings
from gateway.mesh.sync import types_mask
from gateway.wire import gcs
from gateway.wire.fragment import decode_fragment
from gateway.wire.packet import as_sync_answer, decode, peek
from gateway.wire.signing import verify
from gateway.wire.sync import RequestSync
from gateway.wire.types import MessageType
from tests.mesh.nodes import NOTHING, board, forged, id_of, noise, prekeys, wall_ms
from tests.mesh.playbook import Play, fill


@pytest.fixture
def play() -> Play:
    play = Play()
    play.neighbor("a", "ada")
    return play


def test_what_somebody_lacks_is_sent_to_that_one_alone(play: Play) -> None:
    play.up("b")
    ada = play.node("ada")
    message = ada.say("hello")
    play.hear("a", message)
    play.forget().hear("a", ada.ask(NOTHING))
    assert [sent.link for sent in play.sent()] == ["a", "a"]  # her announce and her message
    assert as_sync_answer(message) in [sent.frame for sent in play.sent("a")]


def test_an_answer_has_no_hops_left_is_marked_and_keeps_its_signature(play: Play) -> None:
    ada = play.node("ada")
    play.hear("a", ada.say("hello"))
    answers = play.answers("a", ada.ask(NOTHING))
    assert len(answers) == 2
    for frame in answers:
        assert (frame[2], peek(frame).is_rsr) == (0, True)
        assert verify(frame, ada.identity.signing_public)


def test_what_somebody_has_is_left_out(play: Play) -> None:
    ada = play.node("ada")
    frames = fill(play, 3)
    have, _ = gcs.build([id_of(frames[1])], 400)
    answers = play.answers("a", ada.ask(RequestSync(have, types_mask((MessageType.MESSAGE,)))))
    assert [id_of(frame) for frame in answers] == [id_of(frames[2]), id_of(frames[0])]


def test_without_types_announces_and_messages_are_meant(play: Play) -> None:
    ada = play.node("ada")
    play.hear("a", ada.say("hello"), ada.packet(MessageType.GROUP, b"sealed"), ada.packet(MessageType.FILE, b"file"))
    assert [frame[1] for frame in play.answers("a", ada.ask(NOTHING))] == [MessageType.ANNOUNCE, MessageType.MESSAGE]


@pytest.mark.parametrize("kind", [MessageType.GROUP, MessageType.FILE, MessageType.PREKEYS, MessageType.BOARD, MessageType.FRAGMENT])
def test_with_types_those_are(play: Play, kind: int) -> None:
    ada = play.node("ada")
    payload = {MessageType.BOARD: board(ada), MessageType.PREKEYS: prekeys(ada)}.get(kind, b"something")
    frame = ada.cut(ada.say("x"))[0] if kind == MessageType.FRAGMENT else ada.packet(kind, payload)
    play.hear("a", ada.say("hello"), frame)
    assert [id_of(answer) for answer in play.answers("a", ada.ask(RequestSync(NOTHING.filter, types_mask((kind,)))))] == [id_of(frame)]


def test_since_leaves_out_what_is_older_but_no_announce_and_no_keys(play: Play) -> None:
    ada = play.node("ada")
    play.wait(50)
    old, keys, new = ada.say("old", age=40), ada.packet(MessageType.PREKEYS, prekeys(ada), age=40), ada.say("new")
    play.hear("a", old, keys, new)
    mask = types_mask((MessageType.ANNOUNCE, MessageType.MESSAGE, MessageType.PREKEYS))
    answers = play.answers("a", ada.ask(RequestSync(NOTHING.filter, mask, since_ms=wall_ms(play.now - 1))))
    assert [id_of(frame) for frame in answers] == [id_of(ada.announce(age=60)), id_of(new), id_of(keys)]


def test_made_up_people_do_not_fill_an_answer(play: Play) -> None:
    crowd = [play.stranger("a", f"nobody {number}").peer_id for number in range(2 * MAX_SYNC_ANNOUNCES)]
    said = play.stranger("a", "ben").say("hello")
    play.hear("a", said)
    senders = [peek(frame).sender_id for frame in play.answers("a", play.node("ada").ask(NOTHING)) if frame[1] == MessageType.ANNOUNCE]
    assert len(senders) == MAX_SYNC_ANNOUNCES
    assert senders[0] == peek(said).sender_id, "who has said something comes first"
    assert set(senders[1:]) <= {*crowd, play.node("ada").peer_id}


def test_fragments_may_be_asked_for_by_name(play: Play) -> None:
    ada = play.node("ada")
    for name in (b"fragmen1", b"fragmen2"):
        play.hear("a", *ada.cut(ada.packet(MessageType.FILE, noise(300)), fragment_id=name)[:2])
    request = RequestSync(NOTHING.filter, types_mask((MessageType.FRAGMENT,)), fragment_ids=(b"fragmen2",))
    answers = play.answers("a", ada.ask(request))
    assert [decode_fragment(decode(frame).payload).fragment_id for frame in answers] == [b"fragmen2"] * 2


@pytest.mark.parametrize("ttl", [1, 7])
def test_a_request_with_hops_left_is_not_answered(play: Play, ttl: int) -> None:
    play.forget().hear("a", play.node("ada").ask(NOTHING, ttl=ttl))
    assert play.record == []
    assert play.drops() == {"ttl": 1}


def test_a_request_with_a_wrong_signature_is_not_answered(play: Play) -> None:
    play.forget().hear("a", forged(play.node("ada").ask(NOTHING)))
    assert play.record == []
    assert play.drops() == {"signature": 1}


def test_a_request_of_a_stranger_is_not_answered(play: Play) -> None:
    play.up("b")
    play.forget().hear("b", play.node("stranger").ask(NOTHING))
    assert play.record == []
    assert play.drops() == {"unknown_sender": 1}


def test_a_request_of_somebody_else_over_a_bound_link_is_not_answered(play: Play) -> None:
    ben = play.stranger("a", "ben")
    play.forget().hear("a", ben.ask(NOTHING))
    assert play.record == []
    assert play.drops() == {"misdirected": 1}


def test_a_request_to_somebody_else_is_not_answered(play: Play) -> None:
    play.forget().hear("a", play.node("ada").ask(NOTHING, to=b"not here"))
    assert play.record == []
    assert play.drops() == {"misdirected": 1}


def test_an_old_request_is_not_answered(play: Play) -> None:
    play.forget().hear("a", play.node("ada").ask(NOTHING, age=130))
    assert play.record == []


def test_a_malformed_request_is_counted(play: Play) -> None:
    play.forget().hear("a", play.node("ada").packet(MessageType.REQUEST_SYNC, b"\x01\x00", ttl=0))
    assert play.record == []
    assert play.drops() == {"tlv": 1}


def test_a_request_of_another_site_is_nonsense(play: Play) -> None:
    assert play.inject(play.node("ada").ask(NOTHING)) == "misdirected"


def test_a_request_is_never_passed_on(play: Play) -> None:
    play.up("b")
    frame = play.node("ada").ask(NOTHING, ttl=7)
    play.hear("a", frame)
    play.wait(1)
    assert play.copies(frame) == []


def test_a_peer_is_answered_so_often_and_no_more(play: Play) -> None:
    ada = play.node("ada")
    for number in range(MAX_SYNC_ANSWERS + 3):
        play.hear("a", ada.ask(NOTHING, age=number / 100))
    assert play.drops() == {"rate": 3}
    play.down("a")
    play.up("a")
    play.hear("a", ada.announce(age=-1), ada.ask(NOTHING, age=-2))
    assert play.drops() == {"rate": 4}  # not even over a new link
    play.wait(SYNC_ANSWER_WINDOW_S / MAX_SYNC_ANSWERS)
    play.hear("a", ada.ask(NOTHING))
    assert play.drops() == {"rate": 4}


def test_a_link_without_a_name_has_one_budget_for_everybody() -> None:
    play = Play(links=["a"])
    nodes = [play.stranger("a", f"node{number}") for number in range(MAX_SYNC_ANSWERS + 3)]
    play.hear("a", *(node.ask(NOTHING) for node in nodes))
    assert play.drops() == {"rate": 3}


def test_one_answer_is_so_many_packets_at_most(play: Play) -> None:
    fill(play, MAX_SYNC_PACKETS_PER_ANSWER + 50)
    assert len(play.answers("a", play.node("ada").ask(NOTHING))) == MAX_SYNC_PACKETS_PER_ANSWER


def test_one_answer_is_so_many_bytes_at_most() -> None:
    play = Play()
    play.up("a", mtu=20_000)
    ada = play.neighbor("a", "ada")
    fill(play, 20, size=10_000)
    sizes = [len(frame) for frame in play.answers("a", ada.ask(NOTHING))]
    assert MAX_SYNC_ANSWER_BYTES <= sum(sizes) <= MAX_SYNC_ANSWER_BYTES + 11_000


def test_an_original_too_long_for_the_link_is_sent_in_pieces(play: Play) -> None:
    (frame,) = fill(play, 1, size=1_000)
    pieces = [piece for piece in play.answers("a", play.node("ada").ask(NOTHING)) if piece[1] == MessageType.FRAGMENT]
    whole = b"".join(decode_fragment(decode(piece).payload).data for piece in pieces)
    assert whole == as_sync_answer(frame)
    assert {(piece[2], peek(piece).is_rsr) for piece in pieces} == {(0, True)}


def test_only_announces_of_the_last_minute_are_offered(play: Play) -> None:
    ada = play.node("ada")
    play.wait(PEER_REACHABLE_S - 1)
    assert [frame[1] for frame in play.answers("a", ada.ask(NOTHING))] == [MessageType.ANNOUNCE]
    assert play.answers("a", ada.ask(NOTHING)) == []


def test_what_they_may_have_had_and_forgotten_is_not_offered() -> None:
    play = Play(MeshSettings(jitter=False), links=["a"])
    ada = play.stranger("a", "ada")
    ask = types_mask((MessageType.MESSAGE,))
    play.wait(6)
    for left in (HISTORY_LAST_S - 30, HISTORY_LAST_S + 30):
        play.hear("a", as_sync_answer(ada.say(f"{left:.0f} s left", age=HISTORY_LIFETIME_S - left)))
    assert len(play.mesh.kept(play.now)) == 2
    answers = play.answers("a", ada.ask(RequestSync(gcs.build([], 400)[0], ask)))
    assert [decode(frame).payload for frame in answers] == [f"{HISTORY_LAST_S + 30:.0f} s left".encode()]
    assert len(play.mesh.kept(play.now, HISTORY_LAST_S)) == 1


def test_own_messages_are_offered_too(play: Play) -> None:
    play.do(Say("from the gateway"))
    texts = [decode(frame).payload for frame in play.answers("a", play.node("ada").ask(NOTHING)) if frame[1] == MessageType.MESSAGE]
    assert texts == [b"from the gateway"]


def test_a_full_history_is_handed_over_bit_by_bit() -> None:
    play = Play()
    ada = play.neighbor("a", "ada")
    frames = fill(play, 300)
    have: list[bytes] = []
    for turn in range(4):
        filter_, _ = gcs.build([id_of(frame) for frame in have], 1_024)
        request = RequestSync(filter_, types_mask((MessageType.MESSAGE,)))
        have += play.answers("a", ada.ask(request, age=turn / 100))
    assert len({id_of(frame) for frame in have}) >= len(frames) - 10  # but for false positives of the filter
