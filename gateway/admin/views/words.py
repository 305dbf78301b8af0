"""The texts of the pages in every language there is, and numbers, sizes and times in words.

A catalogue is a TOML file in `gateway/admin/texts`. A text has its values in braces. One that depends on a number is a table
with a text for each form the language has (CLDR's names: zero, one, two, few, many, other); `other` is always there, and `zero`
may be in any language.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any, Final

FORMS: Final = frozenset({"zero", "one", "two", "few", "many", "other"})
FIRST: Final = "en"
"""The language whose catalogue decides which texts there are."""


def _english(count: int) -> str:
    return "one" if count == 1 else "other"


def _arabic(count: int) -> str:
    if count <= 2:
        return ("zero", "one", "two")[count]
    rest = count % 100
    return "few" if 3 <= rest <= 10 else "many" if rest >= 11 else "other"


LANGUAGES: Final[Mapping[str, tuple[str, str, Callable[[int], str]]]] = {
    "en": ("English", "ltr", _english),
    "ar": ("العربية", "rtl", _arabic),
}
"""Of each language its own name, the direction of its writing, and the form of a word beside a number."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_KILO = 1000


@cache
def catalogue(language: str) -> Mapping[str, str | Mapping[str, str]]:
    """Return all texts of a language by their dotted names."""
    source = files("gateway.admin") / "texts" / f"{language}.toml"
    return dict(_flat(tomllib.loads(source.read_text(encoding="utf-8")), ""))


def _flat(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str | Mapping[str, str]]]:
    for key, value in table.items():
        if isinstance(value, str) or FORMS.issuperset(value):
            yield prefix + key, value
        else:
            yield from _flat(value, f"{prefix}{key}.")


def fields(text: str) -> set[str]:
    """Return the names of the values a text takes."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def language_of(accepted: str, chosen: str = "") -> str:
    """Return the language to write in.

    Args:
        accepted: the header ``Accept-Language``.
        chosen: what somebody chose on the page before, empty if nothing.

    """
    if chosen in LANGUAGES:
        return chosen
    wishes = []
    for place, part in enumerate(accepted[:200].split(",")):
        name, _, quality = part.partition(";q=")
        wishes.append((-_number(quality), place, name.strip().lower().partition("-")[0]))
    return next((name for weight, _, name in sorted(wishes) if name in LANGUAGES and weight < 0), FIRST)


def _number(quality: str) -> float:
    try:
        return float(quality) if quality else 1.0
    except ValueError:
        return 0.0


class Words:
    """Speaks one language.

    Args:
        language: a key of `LANGUAGES`.

    """

    def __init__(self, language: str = FIRST) -> None:
        self.language = language
        self.own_name, self.direction, self._form = LANGUAGES[language]
        self._texts = catalogue(language)

    def __call__(self, name: str, /, **values: object) -> str:
        """Return a text; `count` among the values chooses the form. Raises KeyError where there is no such text."""
        text = self._texts[name]
        if not isinstance(text, str):
            count = values["count"]
            assert isinstance(count, int)  # noqa: S101 -- a mistake of the caller's
            form = "zero" if count == 0 and "zero" in text else self._form(count)
            text = text.get(form, text["other"])
        return text.format_map(values)

    def has(self, name: str) -> bool:
        """Whether there is such a text."""
        return name in self._texts

    def size(self, count: int) -> str:
        """Return an amount of bytes."""
        if count < _KILO:
            return self("unit.bytes", count=count)
        if count < _KILO**2:
            return self("unit.kilobytes", amount=f"{count / _KILO:.1f}")
        return self("unit.megabytes", amount=f"{count / _KILO**2:.1f}")

    def span(self, seconds: float) -> str:
        """Return how long something takes or took, to one unit."""
        if seconds < _MINUTE:
            return self("unit.seconds", count=max(0, int(seconds)))
        if seconds < _HOUR:
            return self("unit.minutes", count=int(seconds / _MINUTE))
        if seconds < 2 * _DAY:
            return self("unit.hours", count=int(seconds / _HOUR))
        return self("unit.days", count=int(seconds / _DAY))

    def ago(self, seconds: float) -> str:
        """Return how long ago something was."""
        return self("unit.now") if seconds < 1 else self("unit.ago", span=self.span(seconds))
