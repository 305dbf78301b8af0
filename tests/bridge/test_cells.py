"""Geohash cells and their neighbours, against an independent way of finding them: through degrees."""

from random import Random

import pytest

from gateway.bridge.cells import bounds, cell_of, is_cell, neighbors, parts, surroundings

ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz"


def geohash(longitude: float, latitude: float) -> str:
    """Halve the world again and again, as the geohash was defined."""
    spans = [[-180.0, 180.0], [-90.0, 90.0]]
    bits = []
    for index in range(30):
        span, value = spans[index % 2], (longitude, latitude)[index % 2]
        middle = sum(span) / 2
        bits.append(value >= middle)
        span[0 if value >= middle else 1] = middle
    return "".join(ALPHABET[int("".join(str(int(bit)) for bit in bits[at : at + 5]), 2)] for at in range(0, 30, 5))


def test_the_neighbours_are_those_one_step_away_in_degrees() -> None:
    rng = Random(8)
    wide, high = 360 / 2**15, 180 / 2**15
    for _ in range(200):
        longitude, latitude = rng.uniform(-179.9, 179.9), rng.uniform(-89.9, 89.9)
        around = {geohash(longitude + dx * wide, latitude + dy * high) for dx in (-1, 0, 1) for dy in (-1, 0, 1)}
        assert surroundings(geohash(longitude, latitude)) == around
        assert len(neighbors(geohash(longitude, latitude))) == 8


def test_neighbours_see_each_other() -> None:
    assert all("u4pruy" in neighbors(cell) for cell in neighbors("u4pruy"))


def test_the_map_closes_in_the_east_and_ends_at_the_poles() -> None:
    assert geohash(-179.999, 0.001) in neighbors(geohash(179.999, 0.001))
    assert len(neighbors(geohash(10.0, 89.999))) == len(neighbors(geohash(10.0, -89.999))) == 5


@pytest.mark.parametrize("text", ["", "u4pru", "u4pruyd", "u4prua", "u4prui", "u4prul", "u4pruo", "U4PRUY", "u4pru ", "u4prü1"])
def test_a_cell_has_six_characters_of_the_geohash_alphabet(text: str) -> None:
    assert not is_cell(text)
    with pytest.raises(ValueError, match="no cell"):
        neighbors(text)


def test_a_cell_is_a_cell() -> None:
    assert is_cell("u4pruy")


def test_a_place_is_in_the_cell_that_halving_the_world_leads_to_and_within_its_edges() -> None:
    rng = Random(9)
    for _ in range(200):
        longitude, latitude = rng.uniform(-180, 180), rng.uniform(-90, 90)
        cell = cell_of(latitude, longitude)
        assert cell == geohash(longitude, latitude)
        edges = bounds(cell)
        assert edges.south <= latitude < edges.north
        assert edges.west <= longitude < edges.east


@pytest.mark.parametrize(
    ("latitude", "longitude", "cell"), [(90, 0, "upbpbp"), (-90, -180, "000000"), (0, 180, "800000"), (0, 0, "s00000")]
)
def test_poles_and_the_far_meridian_are_in_a_cell_too(latitude: float, longitude: float, cell: str) -> None:
    assert cell_of(latitude, longitude) == cell


@pytest.mark.parametrize(("latitude", "longitude"), [(90.1, 0), (-91, 0), (0, 180.5), (0, -181), (float("nan"), 0), (0, float("inf"))])
def test_a_place_outside_the_world_is_none(latitude: float, longitude: float) -> None:
    with pytest.raises(ValueError, match="no place"):
        cell_of(latitude, longitude)


@pytest.mark.parametrize("whole", ["", "u", "u2", "u2edh"])
def test_a_cell_consists_of_32_that_cover_it_without_a_gap(whole: str) -> None:
    edges = bounds(whole)
    pieces = [bounds(one) for one in parts(whole)]
    assert len(set(pieces)) == 32
    area = sum((one.north - one.south) * (one.east - one.west) for one in pieces)
    assert area == pytest.approx((edges.north - edges.south) * (edges.east - edges.west))
    assert (min(one.south for one in pieces), max(one.east for one in pieces)) == (edges.south, edges.east)


def test_what_is_no_geohash_has_no_edges() -> None:
    for text in ("a", "U2", "u2edhwu2edhwu"):
        with pytest.raises(ValueError, match="no geohash"):
            bounds(text)
