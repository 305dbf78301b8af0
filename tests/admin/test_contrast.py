"""The colours of the pages, measured as WCAG 2.2 does (1.4.3, 1.4.11), in both themes."""

import re

import pytest

from gateway.admin.assets import assets

STYLE = assets()["page.css"].body.decode()
BLOCKS = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
LIGHT = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", BLOCKS[0]))
DARK = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", BLOCKS[1]))
GROUNDS = ("ground", "raised", "sunk")
TEXTS = [(ink, ground) for ink in ("ink", "quiet", "accent", "good", "attention", "broken") for ground in GROUNDS]
TEXTS += [("on-accent", "accent"), ("on-broken", "broken"), ("accent", "tint")]


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_measure_is_that_of_the_standard() -> None:
    assert round(contrast("#000000", "#ffffff"), 1) == 21.0
    assert round(contrast("#767676", "#ffffff"), 2) == 4.54


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXTS)
def test_text_stands_out_from_what_is_behind_it(theme, ink, ground) -> None:
    assert contrast(theme[ink], theme[ground]) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", GROUNDS)
def test_the_edge_of_a_field_can_be_seen(theme, ground) -> None:
    assert contrast(theme["edge"], theme[ground]) >= 3.0


def test_both_themes_have_every_colour_and_no_other_place_has_one() -> None:
    assert set(LIGHT) == set(DARK)
    rest = STYLE.replace(BLOCKS[0], "").replace(BLOCKS[1], "")
    assert set(re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[ ;])", rest)) <= {"#fff", "#000"}  # paper: a QR code, and what is printed
