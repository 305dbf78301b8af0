"""What takes the place of something else on the board or among prekeys, and what is kept of one author."""

from dataclasses import replace

import pytest

from gateway.errors import Reason
from gateway.limits import MAX_BOARD_PER_AUTHOR, NEWCOMER_BURST
from gateway.mesh.events import Remember
from gateway.mesh.records import HistoryKept, PacketWithdrawn
from gateway.wire.board import BoardPost, BoardTombstone, encode_board, signed_bytes
from gateway.wire.packet import as_sync_answer
from gateway.wire.prekeys import Prekey, PrekeyBundle, encode_prekeys
from gateway.wire.types import MessageType
from tests.mesh.nodes import Node, forged, id_of, prekeys, wall_ms
from tests.mesh.playbook import Play


def post(node: Node, number: int = 0, expires_s: float = 3_600.0) -> bytes:
    made = wall_ms(0)
    bare = BoardPost(
        number.to_bytes(16), "", "notice", node.identity.signing_public, node.name, made, made + int(expires_s * 1000), 0, bytes(64)
    )
    return encode_board(replace(bare, signature=node.identity.signing_key.sign(signed_bytes(bare))))


def tombstone(node: Node, number: int = 0) -> bytes:
    bare = BoardTombstone(number.to_bytes(16), node.identity.signing_public, wall_ms(0), bytes(64))
    return encode_board(replace(bare, signature=node.identity.signing_key.sign(signed_bytes(bare))))


@pytest.fixture
def play() -> Play:
    return Play(links=["a"])


@pytest.fixture
def ada(play: Play) -> Node:
    return play.neighbor("a", "ada")


def kept(play: Play) -> list[bytes]:
    return [one.packet_id for one in play.mesh.kept(play.now)]


def said(play: Play, node: Node, payload: bytes, kind: int = MessageType.BOARD, *, link: str = "a") -> bytes:
    """Somebody says it; returns its packet ID."""
    play.wait(0.01)
    frame = node.packet(kind, payload)
    play.hear(link, frame)
    return id_of(frame)


def test_a_tombstone_takes_its_post_back_here_and_on_the_disk(play: Play, ada: Node) -> None:
    notice = said(play, ada, post(ada))
    gone = said(play, ada, tombstone(ada))
    assert kept(play) == [gone]
    assert play.seen(PacketWithdrawn) == [PacketWithdrawn(notice)]


def test_a_post_that_comes_after_its_tombstone_is_not_kept(play: Play, ada: Node) -> None:
    gone = said(play, ada, tombstone(ada))
    said(play, ada, post(ada))
    assert kept(play) == [gone]


def test_nobody_takes_back_the_post_of_somebody_else(play: Play, ada: Node) -> None:
    eve = play.neighbor("e", "eve")
    notice = said(play, ada, post(ada))
    said(play, eve, tombstone(eve), link="e")
    assert notice in kept(play)


def test_of_one_author_so_many_posts_are_kept_and_those_of_others_besides(play: Play, ada: Node) -> None:
    mine = [said(play, ada, post(ada, number)) for number in range(MAX_BOARD_PER_AUTHOR + 1)]
    eve = play.neighbor("e", "eve")
    hers = said(play, eve, post(eve), link="e")
    assert sorted(kept(play)) == sorted([*mine[:-1], hers])
    said(play, ada, tombstone(ada, 0))
    again = said(play, ada, post(ada, 9))
    assert again in kept(play)


def test_a_place_is_free_when_a_post_is_over(play: Play, ada: Node) -> None:
    for number in range(MAX_BOARD_PER_AUTHOR):
        said(play, ada, post(ada, number, expires_s=100))
    play.wait(120)
    play.hear("a", ada.announce())
    assert said(play, ada, post(ada, 9)) in kept(play)


def test_a_newer_bundle_replaces_an_older_one_and_not_the_other_way_round(play: Play, ada: Node) -> None:
    old = said(play, ada, prekeys(ada, 0), MessageType.PREKEYS)
    new = said(play, ada, prekeys(ada, 10), MessageType.PREKEYS)
    said(play, ada, prekeys(ada, 5), MessageType.PREKEYS)
    assert kept(play) == [new]
    assert play.seen(PacketWithdrawn) == [PacketWithdrawn(old)]


def test_a_bundle_for_somebody_else_or_with_a_broken_inner_signature_is_refused(play: Play, ada: Node) -> None:
    eve = play.node("eve")
    said(play, ada, prekeys(eve), MessageType.PREKEYS)
    broken = PrekeyBundle(ada.identity.noise_public, (Prekey(1, bytes(32)),), wall_ms(0), bytes(64))
    said(play, ada, encode_prekeys(broken), MessageType.PREKEYS)
    assert kept(play) == []
    assert play.drops() == {"signature": 2}


def test_after_a_restart_the_same_ones_count(play: Play, ada: Node) -> None:
    gone = said(play, ada, tombstone(ada))
    new = said(play, ada, prekeys(ada, 10), MessageType.PREKEYS)
    again = Play(links=["a"], seed=2)
    again.do(Remember(tuple(play.seen(HistoryKept))))
    ada = again.neighbor("a", "ada")
    said(again, ada, post(ada))
    said(again, ada, prekeys(ada, 5), MessageType.PREKEYS)
    assert sorted(kept(again)) == sorted([gone, new])


def test_what_a_crash_left_beside_what_replaced_it_is_put_right(play: Play, ada: Node) -> None:
    said(play, ada, post(ada))
    gone = said(play, ada, tombstone(ada))
    again = Play(links=["a"], seed=2)
    again.do(Remember(tuple(play.seen(HistoryKept))))  # the post is among them: that it is gone was not written
    assert kept(again) == [gone]


class TestAuthorsUnknown:
    """A notice that was posted before we came proves itself; one that is said now is of somebody who announces himself."""

    def test_a_post_from_another_site_of_somebody_who_was_never_announced_here_is_kept(self, play: Play) -> None:
        node = play.node("gone")
        frame = node.packet(MessageType.BOARD, post(node))
        assert play.inject(frame) is None
        assert kept(play) == [id_of(frame)]

    def test_one_in_a_sync_answer_as_well_and_of_invented_authors_only_so_many_at_once(self, play: Play) -> None:
        link = play.mesh._links.get("a")
        assert link is not None
        link.asked_at = play.now
        for number in range(int(NEWCOMER_BURST) + 10):
            node = play.node(f"invented {number}")
            play.hear("a", as_sync_answer(node.packet(MessageType.BOARD, post(node, number))))
        assert len(kept(play)) == NEWCOMER_BURST
        assert play.drops()["rate"] == 10

    def test_but_not_with_a_signature_that_does_not_hold_or_in_the_packet_of_somebody_else(self, play: Play) -> None:
        node, eve = play.node("gone"), play.node("eve")
        assert play.inject(forged(node.packet(MessageType.BOARD, post(node)))) is Reason.SIGNATURE
        assert play.inject(eve.packet(MessageType.BOARD, post(node))) is Reason.SIGNATURE
        assert kept(play) == []

    def test_what_is_said_now_by_somebody_who_was_not_announced_is_neither_kept_nor_passed_on(self, play: Play) -> None:
        node = play.node("gone")
        play.up("b")
        said(play, node, post(node))
        play.wait(1)
        assert kept(play) == []
        assert play.sent("b", MessageType.BOARD) == []
