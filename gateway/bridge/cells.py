"""Geohash cells: the squares of the map by which islands of one place find each other.

A geohash interleaves the bits of longitude and latitude, longitude first, five to a
character. The cell of a bridge has six characters: 15 bits each, about 1.2 km by 0.6 km
at the equator, and narrower the farther from it.
"""

from itertools import product
from typing import Final, NamedTuple

from gateway.limits import MAX_GEOHASH
from gateway.wire.fields import is_geohash

CELL_LENGTH: Final = 6

_ALPHABET: Final = "0123456789bcdefghjkmnpqrstuvwxyz"
_AXIS: Final = CELL_LENGTH * 5 // 2  # bits of each coordinate
_END: Final = 1 << _AXIS


class Bounds(NamedTuple):
    """The edges of a cell, in degrees; north and east are positive."""

    south: float
    west: float
    north: float
    east: float


def cell_of(latitude: float, longitude: float) -> str:
    """Return the cell of six characters a place is in.

    Args:
        latitude: degrees, -90 to 90, north is positive.
        longitude: degrees, -180 to 180, east is positive.

    Raises:
        ValueError: there is no such place.

    """
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ValueError(f"there is no place at {latitude}, {longitude}")
    east, north = int((longitude + 180) / 360 * _END), int((latitude + 90) / 180 * _END)
    return _cell(east % _END, min(north, _END - 1))


def bounds(geohash: str) -> Bounds:
    """Return the edges of a cell of any size up to twelve characters, the whole world for none; raises `ValueError` for what is none."""
    if geohash and not is_geohash(geohash, MAX_GEOHASH):
        raise ValueError(f"{geohash!r} is no geohash")
    bits = "".join(f"{_ALPHABET.index(character):05b}" for character in geohash)
    west, width = _side(bits[0::2], 360.0)
    south, height = _side(bits[1::2], 180.0)
    return Bounds(south - 90, west - 180, south - 90 + height, west - 180 + width)


def parts(geohash: str) -> tuple[str, ...]:
    """Return the 32 cells a cell consists of, in the order of their names."""
    return tuple(geohash + letter for letter in _ALPHABET)


def is_cell(text: str) -> bool:
    """Tell whether this is the cell of a bridge: a geohash of exactly six characters."""
    return len(text) == CELL_LENGTH and is_geohash(text, CELL_LENGTH)


def neighbors(cell: str) -> tuple[str, ...]:
    """Return the cells around one: eight, or five where it touches a pole.

    The map closes in the east and in the west.

    Raises:
        ValueError: this is no cell.

    """
    east, north = _place(cell)
    around = [step for step in product((-1, 0, 1), repeat=2) if step != (0, 0)]
    return tuple(_cell((east + dx) % _END, north + dy) for dx, dy in around if 0 <= north + dy < _END)


def surroundings(cell: str) -> frozenset[str]:
    """Return a cell and its neighbours; raises `ValueError` for what is no cell."""
    return frozenset((cell, *neighbors(cell)))


def _side(bits: str, whole: float) -> tuple[float, float]:
    """Return where a side begins and how long it is, out of a whole."""
    length = whole / (1 << len(bits))
    return int(bits or "0", 2) * length, length


def _place(cell: str) -> tuple[int, int]:
    if not is_cell(cell):
        raise ValueError(f"{cell!r} is no cell of {CELL_LENGTH} characters")
    bits = "".join(f"{_ALPHABET.index(character):05b}" for character in cell)
    return int(bits[0::2], 2), int(bits[1::2], 2)


def _cell(east: int, north: int) -> str:
    pairs = zip(f"{east:0{_AXIS}b}", f"{north:0{_AXIS}b}", strict=True)
    bits = "".join(a + b for a, b in pairs)
    return "".join(_ALPHABET[int(bits[at : at + 5], 2)] for at in range(0, len(bits), 5))
