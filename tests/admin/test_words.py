"""The catalogues: complete in every language, with the same values and the forms each language has."""

import re
from pathlib import Path

import pytest

from gateway.admin.views.words import FIRST, FORMS, LANGUAGES, Words, catalogue, fields, language_of

VIEWS = Path(__file__).parent.parent.parent / "gateway" / "admin"
NEEDED = {"en": {"other"}, "ar": {"other"}}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_has_every_text_with_the_same_values(language) -> None:
    first, texts = catalogue(FIRST), catalogue(language)
    assert set(texts) == set(first)
    for name, text in texts.items():
        forms = {"other": text} if isinstance(text, str) else text
        model = first[name]
        wanted = fields(model) if isinstance(model, str) else set().union(*map(fields, model.values()))
        assert set(forms) <= FORMS
        assert NEEDED[language] <= set(forms)
        for form in forms.values():
            assert form.strip()
            assert fields(form) <= wanted
        assert wanted - {"count"} <= set().union(*map(fields, forms.values()))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_can_be_said_of_any_number(language) -> None:
    words = Words(language)
    for name in catalogue(FIRST):
        for count in (0, 1, 2, 3, 11, 100, 101):
            values = dict.fromkeys(("span", "seconds", "amount", "word", "title", "now", "most", "size", "id", "wanted", "hours"), "x")
            ours = ("minutes", "least", "tall", "wide", "file", "of")
            places = dict.fromkeys((*ours, "value", "where", "left", "whole", "name", "symptom", "direct", "hops", "sites", "far"), "y")
            assert words(name, count=count, **values, **places)


def test_every_text_that_is_named_in_the_code_is_there() -> None:
    source = "\n".join(path.read_text() for path in [*(VIEWS / "views").glob("*.py"), VIEWS / "pages.py"])
    named = set(re.findall(r'words\(\s*"([\w.]+)"', source))
    assert len(named) > 100
    assert named <= set(catalogue(FIRST))


@pytest.mark.parametrize(
    ("accepted", "chosen", "language"),
    [
        ("", "", "en"),
        ("ar", "", "ar"),
        ("ar-EG,ar;q=0.9,en;q=0.8", "", "ar"),
        ("de,en;q=0.5,ar;q=0.9", "", "ar"),
        ("ar;q=0", "", "en"),
        ("ar;q=x", "", "en"),
        ("ar", "en", "en"),
        ("en", "xx", "en"),
        (",;;,q=" * 1000, "", "en"),
    ],
)
def test_the_language_is_the_one_somebody_chose_or_likes_best(accepted, chosen, language) -> None:
    assert language_of(accepted, chosen) == language


def test_numbers_are_said_as_each_language_says_them() -> None:
    assert [Words("en")("status.phones", count=count) for count in (0, 1, 5)] == ["No phone is near.", "1 phone near.", "5 phones near."]
    assert len({Words("ar")("status.phones", count=count) for count in (0, 1, 2, 3, 11)}) == 5
    assert Words().span(7200) == "2 h"
    assert Words().size(1_500) == "1.5 kB"
