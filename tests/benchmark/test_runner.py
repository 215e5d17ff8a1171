"""The runner in one process: isolation of cases, bad predictions, resume, order."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from synthetic import Calls, Ellipsoids, Wobbly, make_ellipsoid, make_plan

from benchmark.contract import Prediction
from benchmark.errors import RunError
from benchmark.records import load_run
from benchmark.records.predictions import prediction_path
from benchmark.runner import execute
from benchmark.tasks import family_of, find_task

GOOD = Prediction({"shape": make_ellipsoid()})
ALL = ("overlap", "genmed", "dense")


def contents(folder):
    names = ("cases.jsonl", "observations.jsonl")
    files = {name: (folder / name).read_bytes() for name in names}
    return files | {path.name: path.read_bytes() for path in sorted((folder / "predictions").iterdir())}


class Oracle:
    def reveal(self, case):
        return Prediction(case.truth)

    def predict(self, request):
        return Prediction({"shape": make_ellipsoid((5, 5, 5))})


def test_the_oracle_is_perfect_on_every_task(tmp_path):
    for task in ("oneplane", "broken"):
        plan = make_plan(tmp_path / task, Oracle(), 1, task, profiles=ALL, sees_truth=True)
        run = execute(plan)
        assert {(row.metric, row.value) for row in run.rows if "dice" not in row.metric} == {
            ("cd", 0.0), ("uhd", 0.0), ("hd95", 0.0)
        }  # fmt: skip
        assert {row.value for row in run.rows if "dice" in row.metric} == {1.0}
        assert {row.status for row in run.rows} == {"ok"}


def test_the_truth_is_shown_only_to_a_declared_control(tmp_path):
    run = execute(make_plan(tmp_path / "run", Oracle(), 1))
    assert all(row.value < 0.5 for row in run.rows if row.metric == "dice")


def test_same_plan_same_bytes_and_rows_in_case_order(tmp_path):
    first, second = (execute(make_plan(tmp_path / name)) for name in ("one", "two"))
    assert contents(first.path) == contents(second.path)
    assert list(dict.fromkeys(row.case for row in first.rows)) == list(Ellipsoids(6).ids)
    assert set(first.timings) == set(Ellipsoids(6).ids)


def test_scores_are_those_of_the_stored_prediction(tmp_path):
    family, task = family_of(find_task("oneplane")), find_task("oneplane")
    run = execute(make_plan(tmp_path / "run", count=2, profiles=ALL))
    for case_id in run.case_ids:
        case = Ellipsoids().case(case_id)
        expected = [(metric.name, metric.signature) for metric in family.expected(task, [case])]
        assert [(row.metric, row.signature) for row in run.rows if row.case == case_id] == expected
        stored = run.prediction(case_id, family.outputs(task), case.grid)
        recomputed = [score.value for score in family.score(task, [case], {case_id: stored}, {})]
        assert recomputed == [row.value for row in run.rows if row.case == case_id]


def test_another_seed_draws_otherwise_but_observes_the_same(tmp_path):
    first = execute(make_plan(tmp_path / "one", count=2, task="broken"))
    second = execute(make_plan(tmp_path / "two", count=2, task="broken", seed=1))
    assert first.observations == second.observations
    assert [row.value for row in first.rows] != [row.value for row in second.rows]


def test_a_method_that_forgets_its_seed_still_does_not_depend_on_the_order(tmp_path):
    def forgetful(request):
        return Prediction({"shape": make_ellipsoid(tuple((12 + 10 * torch.rand(3)).tolist()))})

    whole = execute(make_plan(tmp_path / "whole", Calls(forgetful), 3))
    execute(make_plan(tmp_path / "first", Calls(forgetful), 3, limit=2))
    torch.rand(7)
    part = load_run(tmp_path / "first")
    assert whole.rows[: len(part.rows)] == part.rows


def test_what_a_method_does_to_its_request_stays_there(tmp_path):
    def vandal(request):
        request.observation.value[:] = 1
        request.observation.mask[:] = False
        request.observation.parameters.clear()
        return GOOD

    honest = execute(make_plan(tmp_path / "honest", Calls(lambda request: GOOD), 2))
    assert execute(make_plan(tmp_path / "vandal", Calls(vandal), 2)).rows == honest.rows


def test_the_request_carries_no_truth(tmp_path):
    seen = []
    execute(make_plan(tmp_path / "run", Calls(lambda request: seen.append(request) or GOOD), 1))
    (request,) = seen
    assert {field.name for field in dataclasses.fields(request)} == {
        "case_id", "category", "text", "grid", "observations", "outputs", "seed"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda request: 1 / 0, "crashed"),
        (lambda request: None, "wrong_type"),
        (lambda request: Prediction({"shape": np.zeros((2, 2, 2))}), "wrong_shape"),
        (lambda request: Prediction({"shape": GOOD.parts["shape"] * np.nan}), "not_finite"),
        (lambda request: Prediction({"shape": np.ones((64, 64, 64), np.float32)}), "empty"),
    ],
)
def test_a_failed_case_scores_worst_with_a_reason_and_the_run_goes_on(tmp_path, answer, reason):
    bad = Ellipsoids(3).ids[1]
    run = execute(
        make_plan(
            tmp_path / "run",
            Calls(lambda request: answer(request) if request.case_id == bad else GOOD),
            3,
            profiles=ALL,
        )
    )
    assert {row.status for row in run.rows if row.case == bad} == {reason}
    assert {row.status for row in run.rows if row.case != bad} == {"ok"}
    worst = {row.metric: row.value for row in run.rows if row.case == bad and "dense" in row.signature}
    assert worst["hd95"] == pytest.approx(np.sqrt(3) * 64 * 100 / 32)
    assert {row.value for row in run.rows if row.case == bad and "dice" in row.metric} == {0.0}
    assert run.timings[bad]["status"] == reason
    assert not prediction_path(run.path, bad).exists()
    assert ("ZeroDivisionError" in (run.path / "errors.log").read_text()) if reason == "crashed" else True


def test_a_finished_run_asks_nothing_again(tmp_path):
    execute(make_plan(tmp_path / "run"))
    before = contents(tmp_path / "run")
    execute(make_plan(tmp_path / "run", Calls(lambda request: pytest.fail("asked again"))))
    assert contents(tmp_path / "run") == before


@pytest.mark.parametrize("stop", [0, 1, 4])
def test_an_interrupted_run_goes_on_to_the_same_bytes(tmp_path, stop):
    reference = contents(execute(make_plan(tmp_path / "reference")).path)

    class Interrupted(Wobbly):
        asked = 0

        def predict(self, request):
            self.asked += 1
            if self.asked > stop:
                raise KeyboardInterrupt
            return super().predict(request)

    with pytest.raises(KeyboardInterrupt):
        execute(make_plan(tmp_path / "run", Interrupted()))
    asked = []
    execute(make_plan(tmp_path / "run", Calls(lambda request: asked.append(request) or Wobbly().predict(request))))
    assert len(asked) == 6 - stop
    assert contents(tmp_path / "run") == reference


def test_a_case_that_failed_before_keeps_its_row_on_resume(tmp_path):
    execute(make_plan(tmp_path / "run", Calls(lambda request: None), 2))
    assert {row.status for row in execute(make_plan(tmp_path / "run", count=2)).rows} == {"wrong_type"}


def test_another_configuration_is_refused(tmp_path):
    execute(make_plan(tmp_path / "run", count=1))
    with pytest.raises(RunError, match="seed: 0 there, 1 now"):
        execute(make_plan(tmp_path / "run", count=1, seed=1))


def test_a_vanished_prediction_is_noticed(tmp_path):
    run = execute(make_plan(tmp_path / "run", count=2))
    prediction_path(run.path, run.case_ids[0]).unlink()
    with pytest.raises(RunError, match="prediction of case/0 é is gone"):
        execute(make_plan(tmp_path / "run", count=2))


def test_provenance_says_where_a_result_comes_from(tmp_path):
    run = execute(make_plan(tmp_path / "run", count=1))
    record = json.loads((run.path / "run.json").read_text())
    assert record["toolkit"]["version"] not in ("", "absent")
    assert {"commit", "dirty"} <= record["toolkit"].keys()
    assert record["hardware"]["cores"] >= 1
    assert len(record["configuration_sha256"]) == 64
    assert len(run.observations[run.case_ids[0]]["sha256"]) == 64
    assert run.timings[run.case_ids[0]]["peak_rss_mib"] > 10
