"""Geohash cells and their neighbours, against an independent way of finding them: through degrees."""

from random import Random

import pytest

from gateway.bridge.cells import is_cell, neighbors, surroundings

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
