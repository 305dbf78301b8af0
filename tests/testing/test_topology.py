from itertools import combinations
from math import dist
from random import Random

from gateway.testing.topology import chain, clique, crowd, islands, pairs_in_range, ring, spiral, star


def test_shapes_have_the_pairs_their_names_promise():
    names = ["a", "b", "c", "d"]
    assert list(chain(names)) == [("a", "b"), ("b", "c"), ("c", "d")]
    assert list(ring(names)) == [("a", "b"), ("b", "c"), ("c", "d"), ("d", "a")]
    assert len(list(clique(names))) == 6
    assert list(star("hub", ["a", "b"])) == [("hub", "a"), ("hub", "b")]


def test_a_ring_of_two_is_one_pair():
    assert list(ring(["a", "b"])) == [("a", "b")]


def test_range_includes_its_edge():
    places = {"a": (0.0, 0.0), "b": (3.0, 4.0), "c": (3.0, 4.1)}
    assert pairs_in_range(places, 5.0) == {("a", "b"), ("b", "c")}


def test_no_pair_in_range_is_overlooked():
    places = crowd([f"p{n}" for n in range(100)], Random(4), 300.0, 300.0)
    places |= {f"m{n}": (-x, -y) for n, (x, y) in enumerate(places.values())}
    assert pairs_in_range(places, 40.0) == {(a, b) for a, b in combinations(sorted(places), 2) if dist(places[a], places[b]) <= 40.0}


def test_the_link_cap_prefers_kept_links_then_near_ones():
    places = {"hub": (0.0, 0.0), "n1": (1.0, 0.0), "n2": (0.0, 2.0), "n3": (-3.0, 0.0), "n4": (-4.0, 0.0)}
    assert {pair for pair in pairs_in_range(places, 10.0, max_links=2) if "hub" in pair} == {("hub", "n1"), ("hub", "n2")}
    assert ("hub", "n3") in pairs_in_range(places, 10.0, max_links=2, keep={("hub", "n3")})


def test_a_newcomer_among_full_ones_is_let_in_and_stays():
    places = {f"p{n}": (float(n), 0.0) for n in range(8)}
    full = pairs_in_range(places, 50.0, max_links=3, rng=Random(5))
    places["new"] = (4.0, 0.0)
    rng = Random(6)
    more = pairs_in_range(places, 50.0, max_links=3, keep=full, rng=rng)
    assert full < more
    assert 1 <= sum("new" in pair for pair in more) <= 3
    assert pairs_in_range(places, 50.0, max_links=3, keep=more, rng=rng) == more


def test_a_hub_links_with_everybody_in_range_at_nobodys_expense():
    names = [f"p{n}" for n in range(20)]
    places = {name: (float(n), 0.0) for n, name in enumerate(names)} | {"hub": (10.0, 0.0)}
    pairs = pairs_in_range(places, 50.0, max_links=4, rng=Random(1), hubs={"hub"})
    assert sum("hub" in pair for pair in pairs) == 20
    assert max(sum(name in pair and "hub" not in pair for pair in pairs) for name in names) == 4


def test_nobody_exceeds_the_link_cap_in_a_crowd():
    names = [f"p{n}" for n in range(120)]
    pairs = pairs_in_range(crowd(names, Random(3), 200.0, 200.0), 50.0, max_links=7)
    assert max(sum(name in pair for pair in pairs) for name in names) == 7


def test_a_spiral_of_phones_is_one_island_whose_centre_hears_a_handful():
    names = [f"p{n}" for n in range(60)]
    pairs = pairs_in_range(spiral(names, 30.0) | {"gateway": (0.0, 0.0)}, 80.0, max_links=8)
    assert islands([*names, "gateway"], list(pairs)) == [{*names, "gateway"}]
    assert 5 <= sum("gateway" in pair for pair in pairs) <= 8


def test_islands_come_largest_first():
    assert islands(["a", "b", "c", "d"], [("a", "d"), ("d", "c")]) == [{"a", "c", "d"}, {"b"}]
