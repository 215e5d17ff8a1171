"""Methods that answer many requests at once: any order, holes, being stopped, and what their work folder is for."""

from __future__ import annotations

import json

import pytest
from synthetic import Ellipsoids, Wobbly, make_ellipsoid, make_plan

from benchmark.contract import BatchMethod, Prediction
from benchmark.errors import MethodError, RunError
from benchmark.records.delivered import DELIVERED
from benchmark.records.predictions import prediction_path
from benchmark.runner import WORK, execute

IDS = Ellipsoids(6).ids


class Batch:
    """Answers in an order of its own, with what its work folder holds; a request in ``holes`` stays unanswered."""

    def __init__(self, order=reversed, holes=(), reasons=None, stop=None, stopped_by=KeyboardInterrupt):
        self.order, self.holes, self.reasons = order, holes, reasons or {}
        self.stop, self.stopped_by = stop, stopped_by
        self.asked = []

    def predict_all(self, requests, workdir, on_prediction):
        workdir.mkdir(exist_ok=True)
        self.asked.append([request.case_id for request in requests])
        assert [requests[i].case_id for i in range(len(requests))] == self.asked[-1]
        assert [request.seed for request in requests[1:]] == [request.seed for request in list(requests)[1:]]
        for count, request in enumerate(self.order(list(requests))):
            if count == self.stop:
                raise self.stopped_by
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


@pytest.mark.parametrize("stopped_by", [KeyboardInterrupt, ValueError("out of paper"), RunError("in use")])
def test_a_batch_that_stops_keeps_what_it_handed_over_and_goes_on(tmp_path, reference, stopped_by):
    known = MethodError if isinstance(stopped_by, ValueError) else stopped_by
    with pytest.raises(known if isinstance(known, type) else type(known)) as caught:
        execute(make_plan(tmp_path / "run", Batch(stop=4, stopped_by=stopped_by)))
    if known is MethodError:
        assert "'wobbly' stopped: ValueError('out of paper'); 4 of 6 answers are kept" in str(caught.value)
        assert "in predict_all" in (tmp_path / "run" / "errors.log").read_text()
    assert not (tmp_path / "run" / "cases.jsonl").exists()
    assert sorted(path.name for path in (tmp_path / "run" / WORK).iterdir()) == ["2", "3", "4", "5"]
    method = Batch()
    execute(make_plan(tmp_path / "run", method))
    assert method.asked == [IDS[:2]]
    assert contents(tmp_path / "run") == reference
    assert not (tmp_path / "run" / DELIVERED).exists()


def test_what_was_handed_over_is_asked_again_if_its_note_is_torn_or_its_prediction_gone(tmp_path, reference):
    with pytest.raises(KeyboardInterrupt):
        execute(make_plan(tmp_path / "run", Batch(stop=4)))
    prediction_path(tmp_path / "run", IDS[4]).unlink()
    notes = tmp_path / "run" / DELIVERED
    notes.write_bytes(notes.read_bytes()[:-5])  # the last was IDS[2]
    method = Batch()
    execute(make_plan(tmp_path / "run", method))
    assert method.asked == [[IDS[0], IDS[1], IDS[2], IDS[4]]]
    assert contents(tmp_path / "run") == reference


def test_damaged_notes_are_refused(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        execute(make_plan(tmp_path / "run", Batch(stop=2)))
    notes = tmp_path / "run" / DELIVERED
    notes.write_text('{"case": 1}\n' + notes.read_text())
    with pytest.raises(RunError, match="damaged"):
        execute(make_plan(tmp_path / "run", Batch()))


@pytest.mark.parametrize("reason", ["ok", "nothing_observed", ""])
def test_a_reason_is_a_failure_whatever_it_says(tmp_path, reason):
    class Says(Batch):
        def predict_all(self, requests, workdir, on_prediction):
            for request in requests:
                on_prediction(request.case_id, Wobbly().predict(request))
                on_prediction(request.case_id, reason)

    run = execute(make_plan(tmp_path / "run", Says(), count=2))
    assert {timing["status"] for timing in run.timings.values()} == {"crashed"}
    assert {(row.status, row.value) for row in run.rows} == {("crashed", 0.0)}
    assert not list((run.path / "predictions").iterdir())


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
