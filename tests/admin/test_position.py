"""How people write a place, and what is none."""

import contextlib
from random import Random

import pytest

from gateway.admin.position import MAX_POSITION, cell_at
from gateway.bridge.cells import cell_of, is_cell

HERE = "u2edhw"


@pytest.mark.parametrize(
    "text",
    [
        "48.2, 16.37",
        " 48.2,16.37 ",
        "48.2 16.37",
        "48.2; 16.37",
        "+48.2, +16.37",
        "48,2 16,37",
        "48,2; 16,37",
        "geo:48.2,16.37",
        "geo:48.2,16.37,180;u=35",
        "GEO:48.2,16.37?z=19",
        "48\N{DEGREE SIGN}12'00\"N 16\N{DEGREE SIGN}22'12\"E",
        "48\N{DEGREE SIGN} 12\N{PRIME} 0\N{DOUBLE PRIME} N, 16\N{DEGREE SIGN} 22\N{PRIME} 12\N{DOUBLE PRIME} E",
        "48\N{DEGREE SIGN}12\N{RIGHT SINGLE QUOTATION MARK}0\N{RIGHT DOUBLE QUOTATION MARK}n 16\N{DEGREE SIGN}22'12''e",
        "48\N{DEGREE SIGN} 12.0' N 16\N{DEGREE SIGN} 22.2' E",
        "N 48.2\N{DEGREE SIGN} E 16.37\N{DEGREE SIGN}",
        "48.2N 16.37E",
        "u2edhw",
        "U2EDHW",
        "u2edhwxyz",
    ],
)
def test_a_place_is_understood_however_it_is_written(text: str) -> None:
    assert cell_at(text) == HERE


def test_south_and_west_are_understood_as_such() -> None:
    assert (
        cell_at("-33.86, -70.2")
        == cell_at("33.86S 70.2W")
        == cell_at("S33.86 W70.2")
        == cell_at("geo:-33.86,-70.2")
        == cell_of(-33.86, -70.2)
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "48.2",
        "Vienna",
        "u2edh",
        "u2ed,hw",
        "48.2, 216",
        "91, 0",
        "48\N{DEGREE SIGN}61'N 16\N{DEGREE SIGN}0'E",
        "geo:nan,nan",
        "1e3, 1e3",
        "\N{ARABIC-INDIC DIGIT FOUR}8.2, 16.37",
        "48.2, 16.37 <script>",
        "u2edhw" * 100,
        "48 " * MAX_POSITION,
        "(" * 50,
    ],
)
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"place|sixty"):
        cell_at(text)


def test_whatever_is_written_is_a_cell_or_refused() -> None:
    seed = 20
    rng = Random(seed)
    signs = "0123456789.,;+-NSEWgeo: '\"" + "\N{DEGREE SIGN}\N{PRIME}u2edhw"
    for _ in range(3_000):
        text = "".join(rng.choice(signs) for _ in range(rng.randrange(40)))
        with contextlib.suppress(ValueError):
            assert is_cell(cell_at(text)), (seed, text)
