"""The line of every key and element."""

import tomllib

import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.positions import positions

EVERYTHING = '''\
# comment = 1
title = "a # b" # [not.a.table]
"quo\\"ted" . 'key' . bare = """
three "" lines \\""" ]
""""
literal = \'\'\'
[x]
y = 1\'\'\'\'\'
list = [ # [
  1, [2,
  3], {a = 1, b.c = "}"},
  "]",
]
empty = [[], {}]
[ table . "sub" ]
date = 1979-05-27T07:32:00Z
[[many]]
a = 1
[[many]]
[many.one]
a = 2
[[many.deep]]
[[many.deep]]
b = -1.5e3
'''


def paths(value, path=()):
    """Every path a document has, tables and elements included."""
    if path:
        yield path
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, element in below:
        yield from paths(element, (*path, name))


def test_every_form_of_toml_is_found_on_its_line():
    lines = positions(EVERYTHING)
    assert lines == {
        ("title",): 2,
        ('quo"ted',): 3,
        ('quo"ted', "key"): 3,
        ('quo"ted', "key", "bare"): 3,
        ("literal",): 6,
        ("list",): 9,
        ("list", 0): 10,
        ("list", 1): 10,
        ("list", 1, 0): 10,
        ("list", 1, 1): 11,
        ("list", 2): 11,
        ("list", 2, "a"): 11,
        ("list", 2, "b"): 11,
        ("list", 2, "b", "c"): 11,
        ("list", 3): 12,
        ("empty",): 14,
        ("empty", 0): 14,
        ("empty", 1): 14,
        ("table",): 15,
        ("table", "sub"): 15,
        ("table", "sub", "date"): 16,
        ("many",): 17,
        ("many", 0): 17,
        ("many", 0, "a"): 18,
        ("many", 1): 19,
        ("many", 1, "one"): 20,
        ("many", 1, "one", "a"): 21,
        ("many", 1, "deep"): 22,
        ("many", 1, "deep", 0): 22,
        ("many", 1, "deep", 1): 23,
        ("many", 1, "deep", 1, "b"): 24,
    }
    assert lines.keys() == set(paths(tomllib.loads(EVERYTHING)))


def test_windows_line_ends_count_once():
    assert positions("a = 1\r\n\r\nb = '''x\r\ny'''\r\nc = 3") == {("a",): 1, ("b",): 3, ("c",): 5}


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.datetimes() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(texts, values, max_size=5))
def test_every_path_of_any_document_has_a_line(document):
    text = tomlkit.dumps(document)
    lines = positions(text)
    assert lines.keys() == set(paths(tomllib.loads(text)))
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())
