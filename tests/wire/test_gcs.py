"""Golomb-coded sets: vectors, and no false negatives."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.gcs import GcsFilter, bucket, build, contains, hash63, values
from tests.wire.strategies import thorough
from tests.wire.vectors import load

BUILT = [v for v in load("gcs_filter") if "ids_newest_first" in v]
BAD = [v for v in load("gcs_filter") if "why" in v]

packet_ids = st.binary(min_size=16, max_size=16)


def of(vector: dict[str, Any]) -> GcsFilter:
    return GcsFilter(vector["p"], vector["m"], bytes.fromhex(vector["data"]))


def test_no_vector_is_left_out():
    assert len(BUILT) + len(BAD) == len(load("gcs_filter"))


@pytest.mark.parametrize("vector", BUILT, ids=lambda v: f"{len(v['ids_newest_first'])} in {v['max_bytes']}")
def test_a_filter_is_built_as_in_the_vector(vector: dict[str, Any]) -> None:
    ids = [bytes.fromhex(i) for i in vector["ids_newest_first"]]
    assert build(ids, vector["max_bytes"], vector["target_fpr"]) == (of(vector), vector["included_count"])


@pytest.mark.parametrize("vector", BUILT, ids=lambda v: f"{len(v['ids_newest_first'])} in {v['max_bytes']}")
def test_a_filter_is_read_as_in_the_vector(vector: dict[str, Any]) -> None:
    gcs = of(vector)
    ids = [bytes.fromhex(i) for i in vector["ids_newest_first"]]
    assert sorted(values(gcs)) == vector["decoded_sorted"]
    assert [bucket(i, gcs.m) for i in ids[: len(vector["buckets"])]] == vector["buckets"]
    assert all(contains(gcs, i) for i in ids[: vector["included_count"]])
    for probe in vector["absent_probe"]:
        packet_id = bytes.fromhex(probe["id"])
        assert bucket(packet_id, gcs.m) == probe["bucket"]
        assert contains(gcs, packet_id) is probe["maybe_present"]


@pytest.mark.parametrize("vector", BAD, ids=lambda v: v["why"])
def test_a_filter_that_says_nothing_is_empty(vector: dict[str, Any]) -> None:
    assert sorted(values(of(vector))) == vector["decoded_sorted"]


@thorough
@given(st.lists(packet_ids, max_size=80), st.integers(0, 120), st.floats(0, 1))
def test_no_packet_of_the_filter_is_ever_missed(ids, max_bytes, fpr):
    gcs, included = build(ids, max_bytes, fpr)
    assert len(gcs.data) <= max_bytes
    assert included <= len(ids)
    assert all(contains(gcs, packet_id) for packet_id in ids[:included])


@thorough
@given(st.integers(-1, 40), st.integers(0, 2**32 - 1), st.binary(max_size=200))
def test_any_filter_can_be_read(p, m, data):
    found = values(GcsFilter(p, m, data))
    assert all(0 < value < m for value in found)


def test_the_newest_are_kept_when_not_all_fit() -> None:
    rng = random.Random(7)
    ids = [rng.randbytes(16) for _ in range(1000)]
    gcs, included = build(ids, 400)
    assert 300 < included < 360
    assert all(contains(gcs, packet_id) for packet_id in ids[:included])
    assert sum(contains(gcs, packet_id) for packet_id in ids[included:]) < 30


def test_the_wanted_rate_of_false_positives_is_kept() -> None:
    rng = random.Random(8)
    gcs, _ = build([rng.randbytes(16) for _ in range(300)], 1024, 0.01)
    wrong = sum(contains(gcs, rng.randbytes(16)) for _ in range(20_000))
    assert 0 < wrong < 20_000 * 0.015


def test_the_same_packet_twice_takes_one_place() -> None:
    gcs, included = build([b"a" * 16, b"a" * 16], 400)
    assert (included, len(values(gcs))) == (2, 1)


def test_a_budget_of_nothing_holds_nothing() -> None:
    assert build([b"a" * 16], 0) == (GcsFilter(7, 1, b""), 0)
    assert build([b"a" * 16], 1, 1e-6) == (GcsFilter(20, 1, b""), 0)


@pytest.mark.parametrize("fpr", [0.25, 0.01, 1e-6])
def test_as_many_fit_as_the_estimate_says_however_they_fall(fpr: float) -> None:
    """The apps drop a tenth and try again when a filter is too long; their estimate leaves no such case."""
    rng = random.Random(9)
    for max_bytes in range(4, 60):
        ids = [rng.randbytes(16) for _ in range(200)]
        gcs, included = build(ids, max_bytes, fpr)
        assert included == min(200, 8 * max_bytes // (gcs.p + 2))
        assert len(gcs.data) <= max_bytes


def test_the_hash_has_63_bits() -> None:
    assert max(hash63(number.to_bytes(16)) for number in range(200)) < 2**63


def test_a_hostile_filter_of_full_size_is_read_in_bounded_work() -> None:
    found = values(GcsFilter(1, 2**32 - 1, bytes(1024)))
    assert len(found) == 8192 // 2
