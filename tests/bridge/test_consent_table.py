"""The page about the consent bridge names a test for each of upstream's rules, and the tests are there."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
PAGE = TESTS.parent / "docs" / "protocol" / "consent-bridge.md"
SECTION = PAGE.read_text().partition("## 8. Rule by rule")[2]
ROWS = [line.strip().strip("|").split("|") for line in SECTION.splitlines() if line.startswith("| ") and "`test_" in line]


def defined() -> Counter[str]:
    """How often each test is defined, by its name."""
    names: Counter[str] = Counter()
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                names[node.name] += 1
    return names


DEFINED = defined()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip()[:60])
def test_the_tests_of_a_rule_exist(row: list[str]) -> None:
    rule, tests = row
    names = re.findall(r"`([^`]+)`", tests)
    assert rule.strip()
    assert names
    assert tests.replace("`", "").replace(",", " ").split() == names
    for name in names:
        assert DEFINED[name] == 1, name


def test_no_row_is_without_a_test() -> None:
    lines = [line for line in SECTION.splitlines() if line.startswith("| ")]
    headings = [line for line in lines if line.endswith("| test |")]
    assert len(lines) == len(ROWS) + len(headings)
    assert len(ROWS) > 40
