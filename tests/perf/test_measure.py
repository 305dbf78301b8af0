"""The benchmark's own rules: what counts as missed, and what the caller sees of it."""

import json
import sys

import pytest

from tests.perf import __main__ as program
from tests.perf.measure import Bench, Budget, Row, heading, line


def row(value: float, budget: Budget | None, yards: float | None = None) -> Row:
    return Row("group", "what", value, "µs", yards=yards, budget=budget)


@pytest.mark.parametrize(
    ("value", "budget", "kept"),
    [(4.0, Budget(4, "x"), True), (4.1, Budget(4, "x"), False), (20_000, Budget(20_000, "/s", at_most=False), True), (1.0, None, None)],
)
def test_a_budget_is_kept_up_to_its_limit(value, budget, kept):
    assert row(value, budget).ok is kept


def test_a_lower_limit_is_missed_below_it():
    assert row(19_999, Budget(20_000, "/s", at_most=False)).ok is False


def test_a_budget_in_yards_looks_at_the_yards_alone():
    assert row(1e9, Budget(5, "Y"), yards=4.9).ok is True
    assert row(1e-9, Budget(5, "Y"), yards=5.1).ok is False


def test_a_budget_in_yards_is_missed_by_a_figure_without():
    assert row(1.0, Budget(5, "Y")).ok is False


def test_the_best_repeat_counts():
    sleeper = iter([20_000, *[10] * 100])
    bench = Bench(quick=True)
    bench.timed_fresh("what", lambda: next(sleeper), lambda steps: sum(range(steps)), inner=1)
    best = bench.rows[0].value
    slow = Bench(quick=True)
    slow.timed_fresh("what", lambda: 20_000, lambda steps: sum(range(steps)), inner=1)
    assert best < slow.rows[0].value / 10


def test_a_line_is_as_wide_as_the_heading():
    assert len(line(row(1.5, Budget(5, "Y"), yards=5.1))) == len(heading())


@pytest.mark.parametrize(("limit", "code"), [(1.0, 0), (0.5, 1)])
def test_the_exit_code_says_whether_a_budget_was_missed(limit, code, tmp_path, monkeypatch, capsys):
    def group(bench: Bench) -> None:
        bench.add("a figure", 1.0, "x", Budget(limit, "x"))

    monkeypatch.setattr(program, "GROUPS", {"only": group})
    monkeypatch.setattr(sys, "argv", ["perf", "--json", str(tmp_path / "new" / "bench.json")])
    assert program.main() == code
    rows = json.loads((tmp_path / "new" / "bench.json").read_text())["rows"]
    assert [(found["what"], found["ok"]) for found in rows if found["group"] == "only"] == [("a figure", not code)]
    assert ("MISSED: a figure" in capsys.readouterr().err) is bool(code)
