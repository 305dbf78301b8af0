"""Who is a member follows from what was signed, whatever came first."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.bridge.standing import merge, standing
from gateway.limits import MAX_FEDERATION, MAX_INVITATION_STEPS
from gateway.wire.roster import Listed, Roster
from gateway.wire.ticket import EVERYTHING, ORDINARY, Scope

NOW = 1_800_000_000
OWN, ANN, BEN, CYD, DAN = (bytes([number]) * 32 for number in range(5))
KEYS = st.sampled_from([OWN, ANN, BEN, CYD, DAN])
LISTED = st.builds(Listed, KEYS, st.integers(0, EVERYTHING).map(Scope), st.sampled_from([0, NOW - 1, NOW + 5, NOW + 9]))
ROSTERS = st.dictionaries(KEYS, st.lists(LISTED, max_size=4).map(tuple), max_size=5).map(
    lambda lists: {key: Roster(key, 1, members) for key, members in lists.items()}
)
OUT = st.dictionaries(KEYS, st.frozensets(KEYS, max_size=3), max_size=5)


def all_of(key):
    return Listed(key, EVERYTHING, 0)


def chain(length):
    keys = [number.to_bytes(32) for number in range(1, length + 1)]
    return keys, {one: Roster(one, 1, (all_of(other),)) for one, other in pairwise(keys)}


@given(st.lists(LISTED, max_size=3), st.lists(LISTED, max_size=3), ROSTERS, OUT)
def test_rights_and_dates_only_shrink_from_step_to_step(beside, invited, rosters, out):
    found = standing(OWN, beside, invited, rosters, out, NOW)
    assert next(iter(found)) == OWN
    for key, one in found.items():
        if key != OWN:
            giver = found[one.via]
            assert giver.steps < one.steps <= MAX_INVITATION_STEPS
            assert Scope.INVITE in giver.scope
            assert not one.until or one.until > NOW
            assert key not in out.get(OWN, ())


@given(st.lists(LISTED, max_size=4), st.lists(LISTED, max_size=4), ROSTERS, OUT)
def test_the_order_of_lists_does_not_matter(beside, invited, rosters, out):
    backwards = dict(reversed(rosters.items()))
    assert standing(OWN, beside, invited, rosters, out, NOW) == standing(OWN, beside[::-1], invited[::-1], backwards, out, NOW)


@given(st.lists(LISTED, max_size=4), ROSTERS, OUT)
def test_whoever_is_shut_out_by_an_earlier_step_is_not_in(beside, rosters, out):
    found = standing(OWN, beside, (), rosters, out, NOW)
    for key, one in found.items():
        nearer = [issuer for issuer, other in found.items() if other.steps < one.steps and Scope.INVITE in other.scope]
        assert not any(key in out.get(issuer, ()) for issuer in nearer)


def test_nobody_shuts_out_who_stands_nearer_or_beside():
    rosters = {ANN: Roster(ANN, 1, (all_of(CYD),))}
    out = {ANN: frozenset({OWN, BEN}), CYD: frozenset({ANN, BEN, OWN})}
    assert standing(OWN, [all_of(ANN), all_of(BEN)], (), rosters, out, NOW).keys() == {OWN, ANN, BEN, CYD}


def test_two_who_let_somebody_in_add_up():
    rosters = {
        ANN: Roster(ANN, 1, (Listed(CYD, Scope.LINK, NOW + 5),)),
        BEN: Roster(BEN, 1, (Listed(CYD, Scope.STATUS, NOW + 9),)),
    }
    cyd = standing(OWN, [all_of(ANN), all_of(BEN)], (), rosters, {}, NOW)[CYD]
    assert (cyd.scope, cyd.until) == (Scope.LINK | Scope.STATUS, NOW + 9)


def test_without_the_right_to_invite_a_roster_is_nothing():
    rosters = {ANN: Roster(ANN, 1, (all_of(BEN),))}
    assert BEN not in standing(OWN, [Listed(ANN, ORDINARY, 0)], (), rosters, {}, NOW)


def test_a_chain_of_invitations_ends():
    keys, rosters = chain(MAX_INVITATION_STEPS + 3)
    found = standing(OWN, [all_of(keys[0])], (), rosters, {}, NOW)
    assert len(found) == 1 + MAX_INVITATION_STEPS


def test_a_federation_has_as_many_members_as_it_may():
    many = [all_of(b"%032d" % number) for number in range(MAX_FEDERATION + 9)]
    found = standing(OWN, [], many, {}, {}, NOW)
    assert len(found) == MAX_FEDERATION + 1
    assert found.keys() == standing(OWN, [], many[::-1], {}, {}, NOW).keys()


VERSIONS = st.dictionaries(KEYS, st.tuples(st.integers(0, 4), st.lists(LISTED, max_size=2, unique_by=lambda one: one.key)), max_size=4).map(
    lambda lists: {key: Roster(key, version, tuple(sorted(members, key=lambda one: one.key))) for key, (version, members) in lists.items()}
)


@given(VERSIONS, VERSIONS, VERSIONS)
def test_rosters_merge_in_any_order(left, middle, right):
    assert merge(left, right) == merge(right, left)
    assert merge(merge(left, middle), right) == merge(left, merge(middle, right))
    assert merge(left, left) == left
