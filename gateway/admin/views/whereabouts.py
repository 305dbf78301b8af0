"""A square of the map in words, and how to find one without a map: 32 parts of the world, 32 parts of one of these, and so on."""

from math import cos, radians
from typing import Final

from gateway.admin.views.markup import Markup, h
from gateway.admin.views.parts import card, more
from gateway.admin.views.words import Words
from gateway.bridge.cells import CELL_LENGTH, Bounds, bounds, is_cell, neighbors, parts
from gateway.limits import MAX_GEOHASH
from gateway.wire.fields import is_geohash

AT: Final = "at"
"""Stands behind the question mark: the square looked into."""
PICKER: Final = "picker"
"""Name of the links in the page."""

_DEGREE_KM: Final = 111.2  # of latitude, and of longitude at the equator
_DECIMALS: Final = (0, 0, 2, 2, 3, 3, 4)  # of an edge, by the length of the name: the smallest squares are half a hundredth of a degree
_ABOUT: Final = 3  # decimals of the middle: a hundred metres


def about(cell: str, words: Words) -> Markup | None:
    """Return a square of six characters in words: how large it is, where, and which ones are around it; None for what is no square."""
    if not is_cell(cell):
        return None
    edges = bounds(cell)
    tall, wide = size_km(edges)
    middle = f"{_degrees((edges.south + edges.north) / 2, 'S', 'N')}, {_degrees((edges.west + edges.east) / 2, 'W', 'E')}"
    around = [h("code", one, dir="ltr") for one in neighbors(cell)]
    return h(
        "div.square",
        h("p", h("code.whole", cell, dir="ltr"), " ", words("where.size", tall=f"{tall:.1f}", wide=f"{wide:.1f}")),
        h("p", words("where.middle"), " ", h("span", middle, dir="ltr")),
        h("p", words("where.around"), " ", [Markup(f"{one} ") for one in around]),
    )


def picker(path: str, chosen: str, at: str, words: Words) -> Markup:
    """Return the parts of a square as links that lead into them; `at` is the square, empty for the whole world.

    The smallest ones lead to `chosen`, a name in the page.
    """
    inside = at if not at or (len(at) < CELL_LENGTH and is_geohash(at, MAX_GEOHASH)) else ""
    ordered = sorted(parts(inside), key=lambda one: (-bounds(one).south, bounds(one).west))
    links = [
        h("li", h("a", h("code", one), _label(one), href=f"{path}?{AT}={one}#{chosen if is_cell(one) else PICKER}")) for one in ordered
    ]
    back = h("p", h("a", words("where.wider"), href=f"{path}?{AT}={inside[:-1]}#{PICKER}")) if inside else None
    step = words("where.step", count=len(inside) + 1, of=CELL_LENGTH)
    content = (
        h("p", words("where.about")),
        h("p", step),
        back,
        h("ul.squares.abreast" if len(inside) % 2 == 0 else "ul.squares", links, dir="ltr"),
    )
    return card(words("where.find"), *content, key=PICKER) if inside else more(words("where.find"), *content, key=PICKER)


def size_km(edges: Bounds) -> tuple[float, float]:
    """Return kilometres from south to north, and from west to east in the middle."""
    middle = radians((edges.south + edges.north) / 2)
    return (edges.north - edges.south) * _DEGREE_KM, (edges.east - edges.west) * _DEGREE_KM * cos(middle)


def _label(cell: str) -> Markup:
    """Return from where to where a square reaches, to as many decimals as tell it from its neighbours."""
    edges, places = bounds(cell), _DECIMALS[len(cell)]
    tall = _from_to(edges.south, edges.north, "S", "N", places)
    return h("small", tall, h("br"), _from_to(edges.west, edges.east, "W", "E", places))


def _from_to(low: float, high: float, below: str, above: str, places: int) -> str:
    return f"{_figure(low, places)}\N{EN DASH}{_figure(high, places)}° {below if high <= 0 else above}"


def _degrees(value: float, below: str, above: str) -> str:
    return f"{_figure(value, _ABOUT)}° {below if value < 0 else above}"


def _figure(value: float, places: int) -> str:
    """Return degrees without a sign: an edge of a square lies on the equator or the prime meridian, or the whole square on one side."""
    shown = f"{abs(value):.{places}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
