"""Sets of cases that are scored as one, from the run to its tables and its comparison."""

from __future__ import annotations

import numpy as np
import pytest
from sets_family import ANSWERED, ERROR, FAILS, SIZES, Guess, Sets, SetsFamily, sets_plan
from synthetic import Calls

from benchmark.cli.tables import sampling_floors
from benchmark.contract import Prediction
from benchmark.report.entries import load_entries
from benchmark.runner import execute
from benchmark.statistics import compare, summarise

CASES = [case for group in Sets().groups for case in group.cases]


def test_a_set_has_one_row_a_metric_and_the_family_sees_all_of_it(tmp_path):
    family = SetsFamily()
    run = execute(sets_plan(tmp_path / "run", family=family))
    assert [(row.case, row.metric) for row in run.rows] == [
        (name, metric) for name in SIZES for metric in ("error", "answered")
    ]
    assert (run.group_ids, run.case_ids) == (list(SIZES), CASES)
    assert set(run.timings) == set(run.observations) == set(CASES)
    by_key = {(row.case, row.metric): row for row in run.rows}
    for name in SIZES:
        members = [case for case in CASES if case.split("/")[0] == name]
        answers = [run.prediction(case, family.outputs(None), None).parts["numbers"]
                   for case in members if case != FAILS]  # fmt: skip
        order = np.mean([CASES.index(case) for case in members])
        expected = np.abs(np.mean(answers, axis=0) - [order, 10 * order]).max()
        assert by_key[name, "error"].value == pytest.approx(expected)
        assert by_key[name, "answered"].value == len(answers)
    assert (by_key["first", "error"].subject, by_key["alone", "error"].subject) == ("several", "s1")
    assert (by_key["first", "error"].category, by_key["first", "error"].origin) == ("first", "real_subject")


def test_a_failed_member_is_told_to_the_family(tmp_path):
    def answer(request):
        if request.case_id == "first/1":
            raise RuntimeError
        return Guess().predict(request)

    family = SetsFamily()
    run = execute(sets_plan(tmp_path / "run", Calls(answer), family))
    assert family.told == [
        (["first/0", "first/1", "first/2"], ["first/0", "first/2"], {"first/1": "crashed"}),
        (["alone"], ["alone"], {}),
        (["second/0", "second/1"], ["second/1"], {FAILS: "wrong_type"}),
    ]
    assert [row.status for row in run.rows if row.metric == "error"] == ["crashed", "ok", "wrong_type"]
    assert run.timings["first/1"]["status"] == "crashed"


@pytest.mark.parametrize("stop", [1, 2, 3, 4, 5])
def test_members_that_were_answered_are_not_asked_again(tmp_path, stop):
    asked = []

    def interrupted(request):
        if len(asked) == stop:
            raise KeyboardInterrupt
        asked.append(request.case_id)
        return Guess().predict(request)

    with pytest.raises(KeyboardInterrupt):
        execute(sets_plan(tmp_path / "run", Calls(interrupted)))
    stop, family, before = 99, SetsFamily(), list(asked)
    run = execute(sets_plan(tmp_path / "run", Calls(interrupted), family))
    again = asked[len(before) :]
    assert [*before, *again] == CASES
    assert run.rows == execute(sets_plan(tmp_path / "whole")).rows
    assert execute(sets_plan(tmp_path / "run", Calls(interrupted))).rows == run.rows
    assert len(asked) == len(CASES)


@pytest.mark.parametrize(("limit", "names"), [(1, 1), (3, 1), (4, 2), (5, 2), (6, 3), (99, 3)])
def test_a_limit_takes_whole_sets_and_at_least_one(tmp_path, limit, names):
    assert execute(sets_plan(tmp_path / "run", limit=limit)).group_ids == list(SIZES)[:names]


def test_sets_are_summarised_compared_and_have_a_floor(tmp_path):
    def better(request):
        found = Sets().case(request.case_id).truth["numbers"]
        return Prediction({"numbers": found + 0.5})

    one, two = execute(sets_plan(tmp_path / "one")), execute(sets_plan(tmp_path / "two", Calls(better)))
    error, answered = summarise(two.rows)
    assert (error.macro.value, error.expected, error.scored) == (pytest.approx(0.5), 3, 3)
    assert answered.categories == {"first": 3, "alone": 1, "second": 2}
    differences = {each.metric: each for each in compare(two, one)}
    by_hand = np.mean([0.5 - row.value for row in one.rows if row.metric == "error"])
    assert differences["error"].difference.value == pytest.approx(by_hand)
    assert differences["error"].cases == 3
    assert sampling_floors(one) == {ERROR.signature: pytest.approx((0.3 + 0.1 + 0.2) / 3)}


def test_the_report_says_of_a_set_what_happened_to_its_cases(tmp_path):
    run = execute(sets_plan(tmp_path / "run"))
    (entry,) = load_entries([run.path])
    assert [entry.status(name) for name in SIZES] == ["ok", "ok", "wrong_type"]
    assert entry.done(ERROR.signature) == (3, 1)
    assert entry.done(ANSWERED.signature) == (3, 0)
    assert entry.mean("first", ANSWERED.signature) == 3
