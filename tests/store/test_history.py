"""The mesh remembers across restarts."""

import pytest

from gateway import limits
from gateway.store import history
from gateway.store.history import CAPACITY, Kept
from gateway.wire.types import MessageType
from tests.store.stores import HOUR, NOW, opened, writing


def kept(name, kind=MessageType.MESSAGE, *, until_ms=NOW + 6 * HOUR, size=0):
    return Kept(kind, name.encode(), name.encode() + bytes(size), until_ms)


def loaded(store, now_ms=NOW):
    return [one.packet_id.decode() for one in store.history.load(now_ms)]


def test_a_restart_forgets_nothing_and_keeps_the_order(tmp_path):
    kinds = [*CAPACITY, MessageType.MESSAGE]
    with writing(tmp_path / "store.db") as store:
        for number, kind in enumerate(kinds):
            assert store.history.add(kept(f"packet {number}", kind, until_ms=NOW + 1 + number), NOW)
    with opened(tmp_path / "store.db") as store:
        found = list(store.history.load(NOW))
    assert found == [kept(f"packet {number}", kind, until_ms=NOW + 1 + number) for number, kind in enumerate(kinds)]


def test_more_than_one_piece_is_loaded(tmp_path):
    with writing(tmp_path / "store.db") as store:
        for number in range(2 * history._LOAD + 1):
            store.history.add(kept(f"{number}"), NOW)
        assert loaded(store) == [str(number) for number in range(2 * history._LOAD + 1)]


def test_what_is_over_is_neither_kept_nor_loaded(tmp_path):
    with writing(tmp_path / "store.db") as store:
        assert not store.history.add(kept("over", until_ms=NOW), NOW)
        store.history.add(kept("soon over", until_ms=NOW + 1), NOW)
        assert loaded(store, NOW + 1) == []
        assert store.history.prune(NOW + 1) == 1


def test_a_packet_is_kept_once_and_housekeeping_never(tmp_path):
    with writing(tmp_path / "store.db") as store:
        assert store.history.add(kept("one"), NOW)
        assert not store.history.add(kept("one"), NOW)
        assert not store.history.add(kept("announce", MessageType.ANNOUNCE), NOW)
        assert not store.history.add(kept("mail is in the spool", MessageType.COURIER), NOW)
        assert not store.history.add(kept("huge", size=limits.MAX_FRAME), NOW)
        assert loaded(store) == ["one"]


@pytest.mark.parametrize("kind", CAPACITY)
def test_of_each_type_the_newest_are_kept(tmp_path, kind):
    capacity = CAPACITY[kind]
    with writing(tmp_path / "store.db") as store:
        for number in range(capacity + 2):
            store.history.add(kept(str(number), kind), NOW)
        store.history.prune(NOW)
        assert loaded(store) == [str(number) for number in range(2, capacity + 2)]


def test_the_public_history_stays_below_its_bytes_without_being_told(tmp_path):
    with writing(tmp_path / "store.db") as store:
        for number in range(40):
            store.history.add(kept(str(number), MessageType.FILE, size=1024 * 1024), NOW)
        sizes = [len(one.frame) for one in store.history.load(NOW)]
        assert sum(sizes) <= limits.MAX_HISTORY_BYTES
        assert loaded(store) == [str(number) for number in range(33, 40)]


def test_what_was_taken_back_is_gone(tmp_path):
    with writing(tmp_path / "store.db") as store:
        store.history.add(kept("post", MessageType.BOARD), NOW)
        assert store.history.remove(b"post")
        assert not store.history.remove(b"post")
        assert loaded(store) == []
