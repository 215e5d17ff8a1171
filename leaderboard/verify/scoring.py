"""Reported scores against rescored ones: what the same predictions score here, by the code that scores runs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from benchmark.data.shapes import ShapeDataset
from benchmark.scoring import score_failure, score_prediction, signatures

from benchmark.contract import Case, Volume
from benchmark.metrics.base import NOT_APPLICABLE, OK
from benchmark.metrics.packed import PackedMasks
from benchmark.observations import observation_hash
from benchmark.provenance import code_hash, numerical_versions, toolkit_version
from benchmark.records.rows import Row
from benchmark.records.writer import CASES, RECORD
from benchmark.tasks import Task
from leaderboard.findings import RefusedError, found, shown
from leaderboard.model import Finding
from leaderboard.submission.reading import Submission
from leaderboard.verify.parsing import Cells
from leaderboard.verify.volumes import Truth, likeness

_TOLD = 5
REASONS = ("missing", "wrong_type", "wrong_shape", "not_finite", "empty", "crashed", "out_of_memory")
"""Why there may be no prediction of a case."""
MISSING = "missing"
"""The reason where a submission gives none of them."""


@dataclass(frozen=True, eq=False)
class Rescored:
    """One case as trusted code scores it.

    Attributes:
        case: its id.
        subject, category: of the truth.
        rows: of the scores.
        observation: sha256 of what the task lets a method see.
        packed, dice, is_truth, contradicted, digest: of the prediction, as `Likeness` has them; packed is None if
            there is none.
    """

    case: str
    subject: str
    category: str
    rows: tuple[Row, ...]
    observation: str
    packed: PackedMasks | None = None
    dice: float = 0.0
    is_truth: bool = False
    contradicted: float | None = None
    digest: str = ""


@dataclass(frozen=True)
class Difference:
    """A row that is not what was reported; ``size`` is 0 where only the status differs."""

    reported: Row
    recomputed: Row
    size: float

    def __str__(self) -> str:
        """One line."""
        row = self.recomputed
        return (
            f"{row.metric} of {shown(row.case)} is {row.value!r} ({row.status}), "
            f"not {self.reported.value!r} ({shown(self.reported.status, 30)})"
        )


def check_cases(submission: Submission, source: ShapeDataset, truth: Truth) -> None:
    """Make sure that a submission is about exactly the cases of its split, in order, with their rows together.

    Raises:
        RefusedError: if it is not.
    """
    expected = list(source.ids)
    known = set(expected)
    in_rows = [case for case, _ in groupby(row.case for row in submission.rows)]
    if len(in_rows) != len(set(in_rows)):
        raise RefusedError("cases-differ", f"{CASES} has a case twice, or its rows are not together")
    for name, cases in ((RECORD, submission.cases), (CASES, in_rows)):
        if strange := [case for case in cases if case not in known]:
            other = truth.split_of(strange[0])
            where = "no split" if other is None else f"split {other}"
            detail = f"{name} has {shown(strange[0])} (and {len(strange) - 1} more), of {where}"
            raise RefusedError("cases-differ", detail)
        there = set(cases)
        if missing := [case for case in expected if case not in there]:
            raise RefusedError("cases-differ", f"{name} lacks {len(missing)} cases, {shown(missing[0])} first")
        if cases != expected:
            raise RefusedError("cases-differ", f"{name} has cases twice, or not in the order of the split")


def reason(submission: Submission, case: str) -> str:
    """Why there is no prediction of a case, as far as that is a reason the runner gives."""
    said = _statuses(submission, case)
    return said.pop() if len(said) == 1 and said <= set(REASONS) else MISSING


def failed(submission: Submission, case: str) -> bool:
    """Whether a case is reported to have no prediction."""
    said = _statuses(submission, case)
    return OK not in said and bool(said & set(REASONS))


def rescore(case: Case, task: Task, prediction: Volume | None, reason: str) -> Rescored:
    """Score a case: its prediction, or the reason why there is none."""
    scores = score_failure(reason, case, task) if prediction is None else score_prediction(prediction, case, task)
    rows = tuple(Row.of(case, score) for score in scores)
    observation = observation_hash(case.observation)
    if prediction is None:
        return Rescored(case.id, case.subject, case.category, rows, observation)
    return Rescored(case.id, case.subject, case.category, rows, observation, *likeness(prediction, case))


def check_metrics(submission: Submission, rescored: Iterable[Rescored]) -> None:
    """Make sure that every case has a row for every metric, in order.

    Raises:
        RefusedError: if one has not.
    """
    for one in rescored:
        has, should = ([row.metric for row in rows] for rows in (submission.rows_of[one.case], one.rows))
        if has != should:
            raise RefusedError("cases-differ", f"{shown(one.case)} has rows of {shown(has, 200)}, not of {should}")


def differences(submission: Submission, rescored: Iterable[Rescored]) -> list[Difference]:
    """Every row whose value is not bit for bit the reported one, or whose status is another."""
    return [
        Difference(reported, row, _distance(reported.value, row.value))
        for one in rescored
        for reported, row in zip(submission.rows_of[one.case], one.rows, strict=True)
        if _bits(reported.value) != _bits(row.value) or reported.status != row.status
    ]


def difference_findings(found_differences: list[Difference]) -> Iterator[Finding]:
    """What to say of them."""
    if found_differences:
        worst = sorted(found_differences, key=lambda one: -one.size)[:_TOLD]
        yield found("scores-differ", f"{len(found_differences)} rows, most of all: " + "; ".join(map(str, worst)))


def making_findings(submission: Submission, task: Task, truth: Truth) -> Iterator[Finding]:
    """What the run was made with that is not what is here."""
    configuration = submission.configuration
    ours = json.loads(json.dumps({**vars(task), "profiles": list(task.profiles)}))
    if configuration["task"] != ours:
        names = [name for name in ours if configuration["task"].get(name) != ours[name]] or ["unknown fields"]
        yield found("task-differs", f"the run says otherwise of {', '.join(names)}")
    if configuration["signatures"] != signatures(task):
        here = signatures(task)
        names = sorted(name for name in here if configuration["signatures"].get(name) != here[name])
        yield found("signatures-differ", f"other signatures of {', '.join(names) or 'metrics nobody has'}")
    said = [data.get("manifest_sha256") for data in (configuration["data"], submission.document["data"])]
    if any(sha not in (None, truth.manifest_sha256) for sha in said):
        yield found("data-manifest-differs", f"the manifest here is {truth.manifest_sha256}")
    versions: dict[str, object] = {
        "toolkit": {"version": toolkit_version(), "code_sha256": code_hash()},
        "libraries": numerical_versions(),
    }
    names = sorted(name for name, value in versions.items() if configuration.get(name) != value)
    if names:
        yield found("toolkit-differs", f"the run has other {' and '.join(names)}")


def case_findings(submission: Submission, cells: Cells, rescored: Iterable[Rescored]) -> Iterator[Finding]:
    """Cases whose facts, observation or failure are not as they were reported."""
    facts, observed, missing, answered, counted = [], [], [], [], []
    for one in rescored:
        pairs = zip(submission.rows_of[one.case], one.rows, strict=True)
        if any((a.subject, a.category, a.origin) != (b.subject, b.category, b.origin) for a, b in pairs):
            facts.append(one.case)
        if submission.observations.get(one.case, one.observation) != one.observation:
            observed.append(one.case)
        there = one.case in cells.places
        if not there:
            counted.append(one.case)
        if not there and not failed(submission, one.case):
            missing.append(one.case)
        if there and failed(submission, one.case):
            answered.append(one.case)
    for code, cases in (
        ("facts-differ", facts),
        ("observation-differs", observed),
        ("prediction-missing", missing),
        ("prediction-of-failed-case", answered),
        ("failed-cases", counted),
    ):
        if cases:
            yield found(code, f"{len(cases)} cases, {shown(cases[0])} first")
    if not submission.observations.keys() >= set(submission.cases):
        yield found("observations-missing", "not every case has the hash of its observation")


def _statuses(submission: Submission, case: str) -> set[str]:
    return {row.status for row in submission.rows_of.get(case, ())} - {NOT_APPLICABLE}


def _bits(value: float | None) -> str | None:
    return None if value is None else value.hex()


def _distance(one: float | None, other: float | None) -> float:
    if one is None or other is None:
        return abs(one or other or 0.0)
    size = abs(one - other)
    return size if math.isfinite(size) else 0.0
