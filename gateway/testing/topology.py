"""Who can hear whom: pairs of names, and places on a field."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import combinations, pairwise
from math import cos, hypot, pi, sin, sqrt
from random import Random

Position = tuple[float, float]
"""Metres east and north of somewhere."""

Pair = tuple[str, str]

GOLDEN_ANGLE = pi * (3 - sqrt(5))  # radians; places on a spiral at this angle never line up


WELCOMES = 2  # links a newcomer gets from phones that have as many as they want


def chain(names: Sequence[str]) -> Iterator[Pair]:
    """Each hears the one before and the one after."""
    return pairwise(names)


def ring(names: Sequence[str]) -> Iterator[Pair]:
    """A chain whose ends hear each other."""
    yield from pairwise(names)
    if len(names) > 2:
        yield names[-1], names[0]


def clique(names: Sequence[str]) -> Iterator[Pair]:
    """Everybody hears everybody."""
    return combinations(names, 2)


def star(centre: str, names: Sequence[str]) -> Iterator[Pair]:
    """Everybody hears the centre alone."""
    return ((centre, name) for name in names)


def spiral(names: Sequence[str], spacing: float) -> dict[str, Position]:
    """Places around the origin at even density: about one name per ``pi * spacing**2`` square metres."""
    return {
        name: (spacing * sqrt(n) * cos(n * GOLDEN_ANGLE), spacing * sqrt(n) * sin(n * GOLDEN_ANGLE))
        for n, name in enumerate(names, start=1)
    }


def crowd(names: Sequence[str], rng: Random, width: float, height: float) -> dict[str, Position]:
    """Places drawn evenly over a field of `width` by `height` metres."""
    return {name: (rng.random() * width, rng.random() * height) for name in names}


def pairs_in_range(
    positions: Mapping[str, Position],
    radius: float,
    *,
    max_links: int | None = None,
    keep: AbstractSet[Pair] = frozenset(),
    rng: Random | None = None,
    hubs: AbstractSet[str] = frozenset(),
) -> set[Pair]:
    """The pairs at most `radius` metres apart, each pair in alphabetical order.

    With `max_links` nobody goes beyond that by choice. Pairs in `keep` stay, the way a phone
    stays with the neighbours it has; then, with `rng`, whoever is met first, else the nearest.
    Who would be left alone among full ones is let in by `WELCOMES` of them all the same. A
    hub links with everybody in range, and that counts for nobody.
    """
    near = [
        (pair not in keep, distance if rng is None else rng.random(), pair) for pair, distance in sorted(_neighbours(positions, radius))
    ]
    if max_links is None:
        return {pair for _, _, pair in near}
    near.sort()
    links = dict.fromkeys(positions, 0)
    chosen: set[Pair] = set()
    for _, _, (a, b) in near:
        if a in hubs or b in hubs:
            chosen.add((a, b))
        elif (a, b) in keep or (links[a] < max_links and links[b] < max_links):
            links[a] += 1
            links[b] += 1
            chosen.add((a, b))
    alone = {name: WELCOMES for name, count in links.items() if not count and name not in hubs}
    for _, _, (a, b) in near:
        if (a, b) not in chosen and (alone.get(a) or alone.get(b)):
            chosen.add((a, b))
            for name in (a, b):
                if name in alone:
                    alone[name] -= 1
    return chosen


def _neighbours(positions: Mapping[str, Position], radius: float) -> Iterator[tuple[Pair, float]]:
    """The pairs in range with their distance; looks only at those whose squares of the map touch."""
    squares: dict[tuple[int, int], list[str]] = {}
    for name, (x, y) in positions.items():
        squares.setdefault((int(x // radius), int(y // radius)), []).append(name)
    for (column, row), here in squares.items():
        around = [name for right in (-1, 0, 1) for up in (-1, 0, 1) for name in squares.get((column + right, row + up), ())]
        for a in here:
            ax, ay = positions[a]
            for b in around:
                if a < b and (distance := hypot(ax - positions[b][0], ay - positions[b][1])) <= radius:
                    yield (a, b), distance


def islands(names: Sequence[str], pairs: Sequence[Pair]) -> list[set[str]]:
    """The groups of names that can reach one another over any number of hops, largest first."""
    neighbours: dict[str, set[str]] = {name: set() for name in names}
    for a, b in pairs:
        neighbours[a].add(b)
        neighbours[b].add(a)
    left = set(names)
    found = []
    while left:
        group: set[str] = set()
        frontier = {min(left)}
        while frontier:
            group |= frontier
            frontier = {other for name in frontier for other in neighbours[name]} - group
        found.append(group)
        left -= group
    return sorted(found, key=lambda group: (-len(group), min(group)))
