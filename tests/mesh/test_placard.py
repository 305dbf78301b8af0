"""The notice a node has on the board of its island: one, as long as it is true, whatever happens to the node."""

from random import Random

from gateway.limits import MAX_BOARD_NICKNAME, MAX_HISTORY_BOARD
from gateway.mesh.events import Offer, Remember
from gateway.mesh.placard import LIFETIME_MS, OF_THE_ISLAND, PATIENCE_S, RENEW_MS, Placard
from gateway.mesh.records import HistoryKept
from gateway.mesh.settings import MeshSettings
from gateway.wire.board import BoardPost, BoardTombstone, decode_board, verify_board
from gateway.wire.packet import payload_of, peek
from gateway.wire.signing import verify
from gateway.wire.types import MessageType
from tests.mesh.nodes import EPOCH, Node, board, wall_ms
from tests.mesh.playbook import QUIET, Play

TEXT = "What is said here is carried on."
OPEN = MeshSettings(nickname="gateway", sync=False, jitter=False, notice=TEXT)
STANDS_S = (LIFETIME_MS - RENEW_MS) / 1000


class Reader:
    """What a phone that heard everything shows, by the rules of the board."""

    def __init__(self) -> None:
        self.posts: dict[bytes, BoardPost] = {}
        self.gone: set[bytes] = set()

    def read(self, frames: list[bytes]) -> "Reader":
        for frame in frames:
            notice = decode_board(payload_of(frame, peek(frame)))
            assert verify_board(notice)
            if isinstance(notice, BoardTombstone):
                self.gone.add(notice.post_id)
            else:
                self.posts[notice.post_id] = notice
        return self

    def shown(self, play: Play) -> list[str]:
        alive = [post for post in self.posts.values() if post.expires_ms > wall_ms(play.now) and post.post_id not in self.gone]
        return [post.content for post in alive]


def said(play: Play) -> list[bytes]:
    return [sent.frame for sent in play.sent("a", MessageType.BOARD)]


def kept(play: Play) -> list[bytes]:
    return [one.frame for one in play.mesh.kept(play.now) if one.frame[1] == MessageType.BOARD]


def recorded(play: Play) -> tuple[HistoryKept, ...]:
    return tuple(effect for _, effect in play.record if isinstance(effect, HistoryKept))


def opened(settings: MeshSettings = OPEN) -> Play:
    """A node that had nothing to remember."""
    play = Play(settings, links=["a"])
    play.do(Remember(()))
    return play


def restarted(play: Play, settings: MeshSettings = OPEN) -> Play:
    """The same node after a restart, with what its store had."""
    again = Play(settings, links=["a"], clock_set=False, seed=2)
    again.clock.now = play.now
    again.set_clock()
    again.do(Remember(recorded(play)))
    again.wait(60)
    return again


def test_it_is_signed_by_the_node_and_says_who_and_what_and_for_how_long() -> None:
    play = opened()
    (frame,) = said(play)
    header = peek(frame)
    assert (header.sender_id, header.ttl, header.recipient_id) == (play.me.peer_id, 7, None)
    assert verify(frame, play.me.identity.signing_public)
    post = decode_board(payload_of(frame, header))
    assert isinstance(post, BoardPost)
    assert (post.content, post.nickname, post.geohash, post.flags) == (TEXT, "gateway", "", 0)
    assert post.author_key == play.me.identity.signing_public
    assert post.expires_ms - post.created_ms == LIFETIME_MS
    assert post.post_id.startswith(OF_THE_ISLAND)


def test_without_a_text_nothing_is_ever_said() -> None:
    play = opened(QUIET)
    play.wait(3_600)
    assert said(play) == kept(play) == []


def test_however_long_it_runs_there_is_one_and_it_never_lapses() -> None:
    me = Node("gateway")
    placard, posts, gone = Placard(me.identity, TEXT, lambda: "gateway", Random(1).randbytes), {}, set()
    placard.remember([])
    for hour in range(30 * 24):
        now = hour * 3600.0
        for one in placard.due(wall_ms(now), now):
            notice = decode_board(one.payload)
            if isinstance(notice, BoardTombstone):
                gone.add(notice.post_id)
            else:
                posts[notice.post_id] = notice.expires_ms
        assert sum(until > wall_ms(now) and post_id not in gone for post_id, until in posts.items()) == 1
    assert len(posts) == 40  # a new one every 18 hours
    assert len(gone) == 39


def test_after_a_restart_the_one_that_stands_is_taken_over() -> None:
    play = opened()
    play.wait(3_600)
    again = restarted(play)
    assert said(again) == []
    assert kept(again) == kept(play)
    again.set_clock(EPOCH + STANDS_S)
    again.wait(10)
    assert len(said(again)) == 2  # the next one, and the end of the first


def test_nothing_is_said_before_what_was_kept_is_given_back_or_has_not_come_for_a_while() -> None:
    play = Play(OPEN, links=["a"])
    play.wait(PATIENCE_S - 1)
    assert said(play) == []
    play.wait(15)
    assert len(said(play)) == 1


def test_what_comes_back_later_than_that_is_taken_down() -> None:
    before = opened()
    again = Play(OPEN, links=["a"], seed=2)
    again.wait(PATIENCE_S + 10)
    again.do(Remember(recorded(before)))
    assert Reader().read([*said(before), *said(again)]).shown(again) == [TEXT]


def test_nothing_is_said_while_the_clock_is_not_set() -> None:
    play = Play(OPEN, links=["a"], clock_set=False)
    play.wait(600)
    assert said(play) == []
    play.set_clock()
    play.do(Remember(()))
    assert len(said(play)) == 1


def test_it_is_taken_down_at_once_when_it_is_no_longer_so_and_put_up_again_when_it_is() -> None:
    play, reader = opened(), Reader()
    play.do(Offer("gateway", 0, None))
    assert reader.read(said(play)).shown(play) == []
    play.do(Offer("gateway (open)", 0, None, TEXT))
    assert reader.read(said(play)).shown(play) == [TEXT]
    play.do(Offer("gateway (open)", 0, None, TEXT))
    play.wait(600)
    assert len(said(play)) == 3


def test_it_is_taken_down_after_a_restart_in_which_somebody_has_changed_the_settings() -> None:
    play = opened()
    again = restarted(play, QUIET)
    assert Reader().read([*said(play), *said(again)]).shown(again) == []
    assert said(restarted(again, QUIET)) == []


def test_another_text_takes_the_place_of_the_old_one() -> None:
    play = opened()
    again = restarted(play, MeshSettings(nickname="gateway", sync=False, jitter=False, notice="Something else."))
    assert Reader().read([*said(play), *said(again)]).shown(again) == ["Something else."]


def test_the_end_of_a_notice_is_kept_no_longer_than_the_notice_would_have_been() -> None:
    play = opened()
    (post,) = recorded(play)
    play.do(Offer("gateway", 0, None))
    _, tombstone = recorded(play)
    assert tombstone.until_ms == post.until_ms == wall_ms(play.now) + LIFETIME_MS


def test_a_flood_of_posts_does_not_push_it_out_of_what_is_offered() -> None:
    play = opened()
    (frame,) = said(play)
    for number in range(MAX_HISTORY_BOARD + 1):
        node: Node = play.node(f"n{number}")
        play.inject(node.announce())
        assert play.inject(node.packet(MessageType.BOARD, board(node))) is None
    assert frame not in kept(play)
    play.wait(5)
    assert frame in kept(play)


def test_a_long_nickname_is_cut_between_characters() -> None:
    play = opened(MeshSettings(nickname="é" * 100, sync=False, jitter=False, notice=TEXT))
    (frame,) = said(play)
    post = decode_board(payload_of(frame, peek(frame)))
    assert isinstance(post, BoardPost)
    assert post.nickname == "é" * (MAX_BOARD_NICKNAME // 2)


def test_posts_of_this_node_that_are_no_notice_of_its_are_left_alone() -> None:
    play = Play(OPEN, links=["a"])
    own = play.me.packet(MessageType.BOARD, board(play.me))
    effects: list = []
    play.mesh._speaker.keep(own, peek(own), bytes(16), effects, play.now, wall_ms(play.now))
    again = Play(OPEN, links=["a"], seed=2)
    again.do(Remember(tuple(effect for effect in effects if isinstance(effect, HistoryKept))))
    assert Reader().read(said(again)).shown(again) == [TEXT]
    assert own in kept(again)
