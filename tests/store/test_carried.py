"""Events of the consent bridge that wait for sites outlive a restart while they are fresh."""

from gateway.limits import EVENT_AGE_S, MAX_EVENTS_KEPT
from gateway.store.carried import Carried
from tests.store.stores import NOW, opened, writing

MINUTE = 60_000


def carried(name, *, unsent=False, until=NOW + MINUTE):
    return Carried(name.encode(), unsent, b"somebody", NOW - 1, until, b"event " + name.encode())


def test_what_waited_is_there_in_its_order(tmp_path):
    with writing(tmp_path / "store.db") as store:
        store.carried.keep(carried("one"))
        store.carried.keep(carried("two", unsent=True))
    with opened(tmp_path / "store.db") as store:
        assert store.carried.load(NOW) == [carried("one"), carried("two", unsent=True)]


def test_a_deposit_that_left_is_still_at_hand_for_others(tmp_path):
    with writing(tmp_path / "store.db") as store:
        store.carried.keep(carried("one", unsent=True))
        store.carried.keep(carried("one"))
        store.carried.let_go(b"one", unsent=True)
        assert store.carried.load(NOW) == [carried("one")]


def test_what_is_not_fresh_is_forgotten_and_so_is_what_a_clock_that_was_ahead_has_written(tmp_path):
    with writing(tmp_path / "store.db") as store:
        store.carried.keep(carried("old", until=NOW))
        store.carried.keep(carried("of tomorrow", until=NOW + 2 * int(EVENT_AGE_S * 1000) + 1))
        assert store.carried.load(NOW) == []
        assert store.carried.prune(NOW) == 2


def test_the_newest_are_kept_and_deposits_besides(tmp_path):
    with writing(tmp_path / "store.db") as store:
        store.carried.keep(carried("deposit", unsent=True))
        for number in range(MAX_EVENTS_KEPT + 3):
            store.carried.keep(carried(f"{number}"))
        assert store.carried.prune(NOW) == 3
        names = [one.identifier.decode() for one in store.carried.load(NOW)]
        assert names == ["deposit", *(str(number) for number in range(3, MAX_EVENTS_KEPT + 3))]
