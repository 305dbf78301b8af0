"""What a node kept before a restart is offered after it, beneath what has come since."""

from gateway.limits import HISTORY_LIFETIME_S, MAX_HISTORY_MESSAGES
from gateway.mesh.events import Remember
from gateway.mesh.records import HistoryKept
from gateway.wire.types import MessageType
from tests.mesh.nodes import board, id_of, wall_ms
from tests.mesh.playbook import QUIET, Play


def recorded(play: Play) -> tuple[HistoryKept, ...]:
    return tuple(effect for _, effect in play.record if isinstance(effect, HistoryKept))


def kept_by(play: Play) -> list[bytes]:
    return [kept.packet_id for kept in play.mesh.kept(play.now)]


def before() -> tuple[Play, list[bytes]]:
    """A node that has heard three messages and a board post, and their IDs."""
    play = Play()
    ada = play.neighbor("a", "ada")
    frames = [ada.say(f"message {number}") for number in range(3)] + [ada.packet(MessageType.BOARD, board(ada))]
    play.hear("a", *frames)
    return play, [id_of(frame) for frame in frames]


def test_what_is_kept_is_told_once_with_the_end_of_its_life() -> None:
    play, ids = before()
    told = recorded(play)
    assert [one.packet_id for one in told] == ids
    assert {one.kind for one in told} == {MessageType.MESSAGE, MessageType.BOARD}
    assert abs(told[0].until_ms - wall_ms(play.now) - HISTORY_LIFETIME_S * 1000) < 5_000
    play.hear("a", told[0].frame)
    assert recorded(play) == told


def test_what_this_node_says_itself_is_told_too() -> None:
    play = Play(links=("a",))
    effects: list = []
    identifier = play.mesh._speaker.say("from the gateway", effects, play.now)
    assert [one.packet_id for one in effects if isinstance(one, HistoryKept)] == [identifier]


def test_after_a_restart_it_is_there_in_its_old_order_and_offered() -> None:
    play, ids = before()
    again = Play(QUIET, seed=2)
    again.do(Remember(recorded(play)))
    assert sorted(kept_by(again)) == sorted(ids)
    assert kept_by(again)[:3] == ids[2::-1]
    assert not recorded(again)  # it is in the store already


def test_what_has_come_since_stays_above_it() -> None:
    play, ids = before()
    again = Play(QUIET, seed=2)
    bela = again.neighbor("b", "bela")
    fresh = bela.say("while the card was read")
    again.hear("b", fresh)
    again.do(Remember(recorded(play)))
    assert kept_by(again)[:4] == [id_of(fresh), *ids[2::-1]]


def test_more_than_there_is_room_for_costs_the_oldest() -> None:
    play = Play()
    ada = play.neighbor("a", "ada")
    fresh = ada.say("new")
    play.hear("a", fresh)
    frame = ada.say("old")
    old = [
        HistoryKept(MessageType.MESSAGE, number.to_bytes(16), frame, wall_ms(play.now) + 9_000) for number in range(MAX_HISTORY_MESSAGES)
    ]
    play.do(Remember(tuple(old)))
    kept = kept_by(play)
    assert len(kept) == MAX_HISTORY_MESSAGES
    assert kept[0] == id_of(fresh)
    assert kept[-1] == old[1].packet_id


def test_what_is_over_or_no_packet_or_comes_before_the_clock_is_left_out() -> None:
    play, ids = before()
    told = recorded(play)
    over = HistoryKept(told[0].kind, told[0].packet_id, told[0].frame, wall_ms(play.now) - 1)
    broken = HistoryKept(told[1].kind, told[1].packet_id, b"no packet", told[1].until_ms)
    again = Play(QUIET, seed=2)
    again.do(Remember((over, broken, told[2])))
    assert kept_by(again) == [ids[2]]
    early = Play(QUIET, clock_set=False, seed=3)
    early.do(Remember(told))
    assert kept_by(early) == []
