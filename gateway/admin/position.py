"""Understands how people write a place: decimal degrees, degrees with minutes and seconds, geo: addresses, and geohashes."""

import re
from typing import Final

from gateway.bridge.cells import CELL_LENGTH, cell_of
from gateway.limits import MAX_GEOHASH
from gateway.wire.fields import is_geohash

MAX_POSITION: Final = 100  # characters somebody may write

_NUMBER: Final = r"[0-9]{1,3}(?:[.,][0-9]{1,20})?"
_DECIMAL: Final = re.compile(r"(?P<lat>[+-]?[0-9]{1,3}(?:\.[0-9]{1,20})?)\s*[,;\s]\s*(?P<lon>[+-]?[0-9]{1,3}(?:\.[0-9]{1,20})?)", re.ASCII)
_COMMAS: Final = re.compile(r"(?P<lat>[+-]?[0-9]{1,3},[0-9]{1,20})\s*[;\s]\s*(?P<lon>[+-]?[0-9]{1,3},[0-9]{1,20})", re.ASCII)
_GEO: Final = re.compile(
    r"geo:(?P<lat>-?[0-9]{1,2}(?:\.[0-9]{1,20})?),(?P<lon>-?[0-9]{1,3}(?:\.[0-9]{1,20})?)(?:[,;?].*)?", re.ASCII | re.IGNORECASE
)
_SIXTY: Final = 60
_QUOTES: Final = str.maketrans(
    {
        "\N{PRIME}": "'",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{DOUBLE PRIME}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    }
)
"""How maps and keyboards write minutes and seconds."""


def _angle(which: str) -> str:
    minutes, seconds = rf"(?P<{which}_m>{_NUMBER})\s*'\s*", rf"(?P<{which}_s>{_NUMBER})\s*(?:\"|'')\s*"
    return rf"(?P<{which}_d>{_NUMBER})\s*[°º]?\s*(?:{minutes})?(?:{seconds})?"


_BEHIND: Final = re.compile(rf"{_angle('lat')}\s*(?P<ns>[NS])\s*[,;]?\s*{_angle('lon')}\s*(?P<ew>[EW])", re.ASCII | re.IGNORECASE)
_BEFORE: Final = re.compile(rf"(?P<ns>[NS])\s*{_angle('lat')}\s*[,;]?\s*(?P<ew>[EW])\s*{_angle('lon')}", re.ASCII | re.IGNORECASE)


def cell_at(text: str) -> str:
    """Return the geohash cell of six characters for a place as somebody has written it.

    Args:
        text: such as ``48.2, 16.37``, ``48°12'30"N 16°22'23"E``, ``geo:48.2,16.37`` or ``u2edk8``.

    Raises:
        ValueError: it cannot be understood, or there is no such place.

    """
    text = text.strip().translate(_QUOTES)
    if len(text) > MAX_POSITION:
        raise ValueError("that is too long for a place")
    if len(text) >= CELL_LENGTH and is_geohash(text.lower(), MAX_GEOHASH):
        return text.lower()[:CELL_LENGTH]
    for form in (_GEO, _COMMAS, _DECIMAL):
        if found := form.fullmatch(text):
            return cell_of(float(found["lat"].replace(",", ".")), float(found["lon"].replace(",", ".")))
    for form in (_BEHIND, _BEFORE):
        if found := form.fullmatch(text):
            latitude, longitude = _degrees(found, "lat"), _degrees(found, "lon")
            return cell_of(-latitude if found["ns"] in "Ss" else latitude, -longitude if found["ew"] in "Ww" else longitude)
    raise ValueError("that is no place in a form that is understood")


def _degrees(found: re.Match[str], which: str) -> float:
    whole, minutes, seconds = (float((found[f"{which}_{part}"] or "0").replace(",", ".")) for part in "dms")
    if minutes >= _SIXTY or seconds >= _SIXTY:
        raise ValueError("a degree has sixty minutes, and a minute sixty seconds")
    return whole + minutes / _SIXTY + seconds / _SIXTY**2
