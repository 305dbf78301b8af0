"""The table of faults in docs/design/testing.md: every test it names is there, and every test of the seed's faults is in it."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "design" / "testing.md"
ROWS = re.findall(r"^\| .+ \| `(test_\w+\.py)` \| `(test_\w+)` \|$", PAGE.read_text(), re.MULTILINE)


def named_in(file: str) -> list[str]:
    return re.findall(r"^ *(?:async )?def (test_\w+)\(", (HERE / file).read_text(), re.MULTILINE)


def test_the_table_is_found() -> None:
    assert len(ROWS) > 40
    assert len(set(ROWS)) == len(ROWS)


@pytest.mark.parametrize(("file", "test"), ROWS, ids=[test for _, test in ROWS])
def test_a_test_that_the_table_names_is_there(file: str, test: str) -> None:
    assert test in named_in(file)


def test_every_fault_of_the_seed_that_is_tested_is_in_the_table() -> None:
    assert set(named_in("test_seed_faults.py")) == {test for file, test in ROWS if file == "test_seed_faults.py"}
