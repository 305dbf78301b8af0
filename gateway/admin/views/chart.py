"""Charts: an area and a line over time, zero at the bottom, the values written where they are, and the same as a table behind a toggle."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Final

from gateway.admin.views.markup import Markup, h
from gateway.admin.views.parts import Column, more, table
from gateway.admin.views.words import Words

WIDTH: Final = 560
HEIGHT: Final = 72
MAX_POINTS: Final = 240  # drawn; more are thinned to the largest of each stretch
_GAP: Final = 3  # steps without a figure, from which on a line is broken
_ROWS: Final = 12  # of the table


@dataclass(frozen=True, slots=True)
class Series:
    """What is drawn.

    Args:
        title: what it is, with its unit.
        points: seconds of some clock and values from zero up, oldest first.
        step_s: seconds between two of them; where they are much further apart nothing is known, and nothing is drawn.

    """

    title: str
    points: Sequence[tuple[float, float]]
    step_s: float = inf


def chart(series: Series, words: Words, key: str) -> Markup:
    """Return a chart; with fewer than two points it says that it is waiting for them."""
    points = thinned(series.points, MAX_POINTS)
    if len(points) < 2:
        return h("figure.chart", h("figcaption", series.title), h("p.empty", words("chart.waiting")))
    first, last = points[0][0], points[-1][0]
    most = max(value for _, value in points)
    top = max(most, 1.0)
    places = [(WIDTH * (at - first) / (last - first), HEIGHT - (HEIGHT - 2) * value / top) for at, value in points]
    wide = max(_GAP * series.step_s, _GAP * (last - first) / MAX_POINTS) * WIDTH / (last - first)
    runs = _runs(places, wide)
    span = words.span(last - first)
    said = words("chart.said", title=series.title, now=figure(points[-1][1]), most=figure(most), span=span)
    drawn = h(
        "svg",
        [h("polygon.area", points=f"{run[0][0]:.1f},{HEIGHT} {_line(run)} {run[-1][0]:.1f},{HEIGHT}") for run in runs],
        [h("polyline.line", points=_line(run)) for run in runs],
        h("line.axis", x1=0, y1=HEIGHT, x2=WIDTH, y2=HEIGHT),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=said,
    )
    above = h("p.ends", h("span", words("chart.most", most=figure(most))), h("span", words("chart.now", now=figure(points[-1][1]))))
    below = h("p.ends.faint", h("span", words("unit.ago", span=span)), h("span", words("unit.now")))
    rows = [(words.ago(last - at), figure(value)) for at, value in reversed(thinned(points, _ROWS))]
    columns = (Column(words("chart.when")), Column(series.title, number=True))
    return h(
        "figure.chart",
        h("figcaption", series.title),
        above,
        drawn,
        below,
        more(words("chart.table"), table(series.title, columns, rows, ""), key=key),
    )


def figure(value: float) -> str:
    """Return a value as people write it: at most two places after the point, and thin spaces between thousands."""
    return f"{value:,.2f}".rstrip("0").rstrip(".").replace(",", "\u202f")


def _line(run: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in run)


def _runs(places: Sequence[tuple[float, float]], wide: float) -> list[list[tuple[float, float]]]:
    """Return stretches without a gap that is that wide."""
    runs = [[places[0]]]
    for before, place in pairwise(places):
        if place[0] - before[0] > wide:
            runs.append([])
        runs[-1].append(place)
    return runs


def thinned(points: Sequence[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    """Return at most so many points: of each stretch the largest, and always the last one."""
    if len(points) <= most:
        return list(points)
    step = len(points) / (most - 1)
    kept = [max(points[int(step * n) : max(int(step * (n + 1)), int(step * n) + 1)], key=lambda one: one[1]) for n in range(most - 1)]
    return [*kept, points[-1]] if kept[-1] != points[-1] else kept
