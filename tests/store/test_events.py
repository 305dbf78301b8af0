"""What is remembered of events, and until when."""

from gateway.limits import EVENT_MEMORY_S
from gateway.store.events import Noted
from tests.store.stores import NOW, opened, writing

UNTIL = NOW + int(EVENT_MEMORY_S * 1000)


def test_what_was_noted_is_there_after_a_restart_the_oldest_first(tmp_path):
    noted = [Noted(4, b"second", UNTIL), Noted(1, b"first", UNTIL - 5), Noted(2, b"second", UNTIL - 1)]
    with writing(tmp_path / "store.db") as store:
        for one in (*noted, noted[0]):
            store.events.note(one)
    with opened(tmp_path / "store.db") as store:
        assert store.events.load(NOW) == [noted[1], noted[2], noted[0]]


def test_it_can_be_taken_back(tmp_path):
    with writing(tmp_path / "store.db") as store:
        store.events.note(Noted(2, b"one", UNTIL))
        store.events.note(Noted(4, b"one", UNTIL))
        store.events.note(Noted(2, b"one", 0))
        assert store.events.load(NOW) == [Noted(4, b"one", UNTIL)]


def test_what_is_over_and_what_a_clock_that_was_ahead_wrote_goes(tmp_path):
    with writing(tmp_path / "store.db") as store:
        for name, until in ((b"over", NOW), (b"ahead", NOW + 10 * int(EVENT_MEMORY_S * 1000)), (b"fresh", UNTIL)):
            store.events.note(Noted(1, name, until))
        assert [one.identifier for one in store.events.load(NOW)] == [b"fresh"]
    with opened(tmp_path / "store.db") as store:
        assert store.prune(NOW) == 2
        assert store.prune(NOW) == 0
