"""What is kept for those who missed it, and for how long."""

import pytest

from gateway.limits import (
    BOARD_HISTORY_S,
    FRAGMENT_HISTORY_S,
    HISTORY_LIFETIME_S,
    MAX_HISTORY_BOARD,
    MAX_HISTORY_BYTES,
    MAX_HISTORY_FILES,
    MAX_HISTORY_FRAGMENTS,
    MAX_HISTORY_GROUP,
    MAX_HISTORY_MESSAGES,
    MAX_HISTORY_PREKEYS,
    PREKEY_HISTORY_S,
)
from gateway.mesh.history import History
from gateway.mesh.settings import MeshSettings
from gateway.wire.packet import Packet, as_sync_answer, encode, peek
from gateway.wire.types import MessageType
from tests.mesh.nodes import board, id_of, noise, wall_ms
from tests.mesh.playbook import Play

SHELVES = [
    (MessageType.MESSAGE, MAX_HISTORY_MESSAGES, HISTORY_LIFETIME_S),
    (MessageType.GROUP, MAX_HISTORY_GROUP, HISTORY_LIFETIME_S),
    (MessageType.FRAGMENT, MAX_HISTORY_FRAGMENTS, FRAGMENT_HISTORY_S),
    (MessageType.FILE, MAX_HISTORY_FILES, FRAGMENT_HISTORY_S),
    (MessageType.PREKEYS, MAX_HISTORY_PREKEYS, PREKEY_HISTORY_S),
    (MessageType.BOARD, MAX_HISTORY_BOARD, BOARD_HISTORY_S),
]


def add(history: History, kind: int, payload: bytes, *, age: float = 0.0, now: float = 0.0, expires: float | None = None) -> bool:
    """Keep a packet; says whether it was kept."""
    frame = encode(Packet(kind, 7, wall_ms(now - age), b"somebody", payload))
    expires_ms = None if expires is None else wall_ms(now + expires)
    return history.add(frame, peek(frame), id_of(frame), now, wall_ms(now), expires_ms=expires_ms) is not None


def payloads(history: History, kind: int) -> list[bytes]:
    return [kept.frame[22:] for kept in history.newest_first([kind])]


@pytest.mark.parametrize(("kind", "capacity", "lifetime"), SHELVES)
def test_a_shelf_holds_so_much_and_throws_out_the_oldest(kind: int, capacity: int, lifetime: float) -> None:
    history = History()
    for number in range(capacity + 2):
        assert add(history, kind, number.to_bytes(4))
    assert len(history) == capacity
    assert payloads(history, kind)[0] == (capacity + 1).to_bytes(4)
    assert payloads(history, kind)[-1] == (2).to_bytes(4)
    assert history.size == capacity * 26


@pytest.mark.parametrize(("kind", "capacity", "lifetime"), SHELVES)
def test_a_packet_is_kept_for_its_lifetime(kind: int, capacity: int, lifetime: float) -> None:
    history = History()
    add(history, kind, b"fresh")
    add(history, kind, b"old", age=lifetime - 10)
    history.expire(9)
    assert payloads(history, kind) == [b"old", b"fresh"]
    history.expire(10)
    assert payloads(history, kind) == [b"fresh"]
    history.expire(lifetime)
    assert len(history) == history.size == 0


def test_what_comes_at_the_end_of_its_life_is_not_kept() -> None:
    history = History()
    assert not add(history, MessageType.MESSAGE, b"old", age=HISTORY_LIFETIME_S)
    assert len(history) == 0


def test_an_author_may_want_it_forgotten_sooner() -> None:
    history = History()
    assert add(history, MessageType.BOARD, b"until tomorrow", expires=86_400)
    assert not add(history, MessageType.BOARD, b"over", expires=0)
    history.expire(86_399)
    assert len(history) == 1
    history.expire(86_400)
    assert len(history) == 0


@pytest.mark.parametrize("kind", [MessageType.ANNOUNCE, MessageType.LEAVE, MessageType.VOICE, MessageType.NOISE_ENCRYPTED, 0x7F])
def test_other_types_are_never_kept(kind: int) -> None:
    history = History()
    assert not add(history, kind, b"something")
    assert len(history) == 0


def test_a_packet_is_kept_once() -> None:
    history = History()
    assert add(history, MessageType.MESSAGE, b"hello")
    version = history.version
    assert not add(history, MessageType.MESSAGE, b"hello")
    assert (len(history), history.version) == (1, version)


def test_all_shelves_together_are_bounded_and_the_heaviest_pays() -> None:
    history = History()
    add(history, MessageType.MESSAGE, b"light")
    for number in range(100):
        add(history, MessageType.FILE, noise(60_000) + bytes((number,)))
    for number in range(100):
        add(history, MessageType.GROUP, noise(60_000) + bytes((number,)))
    assert MAX_HISTORY_BYTES - 120_000 < history.size <= MAX_HISTORY_BYTES
    assert payloads(history, MessageType.MESSAGE) == [b"light"]
    files, groups = (len(payloads(history, kind)) for kind in (MessageType.FILE, MessageType.GROUP))
    assert abs(files - groups) <= 1
    assert history.size == sum(len(kept.frame) for kind, _, _ in SHELVES for kept in history.newest_first([kind]))


class TestInTheEngine:
    """What gets on a shelf."""

    def test_only_what_is_verified_and_for_everybody(self) -> None:
        play = Play(links=["a"])
        ada, stranger = play.stranger("a", "ada"), play.node("stranger")
        kept = [ada.say("hello"), ada.packet(MessageType.GROUP, b"sealed"), ada.packet(MessageType.FILE, b"file")]
        play.hear("a", *kept, stranger.say("unknown"), ada.packet(MessageType.FILE, b"to one", to=b"somebody"))
        assert [one.frame for one in play.mesh.kept(play.now)] == kept

    def test_it_is_thrown_out_in_time(self) -> None:
        play = Play(links=["a"])
        play.stranger("a", "ada")
        play.hear("a", play.node("ada").packet(MessageType.FILE, b"file"))
        play.wait(FRAGMENT_HISTORY_S - 1)
        assert play.mesh.status(play.now).counters["history"] == 1
        play.wait(7)
        assert play.mesh.status(play.now).counters["history"] == 0

    def test_a_late_message_does_not_start_its_six_hours_again(self) -> None:
        play = Play(MeshSettings(jitter=False), links=["a"])
        ada = play.stranger("a", "ada")
        play.wait(6)
        play.hear("a", as_sync_answer(ada.say("of this morning", age=HISTORY_LIFETIME_S - 60)))
        assert len(play.mesh.kept(play.now)) == 1
        assert len(play.mesh.kept(play.now + 60)) == 0

    def test_a_notice_is_kept_until_it_expires(self) -> None:
        play = Play(links=["a"])
        ada = play.stranger("a", "ada")
        play.hear("a", ada.packet(MessageType.BOARD, board(ada, expires_s=600)))
        assert len(play.mesh.kept(play.now + 599)) == 1
        assert len(play.mesh.kept(play.now + 600)) == 0

    def test_a_notice_that_is_over_is_shown_to_nobody(self) -> None:
        play = Play(links=["a"])
        ada = play.stranger("a", "ada")
        play.wait(50)
        play.hear("a", ada.packet(MessageType.BOARD, board(ada, expires_s=49)))
        assert play.mesh.kept(play.now) == []
