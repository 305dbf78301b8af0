"""Who gets on and who is stuck."""

import pytest

from gateway.telemetry.progress import Course, Part, Progress, stall_trouble


class Worker:
    """A part whose number can be set."""

    def __init__(self, done: int | None = 0) -> None:
        self.done = done


def watched(part: Worker, patience: float = 10.0) -> Progress:
    return Progress([Course(Part.STORE, lambda: part.done, patience)])


def test_a_part_is_stuck_once_its_number_has_stood_still_for_longer_than_its_patience() -> None:
    progress = watched(Worker(5))
    found = [progress.look(float(now)) for now in range(13)]
    assert found[:11] == [()] * 11
    assert found[11:] == [(Part.STORE,)] * 2


def test_one_that_moves_is_not_stuck_however_slowly() -> None:
    part = Worker()
    progress = watched(part)
    for now in range(100):
        part.done = now // 9
        assert progress.look(float(now)) == ()


def test_it_is_free_again_with_the_first_thing_it_finishes() -> None:
    part = Worker()
    progress = watched(part)
    for now in range(20):
        stuck = progress.look(float(now))
    assert stuck == (Part.STORE,)
    part.done = 1
    assert progress.look(20.0) == ()
    assert progress.waited(Part.STORE) == 0.0


def test_one_that_has_nothing_to_do_is_never_stuck() -> None:
    progress = watched(Worker(None))
    assert [progress.look(float(now)) for now in range(30)] == [()] * 30


def test_time_in_which_nobody_looked_counts_little() -> None:
    progress = watched(Worker())
    assert progress.look(0.0) == ()
    assert progress.look(1.0) == ()
    assert progress.look(600.0) == ()  # the loop stood still, and gives everybody the time to answer now
    assert progress.waited(Part.STORE) == 3.0


@pytest.mark.parametrize("part", Part)
def test_every_part_has_words_for_being_stuck(part: Part) -> None:
    sentence, remedy = stall_trouble(part)
    assert sentence.endswith(".")
    assert remedy.endswith(".")
