"""Packets of other islands: checked as if a stranger had sent them, then put on the air."""

import pytest

from gateway.errors import Reason
from gateway.limits import HISTORY_LIFETIME_S, MAX_SKEW_S, REINJECT_TTL
from gateway.mesh.effects import Heard, PeerLost, PeerSeen, PublicMessage
from gateway.mesh.receiver import ELSEWHERE
from gateway.mesh.settings import MeshSettings
from gateway.wire.packet import decode, with_ttl
from gateway.wire.types import MessageType
from tests.mesh.nodes import NOTHING, forged, id_of
from tests.mesh.playbook import NO_SYNC, Play


@pytest.fixture
def play() -> Play:
    """Two links and a peer of another island, with relays that would wait their jitter."""
    play = Play(NO_SYNC, links=["a", "b"])
    play.inject(play.node("remote").announce())
    return play.forget()


def test_a_packet_goes_on_the_air_at_once_with_a_ttl_of_six(play: Play) -> None:
    frame = play.node("remote").say("hello from afar", ttl=2)
    assert play.inject(frame) is None
    assert play.links_of(frame) == ["a", "b"]
    assert {(copy.at, copy.ttl) for copy in play.copies(frame)} == {(play.now, REINJECT_TTL)}
    assert [message.text for message in play.seen(PublicMessage)] == ["hello from afar"]


def test_it_is_nobodys_direct_announce(play: Play) -> None:
    frame = play.node("another").announce(ttl=7)
    play.inject(frame)
    assert {copy.ttl for copy in play.copies(frame)} == {6}
    assert play.seen(PeerSeen) == [PeerSeen(play.node("another").peer_id, "another", direct=False, link=ELSEWHERE)]
    assert play.mesh._links.direct_peers == ()


def test_what_is_heard_of_it_names_no_link(play: Play) -> None:
    play.inject(play.node("remote").say("hello"))
    assert [heard.link for heard in play.seen(Heard)] == [ELSEWHERE]


def test_sealed_packets_go_out_in_order(play: Play) -> None:
    remote = play.node("remote")
    frames = [remote.packet(MessageType.NOISE_ENCRYPTED, number.to_bytes(4), to=b"far away", signed=False) for number in range(30)]
    for frame in frames:
        assert play.inject(frame) is None
    assert [sent.frame for sent in play.sent("a")] == [with_ttl(frame, 6) for frame in frames]


def test_a_sealed_packet_for_a_neighbour_goes_to_that_one_alone(play: Play) -> None:
    ada = play.neighbor("c", "ada")
    frame = play.node("remote").seal("secret", ada.peer_id)
    assert play.inject(frame) is None
    assert play.links_of(frame) == ["c"]


def test_a_packet_for_this_node_stays_here(play: Play) -> None:
    frame = play.node("remote").packet(MessageType.PING, bytes(9), to=play.me.peer_id, signed=False)
    assert play.inject(frame) is None
    assert play.copies(frame) == []
    assert {sent.frame[1] for sent in play.sent()} == {MessageType.PONG}


def test_a_message_too_old_for_the_air_is_kept_and_offered(play: Play) -> None:
    frame = play.node("remote").say("an hour ago", age=3_600)
    assert play.inject(frame) is None
    assert play.sent() == []
    assert [message.text for message in play.seen(PublicMessage)] == ["an hour ago"]
    ada = play.neighbor("a", "ada")
    answers = play.answers("a", ada.ask(NOTHING))
    assert id_of(frame) in [id_of(answer) for answer in answers]


@pytest.mark.parametrize(
    ("kind", "age", "reason"),
    [
        (MessageType.MESSAGE, MAX_SKEW_S, None),
        (MessageType.MESSAGE, HISTORY_LIFETIME_S, None),
        (MessageType.MESSAGE, HISTORY_LIFETIME_S + 1, Reason.EXPIRED),
        (MessageType.LEAVE, MAX_SKEW_S + 1, Reason.EXPIRED),
        (MessageType.NOISE_ENCRYPTED, MAX_SKEW_S + 1, Reason.EXPIRED),
        (MessageType.VOICE, MAX_SKEW_S + 1, Reason.EXPIRED),
        (MessageType.MESSAGE, -MAX_SKEW_S, None),
        (MessageType.MESSAGE, -MAX_SKEW_S - 1, Reason.WINDOW),
    ],
)
def test_every_type_has_its_time(play: Play, kind: int, age: float, reason: Reason | None) -> None:
    play.wait(10)
    assert play.inject(play.node("remote").packet(kind, b"x", age=age)) is reason


def test_an_old_announce_comes_too_late(play: Play) -> None:
    assert play.inject(play.node("another").announce(age=MAX_SKEW_S + 1)) is Reason.EXPIRED
    assert play.seen(PeerSeen) == []


@pytest.mark.parametrize("kind", [MessageType.MESSAGE, MessageType.FILE, MessageType.GROUP, MessageType.COURIER, 0x7F])
def test_who_is_not_known_is_refused(play: Play, kind: int) -> None:
    frame = play.node("unknown").packet(kind, b"x")
    assert play.inject(frame) is Reason.UNKNOWN_SENDER
    assert play.record == []
    assert play.drops() == {"unknown_sender": 1}


@pytest.mark.parametrize("kind", [MessageType.MESSAGE, MessageType.FILE, 0x7F])
def test_what_is_not_signed_by_its_sender_is_refused(play: Play, kind: int) -> None:
    frame = play.node("remote").packet(kind, b"x")
    assert play.inject(forged(frame)) is Reason.SIGNATURE
    assert play.record == []


def test_a_forgery_through_a_site_does_not_silence_the_genuine_one(play: Play) -> None:
    frame = play.node("remote").say("hello")
    play.inject(forged(frame))
    play.hear("a", frame)
    play.wait(1)
    assert [message.text for message in play.seen(PublicMessage)] == ["hello"]
    assert play.links_of(frame) == ["b"]


def test_nor_does_a_forgery_on_the_air(play: Play) -> None:
    frame = play.node("remote").say("hello")
    play.hear("a", forged(frame))
    assert play.inject(frame) is None
    assert [message.text for message in play.seen(PublicMessage)] == ["hello"]


def test_what_was_refused_for_want_of_an_announce_is_welcome_after_it(play: Play) -> None:
    late = play.node("late")
    frame = late.say("hello")
    assert play.inject(frame) is Reason.UNKNOWN_SENDER
    play.inject(late.announce())
    assert play.inject(frame) is None


def test_what_is_known_from_the_air_is_an_echo(play: Play) -> None:
    ada = play.neighbor("a", "ada")
    frame = ada.say("hello")
    play.hear("a", frame)
    play.wait(1)
    play.forget()
    assert play.inject(frame) is Reason.ECHO
    assert play.record == []


def test_what_came_through_a_site_is_a_copy_on_the_air(play: Play) -> None:
    frame = play.node("remote").say("hello")
    play.inject(frame)
    play.forget().hear("a", frame)
    play.wait(1)
    assert play.sent(kind=MessageType.MESSAGE) == []
    assert play.seen(PublicMessage) == []


def test_what_this_node_said_is_an_echo(play: Play) -> None:
    assert play.inject(play.me.say("mine")) is Reason.ECHO


def test_nothing_is_taken_while_the_time_of_day_is_unknown() -> None:
    play = Play(links=["a"], clock_set=False)
    assert play.inject(play.node("remote").announce()) is Reason.CLOCK


def test_a_peer_of_another_island_that_leaves_is_lost(play: Play) -> None:
    remote = play.node("remote")
    assert play.inject(remote.packet(MessageType.LEAVE)) is None
    assert play.seen(PeerLost) == [PeerLost(remote.peer_id, "left")]


def test_a_packet_is_not_put_on_the_air_twice_for_a_peer_with_two_links(play: Play) -> None:
    ada = play.neighbor("c", "ada")
    play.up("c2")
    play.hear("c2", ada.announce())
    frame = play.node("remote").say("hello")
    play.inject(frame)
    assert play.links_of(frame) == ["a", "b", "c"]


def test_an_answer_from_here_goes_back_the_way_of_everything(play: Play) -> None:
    remote = play.node("remote")
    play.inject(remote.packet(MessageType.PING, bytes(9), to=play.me.peer_id, signed=False))
    (heard,) = [heard for heard in play.seen(Heard) if heard.header.type == MessageType.PONG]
    assert heard.link != ELSEWHERE  # so the bridge carries it
    assert decode(heard.frame).recipient_id == remote.peer_id


def test_without_jitter_nothing_changes() -> None:
    play = Play(MeshSettings(sync=False, jitter=False), links=["a"])
    frame = play.node("remote").announce()
    play.inject(frame)
    assert [copy.ttl for copy in play.copies(frame)] == [6]
