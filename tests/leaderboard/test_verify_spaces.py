"""Strangers' arrays of every kind of Space, and sets of cases: judged by the Space, the grid and the groups alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile_cells import OPTIONS
from tiny_family import COUNT, Heavy, asked_for

from benchmark.contract import Grid, Prediction, Space
from benchmark.records import load_run
from benchmark.spaces import MOST_POINTS, stored_type
from leaderboard.findings import RefusedError
from leaderboard.submission.answers import Answers, find_answers
from leaderboard.submission.checking import _check_rows
from leaderboard.submission.elsewhere import _score
from leaderboard.submission.predictions import schema_of, write_predictions
from leaderboard.submission.strict_json import Limits
from leaderboard.verify.parsing import read_cells, read_prediction
from leaderboard.verify.plausibility import Other, copy_findings, memorisation, truth_findings
from leaderboard.verify.scoring import answers_of, check_cases, failures, rescore
from leaderboard.verify.screening import Training
from medshape_text.hashing import sha256

GRID, OTHER_GRID = Grid((2, 3, 4)), Grid((2, 3, 5))
SDF = Space("sdf", "float32", limits=(-0.2, 0.2))
OCCUPANCY = Space("occupancy", "float32", limits=(0.0, 1.0))
IMAGE = Space("image", "float32", limits=(-1000.0, 3000.0), unit="HU")
FREE_IMAGE = Space("image", "float32", names=("t1", "t2"))
LABELS = Space("labels", "int16", names=("left", "right"))
POINTS = Space("points", "float32")
CHOICE = Space("choice", "int64", names=("A", "B", "C"))
HONEST = {
    "sdf": (SDF, np.full(GRID.shape, -0.1, "<f2")),
    "occupancy": (OCCUPANCY, np.full(GRID.shape, 0.75, "<f2")),
    "image": (IMAGE, np.full(GRID.shape, 40.5, "<f4")),
    "image of channels": (FREE_IMAGE, np.full((2, *GRID.shape), -1e30, "<f4")),
    "labels": (LABELS, np.full(GRID.shape, 2, "u1")),
    "points": (POINTS, np.arange(12, dtype="<f4").reshape(4, 3)),
    "choice": (CHOICE, np.array(2, "u1")),
}


def write_row(path, outputs, case, *arrays):
    """Write bytes as they are, with the hash that fits."""
    cells = [array if isinstance(array, bytes) else array.tobytes() for array in arrays]
    row = {"case": case, "sha256": sha256(b"".join(cells)), **dict(zip(outputs, cells, strict=True))}
    pq.write_table(pa.Table.from_pylist([row], schema_of(outputs)), path, **OPTIONS)


def received(tmp_path, asked, case, *arrays):
    """What the trusted side makes of it."""
    path = tmp_path / "predictions.parquet"
    write_row(path, asked.outputs, case, *arrays)
    with path.open("rb") as stream:
        cells = read_cells(stream, asked.cases, asked.part_bytes, Limits())
    if cells.refusal is not None:
        raise cells.refusal
    return read_prediction(cells, case, asked)


def refused(tmp_path, asked, case, *arrays):
    with pytest.raises(RefusedError) as caught:
        received(tmp_path, asked, case, *arrays)
    assert caught.value.detail.isprintable()
    return caught.value.code, caught.value.detail


@pytest.mark.parametrize("kind", HONEST)
def test_what_the_runner_stores_is_read_back(tmp_path, kind):
    space, array = HONEST[kind]
    prediction = received(tmp_path, asked_for({"part": space}, {"a": GRID}), "a", array)
    assert prediction.parts["part"].dtype == space.dtype
    assert np.array_equal(prediction.parts["part"], array)


def filled(space, value):
    return np.full(GRID.shape, value, stored_type(space))


@pytest.mark.parametrize(
    ("space", "array", "said"),
    [
        (LABELS, filled(LABELS, 3), "values that its Space does not have"),
        (LABELS, filled(LABELS, 255), "values that its Space does not have"),
        (LABELS, np.zeros(OTHER_GRID.shape, "u1"), "has 30 bytes"),
        (LABELS, np.zeros((2, 3, 3), "u1"), "has 18 bytes, not 24"),
        (IMAGE, filled(IMAGE, np.nan), "not finite"),
        (IMAGE, filled(IMAGE, -np.inf), "not finite"),
        (IMAGE, filled(IMAGE, 1e30), "beyond the truncation"),
        (IMAGE, filled(IMAGE, -0.0), "negative zeros"),
        (FREE_IMAGE, np.full((2, *GRID.shape), np.inf, "<f4"), "not finite"),
        (FREE_IMAGE, filled(FREE_IMAGE, 0), "has 96 bytes, not 192"),
        (OCCUPANCY, filled(OCCUPANCY, 1.5), "beyond the truncation"),
        (OCCUPANCY, filled(OCCUPANCY, 0.5), "no voxel inside"),
        (OCCUPANCY, filled(OCCUPANCY, np.nan), "not finite"),
        (SDF, filled(SDF, 0.1), "no voxel inside"),
        (CHOICE, np.array(3, "u1"), "values that its Space does not have"),
        (CHOICE, np.array([0, 1], "u1"), "has 2 bytes, not 1 at most"),
        (CHOICE, b"", "has 0 bytes, not 1"),
        (POINTS, np.zeros((4, 2), "<f4"), "has 32 bytes, not a multiple of 12"),
        (POINTS, b"", "no points"),
        (POINTS, filled(POINTS, np.nan)[..., :3], "not finite"),
        (POINTS, np.zeros((MOST_POINTS + 1, 3), "<f4"), f"not {12 * MOST_POINTS} at most"),
        (Space("points", "float32", (None, None)), np.zeros(4, "<f4"), "2 open axes"),
    ],
)
def test_what_it_would_never_store_is_refused(tmp_path, space, array, said):
    code, detail = refused(tmp_path, asked_for({"part": space}, {"a": GRID}), "a", array)
    assert code == "cell-invalid"
    assert said in detail


def test_every_case_has_the_size_of_its_own_grid(tmp_path):
    asked = asked_for({"part": LABELS}, {"a": GRID, "b": OTHER_GRID})
    assert asked.part_bytes == {"part": 30}
    assert received(tmp_path, asked, "b", np.ones(OTHER_GRID.shape, "u1")).parts["part"].shape == OTHER_GRID.shape
    assert refused(tmp_path, asked, "a", np.ones(OTHER_GRID.shape, "u1")) == (
        "cell-invalid", "part of 'a' has 30 bytes, not 24",
    )  # fmt: skip


def test_a_prediction_of_several_parts_has_a_column_each(tmp_path):
    asked = asked_for({"labels": LABELS, "answer": CHOICE}, {"a": GRID})
    prediction = received(tmp_path, asked, "a", np.ones(GRID.shape, "u1"), np.array(1, "u1"))
    assert list(prediction.parts) == ["labels", "answer"]
    assert int(prediction.parts["answer"]) == 1
    path = tmp_path / "honest.parquet"
    assert write_predictions(path, asked.outputs, [("a", prediction)]) == 1
    assert pq.read_table(path).to_pylist() == pq.read_table(tmp_path / "predictions.parquet").to_pylist()
    code, _ = refused(tmp_path, asked, "a", np.ones(GRID.shape, "u1"), np.array(7, "u1"))
    assert code == "cell-invalid"


def test_parts_of_another_task_are_other_columns(tmp_path):
    asked = asked_for({"labels": LABELS}, {"a": GRID})
    write_row(tmp_path / "p", {"volume": LABELS}, "a", np.ones(GRID.shape, "u1"))
    with (tmp_path / "p").open("rb") as stream:
        refusal = read_cells(stream, asked.cases, asked.part_bytes, Limits()).refusal
    assert (refusal.code, "columns" in refusal.detail) == ("predictions-invalid", True)
    with pytest.raises(ValueError, match="sha256"):
        schema_of({"sha256": LABELS})


def test_a_family_may_say_that_scoring_costs_too_much(tmp_path):
    asked = asked_for({"part": CHOICE}, {"a": None}, kind=Heavy)
    assert refused(tmp_path, asked, "a", np.array(1, "u1")) == (
        "cell-unscorable", "the prediction of 'a' is made of lead",
    )  # fmt: skip


def submission(asked, **changes):
    rows = [SimpleNamespace(case=group.id, status="ok") for group in asked.groups]
    said = {"rows": rows, "cases": asked.cases, "record": {"groups": asked.sets}, "timings": {}, "rows_of": {}}
    return SimpleNamespace(**said | changes)


TRUTH = SimpleNamespace(split_of=lambda task, case: None)


def test_a_set_with_a_missing_member_is_scored_with_the_reason():
    asked = asked_for({"part": CHOICE}, dict.fromkeys("abc"), sets={"set": "ab", "c": "c"})
    group = asked.groups[0]
    cells = SimpleNamespace(places={"a": (0, (1,))})
    there = {"a": Prediction({"part": np.array(1, "u1").astype(np.int64)})}
    for timings, reason in (
        ({}, "missing"),
        ({"b": {"status": "crashed"}}, "crashed"),
        ({"b": {"status": "timeout"}}, "timeout"),  # of a command that ran in its own environment
        ({"b": {"status": "<b>"}}, "missing"),
    ):
        told = failures(submission(asked, timings=timings), group, cells)
        assert told == {"b": reason}
        one = rescore(asked, group, there, told)
        assert asked.family.told[-1] == (["a"], {"b": reason})
        assert [(row.case, row.category, row.value, row.status) for row in one.rows] == [
            ("set", "a", 0.5, reason), ("set", "other", 0.5, reason),
        ]  # fmt: skip
        assert {row.subject for row in one.rows} == {"several"}
        assert [bool(answer.digest) for answer in one.answers] == [True, False]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cases": ["a", "c"]}, "run.json lacks 1 cases, 'b' first"),
        ({"cases": ["a", "b", "c", "d"]}, "of no split"),
        ({"record": {"groups": {"set": ["a"]}}}, "other sets"),
        ({"record": {}}, "other sets"),
        ({"rows": [SimpleNamespace(case="set")]}, "cases.jsonl lacks 1 cases, 'c' first"),
        ({"rows": [SimpleNamespace(case=case) for case in "abc"]}, "of no split"),
    ],
)
def test_a_submission_is_about_all_cases_of_all_sets(changes, said):
    asked = asked_for({"part": CHOICE}, dict.fromkeys("abc"), sets={"set": "ab", "c": "c"})
    check_cases(submission(asked), asked, TRUTH)
    with pytest.raises(RefusedError) as caught:
        check_cases(submission(asked, **changes), asked, TRUTH)
    assert caught.value.code == "cases-differ"
    assert said in caught.value.detail


@dataclass(frozen=True)
class Learnt:
    """Training data of one example."""

    spaces: Mapping[str, Space]
    array: np.ndarray
    ids: tuple[str, ...] = ("t0",)

    def __len__(self):
        return len(self.ids)

    def part(self, index, name):
        return self.array


def answered(asked, **parts):
    """Answers to every case, all of them equal."""
    there = {case: Prediction(parts) for case in asked.cases}
    rescored = [rescore(asked, group, {case: there[case] for case in group.cases}, {}) for group in asked.groups]
    return answers_of(rescored), there


@pytest.mark.parametrize(
    ("space", "array", "copy"),
    [
        (IMAGE, np.full(GRID.shape, 40.5, np.float32), True),
        (LABELS, np.ones(GRID.shape, np.int16), True),
        (POINTS, np.zeros((4, 3), np.float32), True),
        (LABELS, np.zeros(GRID.shape, np.int16), False),  # nothing found where nothing is
        (CHOICE, np.array(1), False),  # right, as one in three is by chance
    ],
)
def test_equal_bytes_are_a_copy_unless_chance_makes_them(space, array, copy):
    asked = asked_for({"part": space}, dict.fromkeys("ab", GRID), truths={case: {"part": array} for case in "ab"})
    answers, there = answered(asked, part=array)
    said = SimpleNamespace(method="mine", authors=("Ada",))
    digests = {one.case: one.digest for one in answers if one.telling}
    other = Other("o", "theirs", ("Bob",), False, {}, digests, there.__getitem__, dict)
    learnt = Learnt(asked.outputs, array)
    remembered = memorisation(answers, there.__getitem__, asked.family, Training(learnt, asked.outputs))
    found = [
        *truth_findings(answers, told=False),
        *copy_findings(said, answers, there.__getitem__, [other], asked.family),
    ]
    assert {finding.code for finding in found} == ({"prediction-is-truth", "copied-predictions"} if copy else set())
    assert remembered.copies == ({"a": "t0", "b": "t0"} if copy else {})


def test_a_folder_of_predictions_of_sets_becomes_a_run(tmp_path):
    asked = asked_for({"labels": LABELS, "answer": CHOICE}, dict.fromkeys("abc", GRID), sets={"set": "ab", "c": "c"})
    folder = tmp_path / "predictions"
    folder.mkdir()
    np.savez(folder / "a.npz", labels=np.ones(GRID.shape, np.int64), answer=np.array(2))
    np.savez(folder / "c.npz", labels=np.full(GRID.shape, 9), answer=np.array(2))
    answers: Answers = find_answers(folder, asked, allow_missing=True)
    configuration = {"task": {"name": "tiny"}, "method": {"name": "m"}}
    for _ in range(2):  # the second time nothing is left to do
        _score(tmp_path / "run", asked, answers, configuration, lambda *_: None)
    run = load_run(tmp_path / "run")
    assert {case: line["status"] for case, line in run.timings.items()} == {
        "a": "ok", "b": "missing", "c": "out_of_range",
    }  # fmt: skip
    assert [(row.case, row.category, row.value, row.signature) for row in run.rows] == [
        ("set", "a", 0.5, COUNT.signature), ("set", "other", 0.5, COUNT.signature),
        ("c", "a", 0.0, COUNT.signature), ("c", "other", 0.0, COUNT.signature),
    ]  # fmt: skip
    assert asked.family.told == [(["a"], {"b": "missing"}), ([], {"c": "out_of_range"})]
    assert _check_rows(run, asked) == ["a"]
