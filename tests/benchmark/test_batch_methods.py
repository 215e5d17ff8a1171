"""Methods that answer many requests at once: any order, holes, being stopped, and what their work folder is for."""

from __future__ import annotations

import json

import pytest
from synthetic import Ellipsoids, Wobbly, make_ellipsoid, make_plan

from benchmark.contract import BatchMethod, Prediction
from benchmark.runner import WORK, execute

IDS = Ellipsoids(6).ids


class Batch:
    """Answers in an order of its own, with what its work folder holds; a request in ``holes`` stays unanswered."""

    def __init__(self, order=reversed, holes=(), reasons=None, stop=None):
        self.order, self.holes, self.reasons, self.stop = order, holes, reasons or {}, stop
        self.asked = []

    def predict_all(self, requests, workdir, on_prediction):
        workdir.mkdir(exist_ok=True)
        self.asked.append([request.case_id for request in requests])
        assert [requests[i].case_id for i in range(len(requests))] == self.asked[-1]
        assert [request.seed for request in requests[1:]] == [request.seed for request in list(requests)[1:]]
        for count, request in enumerate(self.order(list(requests))):
            if count == self.stop:
                raise KeyboardInterrupt
            if request.case_id in self.holes:
                continue
            answer = self.reasons.get(request.case_id) or Wobbly().predict(request)
            (workdir / str(IDS.index(request.case_id))).write_text("done")
            on_prediction(request.case_id, answer)


def contents(folder):
    files = {path.name: path.read_bytes() for path in sorted((folder / "predictions").iterdir())}
    return files | {name: (folder / name).read_bytes() for name in ("cases.jsonl", "observations.jsonl")}


@pytest.fixture
def reference(tmp_path):
    """What a method gives that is asked case by case."""
    return contents(execute(make_plan(tmp_path / "reference")).path)


@pytest.mark.parametrize("order", [iter, reversed, lambda requests: sorted(requests, key=lambda each: each.seed)])
def test_any_order_gives_the_bytes_of_case_by_case(tmp_path, reference, order):
    method = Batch(order)
    assert isinstance(method, BatchMethod)
    told = []
    execute(make_plan(tmp_path / "run", method), told.append)
    assert contents(tmp_path / "run") == reference
    assert [outcome.case for outcome in told] == IDS


def test_missing_and_refused_cases_score_worst_with_their_reason(tmp_path, reference):
    bad = Prediction({"shape": abs(make_ellipsoid())})
    method = Batch(holes=IDS[1:3], reasons={IDS[4]: "timed_out", IDS[5]: bad})
    run = execute(make_plan(tmp_path / "run", method))
    reasons = dict(zip(IDS, ("ok", "missing", "missing", "ok", "timed_out", "empty"), strict=True))
    assert {case: timing["status"] for case, timing in run.timings.items()} == reasons
    assert {(row.case, row.status) for row in run.rows} == set(reasons.items())
    assert {row.value for row in run.rows if row.status != "ok"} == {0.0}
    found = contents(run.path)
    assert len([name for name in found if name.endswith(".npz")]) == 2
    assert all(found[name] == reference[name] for name in found if name.endswith(".npz"))


def test_a_batch_that_is_stopped_goes_on_with_its_work_folder(tmp_path, reference):
    with pytest.raises(KeyboardInterrupt):
        execute(make_plan(tmp_path / "run", Batch(stop=4)))
    assert not (tmp_path / "run" / "cases.jsonl").exists()
    assert sorted(path.name for path in (tmp_path / "run" / WORK).iterdir()) == ["2", "3", "4", "5"]
    method = Batch()
    execute(make_plan(tmp_path / "run", method))
    assert method.asked == [IDS]
    assert contents(tmp_path / "run") == reference


def test_only_unfinished_cases_are_asked_and_a_finished_run_asks_nothing(tmp_path, reference):
    run = execute(make_plan(tmp_path / "run", Batch()))
    path = run.path / "cases.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["case"] in IDS[:4]]
    path.write_text("".join(kept))
    method = Batch()
    execute(make_plan(tmp_path / "run", method))
    execute(make_plan(tmp_path / "run", method))
    assert method.asked == [IDS[4:]]
    assert contents(run.path) == reference


def test_an_answer_nobody_asked_for_changes_nothing(tmp_path, reference):
    run = execute(make_plan(tmp_path / "run", Batch()))
    path = run.path / "cases.jsonl"
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])

    class Eager(Batch):
        def predict_all(self, requests, workdir, on_prediction):
            for case_id in (IDS[0], "somebody's"):
                on_prediction(case_id, Prediction({"shape": make_ellipsoid((5, 5, 5))}))
                on_prediction(case_id, "gone")
            super().predict_all(requests, workdir, on_prediction)

    execute(make_plan(tmp_path / "run", Eager()))
    assert contents(run.path) == reference
