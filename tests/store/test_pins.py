"""A restart gives nobody a second first time."""

from gateway.limits import MAX_PINS, PIN_LIFETIME_MS, REGULAR_AFTER_MS
from gateway.store.pins import Pinned
from tests.store.stores import NOW, opened, writing


def pinned(name, *, since=NOW, seen=None, key=b"k" * 32):
    return Pinned(name.encode(), key, since, since if seen is None else seen)


def test_a_key_is_there_after_a_restart_whoever_was_here_last_at_the_end(tmp_path):
    with writing(tmp_path / "store.db") as store:
        store.pins.note(pinned("ada", seen=NOW + 2))
        store.pins.note(pinned("bela", seen=NOW + 1))
    with opened(tmp_path / "store.db") as store:
        assert store.pins.load(NOW) == [pinned("bela", seen=NOW + 1), pinned("ada", seen=NOW + 2)]


def test_another_key_for_the_same_peer_changes_nothing(tmp_path):
    with writing(tmp_path / "store.db") as store:
        store.pins.note(pinned("ada"))
        store.pins.note(pinned("ada", since=NOW + 5, seen=NOW + 5, key=b"e" * 32))
        assert store.pins.load(NOW) == [pinned("ada")]


def test_that_somebody_came_back_moves_the_day_and_not_the_beginning(tmp_path):
    with writing(tmp_path / "store.db") as store:
        store.pins.note(pinned("ada"))
        store.pins.note(pinned("ada", since=NOW + 5, seen=NOW + REGULAR_AFTER_MS))
        assert store.pins.load(NOW) == [pinned("ada", seen=NOW + REGULAR_AFTER_MS)]


def test_who_does_not_come_back_is_forgotten(tmp_path):
    with writing(tmp_path / "store.db") as store:
        store.pins.note(pinned("ada"))
        assert store.pins.load(NOW + PIN_LIFETIME_MS) == []
        assert store.pins.prune(NOW + PIN_LIFETIME_MS) == 1


def test_a_crowd_of_strangers_drives_out_strangers(tmp_path):
    with writing(tmp_path / "store.db") as store:
        store.pins.note(pinned("ada", seen=NOW + REGULAR_AFTER_MS))
        for number in range(MAX_PINS + 3):
            store.pins.note(pinned(f"crowd {number}", since=NOW + REGULAR_AFTER_MS + number))
        assert store.pins.prune(NOW + REGULAR_AFTER_MS) == 4
        names = [one.peer_id for one in store.pins.load(NOW)]
        assert len(names) == MAX_PINS
        assert names[0] == b"ada"
        assert b"crowd 3" not in names
