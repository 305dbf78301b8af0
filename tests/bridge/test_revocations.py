"""Lists of who is shut out are joined in any order with the same result, and nobody comes back by an older one."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from gateway.bridge.revocations import is_out, join, merge, rounds, shut_out
from gateway.limits import MAX_FORKS
from gateway.wire.roster import Revocations, Revoked

ISSUER = b"i" * 32
ANN, BEN, CYD = (bytes([number]) * 32 for number in range(3))


def listed(version, **turns):
    keys = {"ann": ANN, "ben": BEN, "cyd": CYD}
    return Revocations(ISSUER, version, tuple(Revoked(keys[name], number, 0) for name, number in sorted(turns.items())))


LISTS = st.builds(
    lambda version, turns: listed(version, **turns),
    st.integers(0, 5),
    st.dictionaries(st.sampled_from(["ann", "ben", "cyd"]), st.integers(1, 4)),
)
SEVERAL = st.lists(LISTS, max_size=MAX_FORKS - 1)
BOOKS = st.dictionaries(st.sampled_from([ISSUER, b"j" * 32]), SEVERAL.map(lambda lists: join(lists, ())), max_size=2)


@given(BOOKS, BOOKS)
def test_merging_is_commutative(left, right):
    assert merge(left, right) == merge(right, left)


@given(BOOKS)
def test_merging_is_idempotent(book):
    assert merge(book, book) == book


@given(st.lists(LISTS, max_size=MAX_FORKS))
def test_any_order_of_arrival_gives_the_same(lists):
    results = set()
    for order in permutations(lists):
        kept = ()
        for one in order:
            kept = join(kept, (one,))
        results.add(kept)
    assert len(results) == 1


@given(BOOKS, BOOKS, BOOKS)
def test_merging_is_associative_while_there_are_few_forks(left, middle, right):
    if all(len({*left.get(key, ()), *middle.get(key, ()), *right.get(key, ())}) <= MAX_FORKS for key in (ISSUER, b"j" * 32)):
        assert merge(merge(left, middle), right) == merge(left, merge(middle, right))


@given(st.lists(LISTS, max_size=MAX_FORKS))
def test_the_highest_round_of_each_gateway_counts_and_none_is_lost(lists):
    kept = join(lists, ())
    assert rounds(kept) == rounds(lists)
    assert shut_out(kept) == {key for key, number in rounds(lists).items() if is_out(number)}


def test_a_later_list_that_forgot_somebody_brings_nobody_back():
    before, restored = listed(6, ann=1), listed(9, ben=1)
    assert shut_out(join((before,), (restored,))) == {ANN, BEN}
    healed = listed(10, ann=1, ben=1)
    assert join((before, restored), (healed,)) == (healed,)


def test_a_pardon_counts_and_an_older_list_does_not_undo_it():
    assert shut_out(join((listed(1, ann=1),), (listed(2, ann=2),))) == frozenset()
    assert shut_out(join((listed(2, ann=2),), (listed(7, ann=1),))) == frozenset()
    assert shut_out(join((listed(2, ann=2),), (listed(3, ann=3),))) == {ANN}


@given(st.lists(LISTS, max_size=40))
def test_what_is_kept_is_bounded(lists):
    kept = ()
    for one in lists:
        kept = join(kept, (one,))
    assert len(kept) <= MAX_FORKS
