"""Two runs on the same cases: the paired difference and its interval."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.errors import RunError
from benchmark.metrics.base import NOT_APPLICABLE
from benchmark.records.reader import Run
from benchmark.records.rows import Row
from benchmark.statistics.bootstrap import Estimate, Table, cluster_bootstrap

Key = tuple[str, str]
"""(metric, signature)."""
Place = tuple[str, str]
"""(case, category): a segmentation has a row a structure."""


@dataclass(frozen=True)
class Comparison:
    """``difference`` is class-macro ``method - reference``, with the interval of its paired cluster bootstrap."""

    metric: str
    signature: str
    method: str
    reference: str
    difference: Estimate
    cases: int

    @property
    def separated(self) -> bool:
        """Whether the 95 % interval excludes 0."""
        low, high = self.difference.low, self.difference.high
        return low is not None and high is not None and (low > 0 or high < 0)


def compare(run: Run, reference: Run) -> list[Comparison]:
    """Compare every metric of two complete runs, case by case.

    Raises:
        RunError: if they differ in task, data revision, split, cases, observations or metric signatures,
            or one of them is not complete.
    """
    _refuse_incomparable(run, reference)
    ours, theirs = _by_metric(run), _by_metric(reference)
    if ours.keys() != theirs.keys():
        raise RunError(f"{run.path} and {reference.path} do not compare: their metric signatures differ")
    return [_compare(key, ours[key], theirs[key], run, reference) for key in ours]


def _compare(key: Key, ours: dict[Place, Row], theirs: dict[Place, Row], run: Run, reference: Run) -> Comparison:
    differences, categories, subjects = [], [], []
    for case, category in [*ours, *(place for place in theirs if place not in ours)]:
        row, other = ours.get((case, category)), theirs.get((case, category))
        if row is None or other is None or row.value is None or other.value is None:
            raise RunError(
                f"{run.path} and {reference.path} do not compare: case {case} has no {key[0]} of {category} in both"
            )
        differences.append(row.value - other.value)
        categories.append(row.category)
        subjects.append(row.subject)
    estimate = cluster_bootstrap(Table(differences, categories, subjects))
    return Comparison(*key, run.method, reference.method, estimate, len({case for case, _ in ours}))


def _refuse_incomparable(run: Run, reference: Run) -> None:
    for what in ("task", "data"):
        if run.configuration[what] != reference.configuration[what]:
            raise RunError(
                f"{run.path} and {reference.path} do not compare: {what} is {run.configuration[what]} "
                f"and {reference.configuration[what]}"
            )
    if run.case_ids != reference.case_ids:
        raise RunError(f"{run.path} and {reference.path} do not compare: they are about different cases")
    for each in (run, reference):
        done = len({row.case for row in each.rows})
        if done != len(each.group_ids):
            raise RunError(
                f"{each.path} is not complete: {done} of {len(each.group_ids)} cases; run it to the end first"
            )
    for case in run.case_ids:
        if run.observations[case]["sha256"] != reference.observations[case]["sha256"]:
            raise RunError(f"{run.path} and {reference.path} do not compare: case {case} was observed differently")


def _by_metric(run: Run) -> dict[Key, dict[Place, Row]]:
    metrics: dict[Key, dict[Place, Row]] = {}
    for row in run.rows:
        if row.status != NOT_APPLICABLE:
            metrics.setdefault((row.metric, row.signature), {})[row.case, row.category] = row
    return metrics
