"""Reported scores against rescored ones: what the same predictions score here, by the code that scores runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from benchmark.contract import Prediction
from benchmark.metrics.base import MISSING, NOT_APPLICABLE, OK
from benchmark.planning import scored_by
from benchmark.records.rows import Row
from benchmark.records.writer import CASES, RECORD
from benchmark.tasks import Group, Task, family_of
from leaderboard.asked import Asked, Truth
from leaderboard.findings import RefusedError, changes, found, shown
from leaderboard.model import Finding
from leaderboard.submission.reading import Submission
from leaderboard.verify.parsing import Cells, read_prediction
from leaderboard.verify.screening import Answer, answer_of

_TOLD = 5
REASONS = (
    MISSING, "wrong_type", "wrong_shape", "not_finite", "out_of_range", "empty", "missing_part", "unknown_part",
    "crashed", "out_of_memory", "timeout",
)  # fmt: skip
"""Why there may be no prediction of a case; the first where a submission gives none of them."""


@dataclass(frozen=True, eq=False)
class Rescored:
    """One group as trusted code scores it."""

    group: str
    rows: tuple[Row, ...]
    answers: tuple[Answer, ...]


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


def check_cases(submission: Submission, asked: Asked, truth: Truth) -> None:
    """Make sure that a submission is about exactly the cases of its split, in order, with their rows together.

    Raises:
        RefusedError: if it is not.
    """
    in_rows = [case for case, _ in groupby(row.case for row in submission.rows)]
    if len(in_rows) != len(set(in_rows)):
        raise RefusedError("cases-differ", f"{CASES} has a case twice, or its rows are not together")
    groups = [group.id for group in asked.groups]
    for name, cases, expected in ((RECORD, submission.cases, asked.cases), (CASES, in_rows, groups)):
        known, there = set(expected), set(cases)
        if strange := [case for case in cases if case not in known]:
            other = truth.split_of(asked.task, strange[0])
            where = "no split" if other is None else f"split {other}"
            detail = f"{name} has {shown(strange[0])} (and {len(strange) - 1} more), of {where}"
            raise RefusedError("cases-differ", detail)
        if missing := [case for case in expected if case not in there]:
            raise RefusedError("cases-differ", f"{name} lacks {len(missing)} cases, {shown(missing[0])} first")
        if cases != expected:
            raise RefusedError("cases-differ", f"{name} has cases twice, or not in the order of the split")
    if submission.record.get("groups", {}) != asked.sets:
        raise RefusedError("cases-differ", f"{RECORD} has other sets of cases than the task")


def failures(submission: Submission, group: Group, cells: Cells) -> dict[str, str]:
    """Why there is no prediction of cases of a group, as far as that is a reason the runner gives."""
    return {case: reason(submission, group, case) for case in group.cases if case not in cells.places}


def reason(submission: Submission, group: Group, case: str) -> str:
    """Why there is no prediction of a case, as far as that is a reason the runner gives."""
    said = _statuses(submission, group, case)
    return said.pop() if len(said) == 1 and said <= set(REASONS) else MISSING


def failed(submission: Submission, group: Group, case: str) -> bool:
    """Whether a case is reported to have no prediction."""
    said = _statuses(submission, group, case)
    return OK not in said and bool(said & set(REASONS))


def rescore(asked: Asked, group: Group, predictions: Mapping[str, Prediction], failures: Mapping[str, str]) -> Rescored:
    """Score a group: the predictions of its cases, and the reasons why others have none."""
    cases = asked.members(group)
    scores = asked.family.score(asked.task, cases, predictions, failures)
    rows = tuple(Row.of(group.id, cases, score) for score in scores)
    return Rescored(group.id, rows, tuple(answer_of(asked, case, predictions.get(case.id)) for case in cases))


def rescore_all(cells: Cells, asked: Asked, submission: Submission) -> list[Rescored]:
    """Score every group of a submission.

    Raises:
        RefusedError: if a prediction makes the metrics fail.
    """
    rescored = []
    for group in asked.groups:
        predictions = {case: read_prediction(cells, case, asked) for case in group.cases if case in cells.places}
        try:
            rescored.append(rescore(asked, group, predictions, failures(submission, group, cells)))
        except Exception as error:  # geometry libraries may raise anything for a volume made to that end
            what = f"the prediction of {shown(group.id)}: {shown(repr(error), 200)}"
            raise RefusedError("cell-unscorable", what) from error
    return rescored


def answers_of(rescored: Iterable[Rescored]) -> list[Answer]:
    """The answers of all groups, in order."""
    return [answer for one in rescored for answer in one.answers]


def check_metrics(submission: Submission, rescored: Iterable[Rescored]) -> None:
    """Make sure that every group has a row for every metric, and several where there are categories, in order.

    Raises:
        RefusedError: if one has not.
    """
    for one in rescored:
        has, should = ([row.metric for row in rows] for rows in (submission.rows_of[one.group], one.rows))
        if has != should:
            raise RefusedError("cases-differ", f"{shown(one.group)} has rows of {shown(has, 200)}, not of {should}")


def differences(submission: Submission, rescored: Iterable[Rescored]) -> list[Difference]:
    """Every row whose value is not bit for bit the reported one, or whose status is another."""
    return [
        Difference(reported, row, _distance(reported.value, row.value))
        for one in rescored
        for reported, row in zip(submission.rows_of[one.group], one.rows, strict=True)
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
    here = scored_by(family_of(task), task)
    for code, names in (
        ("task-differs", ("task",)),
        ("signatures-differ", ("signatures",)),
        ("toolkit-differs", ("toolkit", "libraries")),
    ):
        run_has, ours = ({name: each.get(name) for name in names} for each in (configuration, here))
        if what := changes(run_has, ours):
            yield found(code, f"of the run -> here: {what}")
    said = [data.get("manifest_sha256") for data in (configuration["data"], submission.document["data"])]
    _, manifest = truth.identity_of(task.name, submission.split)
    if any(sha not in (None, manifest) for sha in said):
        yield found("data-manifest-differs", f"the manifest here is {manifest}")


def case_findings(
    submission: Submission, groups: Sequence[Group], cells: Cells, rescored: Sequence[Rescored]
) -> Iterator[Finding]:
    """Cases whose facts, observation or failure are not as they were reported."""
    facts, observed, missing, answered, counted = [], [], [], [], []
    for group, one in zip(groups, rescored, strict=True):
        pairs = zip(submission.rows_of[one.group], one.rows, strict=True)
        if any(_facts(reported) != _facts(row) for reported, row in pairs):
            facts.append(one.group)
        for answer in one.answers:
            if submission.observations.get(answer.case, answer.observation) != answer.observation:
                observed.append(answer.case)
            there, said = answer.case in cells.places, failed(submission, group, answer.case)
            if not there:
                counted.append(answer.case)
                missing += [] if said else [answer.case]
            elif said:
                answered.append(answer.case)
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


def _facts(row: Row) -> tuple[str, ...]:
    return row.subject, row.category, row.origin


def _statuses(submission: Submission, group: Group, case: str) -> set[str]:
    """What became of a case: its rows say it where they are its own, its line of times where a set is scored."""
    if group.cases == (group.id,):
        return {row.status for row in submission.rows_of.get(case, ())} - {NOT_APPLICABLE}
    return {str(submission.timings.get(case, {}).get("status", ""))} - {""}


def _bits(value: float | None) -> str | None:
    return None if value is None else value.hex()


def _distance(one: float | None, other: float | None) -> float:
    if one is None or other is None:
        return abs(one or other or 0.0)
    size = abs(one - other)
    return size if math.isfinite(size) else 0.0
