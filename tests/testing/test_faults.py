from itertools import islice
from random import Random

from gateway.testing.faults import around, between, broken_copies


def test_between_blocks_what_crosses_and_nothing_else():
    blocked = between("ab")
    assert [blocked(*pair) for pair in ("ab", "cd", "ac", "db")] == [False, False, True, True]


def test_around_blocks_every_path_to_one_port():
    blocked = around("a")
    assert [blocked(*pair) for pair in ("ab", "ca", "bc")] == [True, True, False]


def test_broken_copies_differ_from_the_original_and_follow_the_seed():
    frame = Random(1).randbytes(200)
    copies = list(islice(broken_copies(frame, Random(2)), 200))
    assert frame not in copies
    assert len({*copies}) > 150
    assert any(len(copy) < 200 for copy in copies)
    assert any(len(copy) > 200 for copy in copies)
    assert copies == list(islice(broken_copies(frame, Random(2)), 200))
