"""Charts: true to their figures, also where there are none."""

import re
from datetime import UTC, datetime

import pytest

from gateway.admin.charts import UNITS, ChartDocument, ChartsDocument
from gateway.admin.route import Call
from gateway.admin.views.chart import HEIGHT, MAX_POINTS, WIDTH, Series, chart, figure, thinned
from gateway.admin.views.words import LANGUAGES, Words, catalogue
from tests.admin.visiting import NOW, Read, Visited

STEP = 300.0


def lines(series: Series) -> list[list[tuple[float, float]]]:
    found = re.findall(r'<polyline[^>]* points="([^"]*)"', chart(series, Words(), "key"))
    return [[tuple(map(float, place.split(","))) for place in one.split()] for one in found]  # type: ignore[misc]


def test_a_line_begins_at_the_left_ends_at_the_right_and_has_zero_at_the_bottom() -> None:
    ((first, *_, last),) = lines(Series("t", [(0.0, 0.0), (STEP, 5.0), (2 * STEP, 10.0)], STEP))
    assert first == (0.0, HEIGHT)
    assert last == (WIDTH, 2.0)


def test_where_nothing_was_noted_no_line_is_drawn() -> None:
    points = [*((n * STEP, 1.0) for n in range(10)), *((n * STEP, 1.0) for n in range(100, 110))]
    assert [len(one) for one in lines(Series("t", points, STEP))] == [10, 10]
    whole = [(n * STEP, 1.0) for n in range(288)]
    assert [len(one) for one in lines(Series("t", whole, STEP))] == [MAX_POINTS]  # a day is thinned, and has no gaps for that


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_points_are_said_to_be_too_few(count) -> None:
    text = chart(Series("t", [(0.0, 1.0)] * count, STEP), Words(), "key")
    assert "<svg" not in text
    assert "some minutes after the start" in text


def test_thinning_keeps_the_largest_of_each_stretch_and_the_last() -> None:
    points = [(float(n), 1000.0 if n == 777 else 0.0) for n in range(2_000)]
    kept = thinned(points, 100)
    assert len(kept) <= 100
    assert max(value for _, value in kept) == 1000.0
    assert kept[-1] == points[-1]


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.25, "0.25"), (47.0, "47"), (1_234_567.0, "1\u202f234\u202f567"), (100.0, "100"), (1.999, "2")]
)
def test_figures_are_written_as_people_write_them(value, text) -> None:
    assert figure(value) == text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_status_draws_every_chart_there_is_with_its_table(language) -> None:
    async def charts(_call: Call) -> ChartsDocument:
        points = tuple((datetime.fromtimestamp(NOW - STEP * n, UTC), 2_000_000.0 + n) for n in reversed(range(5)))
        return ChartsDocument(int(STEP), tuple(ChartDocument(name, unit, points) for name, unit in UNITS.items()))

    _, text, _ = await Visited(get_charts=charts).ask("/status", language=language)
    page = Read(text)
    for name in UNITS:
        title = catalogue(language)[f"chart.{name}"]
        assert isinstance(title, str)
        assert title in page.text
    assert text.count('class="chart"') == len(UNITS)
    assert len([one for tag, one in page.elements if tag == "details" and one.get("id") in UNITS]) == len(UNITS)
    assert "e+06" not in text
