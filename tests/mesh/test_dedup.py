"""Each packet once: copies are dropped, and a forger cannot use that against anybody."""

from collections.abc import Callable

import pytest

from gateway.limits import MAX_SECOND_LOOKS, MAX_SEEN, MAX_UNPROVEN, SEEN_LIFETIME_S
from gateway.mesh.dedup import Seen
from gateway.mesh.effects import Heard, PeerSeen, Priority, PublicMessage
from gateway.mesh.pending import PendingRelay, PendingRelays
from gateway.mesh.settings import MeshSettings
from gateway.wire.packet import as_sync_answer, with_ttl
from gateway.wire.types import MessageType
from tests.mesh.nodes import Node, board, forged, prekeys
from tests.mesh.playbook import NO_SYNC, Play
from transports.link import LinkId

SIGNED: dict[str, Callable[[Node], bytes]] = {
    "announce": lambda node: node.announce(nickname="again"),
    "message": lambda node: node.say("hello"),
    "file": lambda node: node.packet(MessageType.FILE, b"file"),
    "board": lambda node: node.packet(MessageType.BOARD, board(node)),
    "voice": lambda node: node.packet(MessageType.VOICE, b"voice"),
    "leave": lambda node: node.packet(MessageType.LEAVE),
    "group": lambda node: node.packet(MessageType.GROUP, b"sealed for the group"),
    "prekeys": lambda node: node.packet(MessageType.PREKEYS, prekeys(node)),
    "unknown": lambda node: node.packet(0x7F, b"of tomorrow"),
}
STOPPED = {"file", "board", "voice", "leave"}


def test_ten_thousand_copies_are_relayed_once() -> None:
    play = Play(NO_SYNC, links=["a", "b", "c"])
    ada = play.stranger("a", "ada")
    frame = ada.say("hello")
    play.hear("a", frame)
    play.wait(1)
    play.hear("b", *[with_ttl(frame, 3)] * 5_000)
    play.hear("a", *[frame] * 5_000)
    play.wait(1)
    assert play.links_of(frame) == ["b", "c"]
    assert len(play.seen(PublicMessage)) == 1
    assert play.drops() == {"duplicate": 10_000}


def test_copies_differ_in_nothing_but_what_no_author_signs() -> None:
    play = Play(links=["a", "b"])
    ada = play.stranger("a", "ada")
    frame = ada.say("hello")
    play.hear("a", frame, with_ttl(frame, 3), with_ttl(frame, 0))
    assert len(play.copies(frame)) == 1


@pytest.mark.parametrize("kind", SIGNED)
def test_a_forged_first_copy_does_not_silence_the_genuine_one(kind: str) -> None:
    play = Play(links=["a", "b", "c"])
    ada = play.stranger("a", "ada")
    play.wait(1)
    genuine = SIGNED[kind](ada)
    play.forget().hear("c", forged(genuine))
    assert bool(play.copies(forged(genuine))) is (kind not in STOPPED)
    play.hear("a", genuine)
    assert [heard.frame for heard in play.seen(Heard)] == [genuine]
    assert play.links_of(genuine) == ["b", "c"]
    play.hear("b", genuine)
    assert len(play.seen(Heard)) == 1
    assert len(play.copies(genuine)) == 2


def test_a_forged_announce_does_not_keep_its_author_out() -> None:
    play = Play(links=["a", "b"])
    ada = play.node("ada")
    play.hear("b", forged(ada.announce()))
    play.hear("a", ada.announce())
    assert play.seen(PeerSeen) == [PeerSeen(ada.peer_id, "ada", direct=True, link="a")]


def test_a_message_that_overtakes_its_authors_announce_is_taken_when_it_comes_again() -> None:
    play = Play(links=["a", "b", "c"])
    ada = play.node("ada")
    frame = ada.say("too early")
    for _ in range(5):  # what cannot be verified at all uses up no second look
        play.hear("a", frame)
    assert play.seen(PublicMessage) == []
    assert play.links_of(frame) == ["b", "c"]  # others may know its author
    play.hear("a", ada.announce(ttl=5))
    play.hear("b", frame)
    assert [message.text for message in play.seen(PublicMessage)] == ["too early"]


def test_it_is_taken_from_a_sync_answer_too() -> None:
    play = Play(MeshSettings(jitter=False), links=["a"])
    ada = play.node("ada")
    frame = ada.say("too early")
    play.hear("a", frame, ada.announce(ttl=5))
    play.wait(6)
    play.hear("a", as_sync_answer(frame))
    assert [message.text for message in play.seen(PublicMessage)] == ["too early"]


def test_a_packet_is_remembered_for_five_minutes() -> None:
    seen = Seen(10, SEEN_LIFETIME_S)
    seen.add(b"one", 0)
    assert seen.knows(b"one", SEEN_LIFETIME_S - 0.1)
    assert not seen.knows(b"one", SEEN_LIFETIME_S)


def test_what_is_kept_is_recognised_long_after_it_was_forgotten_as_seen() -> None:
    play = Play(MeshSettings(jitter=False), links=["a"])
    ada = play.stranger("a", "ada")
    frame = ada.say("hello")
    play.hear("a", frame)
    play.wait(2 * SEEN_LIFETIME_S)
    play.hear("a", as_sync_answer(frame))
    assert len(play.seen(PublicMessage)) == 1
    assert len([heard for heard in play.seen(Heard) if heard.header.type == MessageType.MESSAGE]) == 1


def test_the_memory_of_packets_is_bounded() -> None:
    seen = Seen(MAX_SEEN, SEEN_LIFETIME_S)
    for number in range(MAX_SEEN + 5):
        seen.add(number.to_bytes(16), 0)
    assert len(seen) == MAX_SEEN
    assert not seen.knows((4).to_bytes(16), 0)
    assert seen.knows((5).to_bytes(16), 0)


def test_the_memory_of_unproven_packets_is_bounded() -> None:
    seen = Seen(MAX_SEEN, SEEN_LIFETIME_S)
    for number in range(MAX_UNPROVEN + 1):
        seen.mark_unproven(number.to_bytes(16), tried=True)
    assert not seen.deserves_another_look((0).to_bytes(16))
    assert seen.deserves_another_look((1).to_bytes(16))
    assert len(seen._unproven) == MAX_UNPROVEN


def test_a_packet_gets_only_so_many_verifications() -> None:
    seen = Seen(MAX_SEEN, SEEN_LIFETIME_S)
    looks = 0
    seen.mark_unproven(b"forged", tried=True)
    while seen.deserves_another_look(b"forged"):
        looks += 1
        seen.mark_unproven(b"forged", tried=True)
    assert looks == MAX_SECOND_LOOKS


def test_a_proven_packet_needs_no_other_look() -> None:
    seen = Seen(MAX_SEEN, SEEN_LIFETIME_S)
    assert not seen.deserves_another_look(b"never failed")
    seen.mark_unproven(b"failed", tried=True)
    seen.mark_proven(b"failed")
    assert not seen.deserves_another_look(b"failed")


class TestOverhearing:
    """A copy from a neighbour, while our own relay waits out its jitter."""

    def test_above_two_peers_it_calls_the_relay_off(self) -> None:
        play = Play(NO_SYNC, links=["a", "b", "c"])
        frame = play.stranger("a", "ada").say("hello")
        play.hear("a", frame)
        play.hear("b", with_ttl(frame, 6))
        play.wait(1)
        assert play.copies(frame) == []
        assert play.mesh.status(play.now).counters["cancelled"] == 1

    def test_up_to_two_peers_it_only_spares_the_neighbour_that_has_it(self) -> None:
        relays = PendingRelays()
        relays.add(PendingRelay(b"id", (LinkId("a"), LinkId("b")), b"frame", Priority.PUBLIC), 0.1)
        assert not relays.overheard(b"id", LinkId("b"), cancel=False)
        assert [relay.links for relay in relays.due(1)] == [("a",)]

    def test_up_to_two_peers_a_relay_nobody_needs_is_called_off(self) -> None:
        play = Play(NO_SYNC, links=["a", "b"])
        frame = play.stranger("a", "ada").say("hello")
        play.hear("a", frame)
        play.hear("b", with_ttl(frame, 6))
        play.wait(1)
        assert play.copies(frame) == []

    def test_a_fragment_only_spares_the_neighbour_that_has_it(self) -> None:
        play = Play(NO_SYNC, links=["a", "b", "c", "d"])
        piece = play.node("ada").cut(play.node("ada").say("x" * 99))[0]
        play.hear("a", piece)
        play.hear("b", with_ttl(piece, 6))
        play.wait(1)
        assert play.links_of(piece) == ["c", "d"]
        assert play.mesh.status(play.now).counters["cancelled"] == 0

    def test_a_sender_that_repeats_itself_calls_nothing_off(self) -> None:
        play = Play(NO_SYNC, links=["b", "c"])
        ada = play.neighbor("a", "ada")
        play.up("a2")
        play.hear("a2", ada.announce())
        play.wait(1)
        frame = ada.announce(nickname="Ada")
        play.forget().hear("a", frame, frame)
        play.hear("a2", frame)  # phones send announces over every link they have
        play.wait(1)
        assert play.links_of(frame) == ["b", "c"]

    def test_a_neighbour_in_search_of_the_recipient_beside_us_calls_nothing_off(self) -> None:
        play = Play(NO_SYNC, links=["a", "c", "d"])
        ben = play.neighbor("b", "ben")
        frame = play.node("ada").seal("secret", ben.peer_id)
        play.hear("a", frame)
        play.hear("c", with_ttl(frame, 6))
        play.wait(1)
        assert play.links_of(frame) == ["b"]

    def test_a_copy_after_the_relay_has_left_changes_nothing(self) -> None:
        play = Play(NO_SYNC, links=["a", "b", "c"])
        frame = play.stranger("a", "ada").say("hello")
        play.hear("a", frame)
        play.wait(1)
        play.hear("b", with_ttl(frame, 6))
        assert play.links_of(frame) == ["b", "c"]
        assert play.mesh.status(play.now).counters["cancelled"] == 0
