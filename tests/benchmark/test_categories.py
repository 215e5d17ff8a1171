"""Several rows of one metric for a case, one a structure: recorded, averaged, compared, reported, none lost."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from synthetic import make_plan

from benchmark.errors import RunError
from benchmark.metrics.base import Score
from benchmark.records import load_run
from benchmark.report.build import render_report
from benchmark.report.entries import load_entries
from benchmark.report.selection import select_cases
from benchmark.report.summary import category_lanes, method_rows
from benchmark.runner import execute
from benchmark.statistics import compare, summarise
from benchmark.tasks.shape_completion.family import ShapeCompletion
from benchmark.tasks.shape_completion.profiles.overlap import DICE

STRUCTURES = ("liver", "spleen")


@dataclasses.dataclass(frozen=True)
class TwoStructures(ShapeCompletion):
    """Scores two structures a case; ``values[structure][case]`` are the scores."""

    values: dict = dataclasses.field(default_factory=dict, hash=False)

    def metrics(self, task=None):
        return (DICE,)

    def expected(self, task, cases):
        return [DICE, DICE]

    def score(self, task, cases, predictions, failures):
        (case,) = cases
        return [
            Score("dice", DICE.signature, self.values[name][case.id], failures.get(case.id, "ok"), name)
            for name in STRUCTURES
        ]

    def floor(self, task, cases):
        return []


def run_of(folder, seed, cases=6):
    """A run of two structures, with the values that were drawn for it as an array (structure, case)."""
    plan = make_plan(folder, count=cases)
    values = np.random.default_rng(seed).uniform(0.2, 0.9, size=(2, cases))
    family = TwoStructures(
        values={name: dict(zip(plan.case_ids, row, strict=True)) for name, row in zip(STRUCTURES, values, strict=True)}
    )
    return execute(dataclasses.replace(plan, family=family)), values


@pytest.fixture
def runs(tmp_path):
    return [run_of(tmp_path / f"run{seed}", seed) for seed in range(2)]


def test_rows_are_keyed_by_case_category_and_signature(runs):
    (run, values), _ = runs
    assert len({row.key for row in run.rows}) == len(run.rows) == 12
    found = [[row.value for row in run.rows if row.category == name] for name in STRUCTURES]
    np.testing.assert_array_equal(found, values)


def test_averages_are_over_structures(runs):
    (run, values), _ = runs
    (dice,) = summarise(run.rows)
    assert dice.macro.value == pytest.approx(values.mean())
    assert dice.categories == {name: pytest.approx(row.mean()) for name, row in zip(STRUCTURES, values, strict=True)}
    assert (dice.scored, dice.expected) == (12, 12)


def test_a_comparison_pairs_by_case_and_structure(runs):
    (one, first), (two, second) = runs
    (result,) = compare(one, two)
    assert result.difference.value == pytest.approx((first - second).mean())
    assert result.cases == 6
    # Subjects are resampled with both of their structures. Of three, one is drawn three times in 1 of 27 draws: the
    # interval is from the smallest to the largest mean of a subject.
    subjects = (first - second).reshape(2, 2, 3).mean(axis=(0, 1))
    found = (result.difference.low, result.difference.high)
    assert found == pytest.approx((subjects.min(), subjects.max()))


def test_a_structure_that_only_one_run_has_is_refused_whichever_comes_first(runs):
    (one, _), (two, _) = runs
    lacking = dataclasses.replace(two, rows=tuple(row for row in two.rows if row.key != two.rows[3].key))
    for pair in ((one, lacking), (lacking, one)):
        with pytest.raises(RunError, match=r"case/1 é has no dice of spleen in both"):
            compare(*pair)


def test_a_torn_case_is_done_again_with_all_its_structures(tmp_path):
    run, _ = run_of(tmp_path / "run", 0)
    path = run.path / "cases.jsonl"
    whole = path.read_text()
    path.write_text("".join(whole.splitlines(keepends=True)[:-1]))  # one structure of the last case is missing
    assert run_of(tmp_path / "run", 0)[0].rows == run.rows
    assert path.read_text() == whole


def test_the_report_counts_cases_and_shows_every_structure(runs):
    entries = load_entries([run.path for run, _ in runs])
    (line, _) = method_rows(entries, [DICE], entries[0])
    assert line.cells[0].value == pytest.approx(runs[0][1].mean())
    assert [(cell.text, cell.status) for cell in line.cells if "/" in cell.text] == [("6/6", "ok")]
    lanes = category_lanes(entries, DICE)
    assert [(lane.category, lane.method) for lane in lanes] == [
        (name, entry.label) for name in STRUCTURES for entry in entries
    ]
    assert sorted(lanes[0].values) == pytest.approx(sorted(runs[0][1][0]))
    html = render_report(entries, lambda _: pytest.fail("no case is shown"), limit_cases=0)
    for case, value in zip(runs[0][0].case_ids, runs[0][1].mean(axis=0), strict=True):
        assert f"{value:.3f}" in html.split('id="all-cases"')[1].split(case)[1].split("</tr>")[0]
    assert "liver, spleen" in html


def test_a_failed_case_counts_once_not_once_a_structure(runs):
    run, _ = runs[0]
    path = run.path / "cases.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows[:2]:
        row.update(value=0.0, status="crashed")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows[:8]))  # four of six cases
    entries = load_entries([run.path])
    (line,) = method_rows(entries, [DICE], entries[0])
    assert [(cell.text, cell.status) for cell in line.cells if "/" in cell.text] == [
        ("3/6", "1 failed (scored worst), 2 not run")
    ]
    assert len(load_run(run.path).rows) == 8


def frame(values):
    return pd.DataFrame([{"case": case, "category": category, "value": value}
                         for category, row in values.items() for case, value in row.items()])  # fmt: skip


def test_a_case_of_several_categories_is_chosen_once():
    rows = frame({"liver": {"p": 0.5, "q": 0.9, "r": 0.1}, "spleen": {"p": 0.6, "q": 0.2, "r": 0.8}})
    assert select_cases(rows, 1, higher_is_better=True) == ["p"]
    assert sorted(select_cases(rows, 2, higher_is_better=True)) == ["p", "r"]  # median of both, then liver's worst
    assert sorted(select_cases(rows, 9, higher_is_better=True)) == ["p", "q", "r"]


def test_the_worst_case_is_the_largest_where_less_is_better():
    rows = frame({"a": {"p": 3.0, "q": 1.0, "r": 2.0, "s": 9.0, "t": 0.0}})
    assert set(select_cases(rows, 2, higher_is_better=False)) == {"r", "s"}  # the median, then the worst
    assert set(select_cases(rows, 3, higher_is_better=False)) == {"r", "s", "t"}
    assert set(select_cases(rows, 2, higher_is_better=True)) == {"r", "t"}
    assert select_cases(rows, 9, higher_is_better=False) == ["s", "p", "r", "q", "t"]
    lost = frame({"a": {"p": 3.0, "q": None, "r": 2.0}})
    for better in (True, False):
        assert select_cases(lost, 9, higher_is_better=better)[0] == "q"


def test_categories_are_spread_from_hard_to_easy_in_the_metrics_direction():
    rows = frame({name: {name: value} for name, value in zip("abcde", (0.9, 0.1, 0.5, 0.3, 0.7), strict=True)})
    assert select_cases(rows, 1, higher_is_better=False) == ["a"]
    assert select_cases(rows, 1, higher_is_better=True) == ["b"]
