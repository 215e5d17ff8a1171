"""What was reported against what the same predictions score here."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from benchmark.data.shapes import ShapeDataset
from benchmark.provenance import code_hash, numerical_versions, toolkit_version
from benchmark.records.rows import Row
from benchmark.scoring import signatures
from benchmark.tasks import Task
from leaderboard.model import Finding
from leaderboard.verify.claims import Claims
from leaderboard.verify.parsing.parent import Cells
from leaderboard.verify.refusal import RefusedError, found, shown
from leaderboard.verify.scoring import Examined, Reported
from leaderboard.verify.truth import Truth

_TOLD = 5


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


def check_cases(claims: Claims, source: ShapeDataset, truth: Truth) -> dict[str, tuple[Row, ...]]:
    """Make sure that a submission is about exactly the cases of its split, each with as many rows.

    Returns:
        Case -> its self-reported rows.

    Raises:
        RefusedError: if it is not.
    """
    expected = list(source.ids)
    known = set(expected)
    rows: dict[str, list[Row]] = {}
    previous = None
    for row in claims.rows:
        if row.case != previous and row.case in rows:
            raise RefusedError("cases-order", f"the rows of case {shown(row.case)} are not together")
        rows.setdefault(row.case, []).append(row)
        previous = row.case
    for name, cases in (("run.json", claims.cases), ("cases.jsonl", list(rows))):
        strange = [case for case in cases if case not in known]
        if strange:
            other = truth.split_of(strange[0])
            code = "cases-unknown" if other is None else "cases-of-another-split"
            where = "no split" if other is None else f"split {other}"
            raise RefusedError(code, f"{name} has {shown(strange[0])} (and {len(strange) - 1} more), of {where}")
        there = set(cases)
        missing = [case for case in expected if case not in there]
        if missing:
            raise RefusedError("cases-missing", f"{name} lacks {len(missing)} cases, {shown(missing[0])} first")
        if cases != expected:
            raise RefusedError("cases-order", f"{name} has cases twice, or not in the order of the split")
    return {case: tuple(found) for case, found in rows.items()}


def check_metrics(reported: Mapping[str, tuple[Row, ...]], examined: Iterable[Examined]) -> None:
    """Make sure that every case has a row for every metric, in order.

    Raises:
        RefusedError: if one has not.
    """
    for one in examined:
        has, should = ([row.metric for row in rows] for rows in (reported[one.case], one.rows))
        if has != should:
            raise RefusedError("rows-missing", f"{shown(one.case)} has rows of {shown(has, 200)}, not of {should}")


def differences(reported: Mapping[str, tuple[Row, ...]], examined: Iterable[Examined]) -> list[Difference]:
    """Every row whose value is not bit for bit the reported one, or whose status is another."""
    return [
        Difference(claimed, row, _distance(claimed.value, row.value))
        for one in examined
        for claimed, row in zip(reported[one.case], one.rows, strict=True)
        if _bits(claimed.value) != _bits(row.value) or claimed.status != row.status
    ]


def difference_findings(found_differences: list[Difference]) -> Iterator[Finding]:
    """What to say of them."""
    if found_differences:
        worst = sorted(found_differences, key=lambda one: -one.size)[:_TOLD]
        yield found("scores-differ", f"{len(found_differences)} rows, most of all: " + "; ".join(map(str, worst)))


def claim_findings(claims: Claims, task: Task, truth: Truth) -> Iterator[Finding]:
    """What the run was made with that is not what is here."""
    configuration = claims.configuration
    ours = json.loads(json.dumps({**vars(task), "profiles": list(task.profiles)}))
    if configuration["task"] != ours:
        names = [name for name in ours if configuration["task"].get(name) != ours[name]] or ["unknown fields"]
        yield found("task-differs", f"the run says otherwise of {', '.join(names)}")
    if configuration["signatures"] != signatures(task):
        here = signatures(task)
        names = sorted(name for name in here if configuration["signatures"].get(name) != here[name])
        yield found("signatures-differ", f"other signatures of {', '.join(names) or 'metrics nobody has'}")
    said = [data.get("manifest_sha256") for data in (configuration["data"], claims.document["data"])]
    if any(sha not in (None, truth.manifest_sha256) for sha in said):
        yield found("data-manifest-differs", f"the manifest here is {truth.manifest_sha256}")
    versions: dict[str, object] = {
        "toolkit": {"version": toolkit_version(), "code_sha256": code_hash()},
        "libraries": numerical_versions(),
    }
    names = sorted(name for name, value in versions.items() if configuration.get(name) != value)
    if names:
        yield found("toolkit-differs", f"the run has other {' and '.join(names)}")


def case_findings(
    reported: Mapping[str, tuple[Row, ...]], claims: Claims, cells: Cells, examined: Iterable[Examined]
) -> Iterator[Finding]:
    """Cases whose facts, observation or failure are not as they were reported."""
    said = Reported(reported)
    facts, observed, missing, failed, counted = [], [], [], [], []
    for one in examined:
        pairs = zip(reported[one.case], one.rows, strict=True)
        if any((a.subject, a.category, a.origin) != (b.subject, b.category, b.origin) for a, b in pairs):
            facts.append(one.case)
        if claims.observations.get(one.case, one.observation) != one.observation:
            observed.append(one.case)
        there = one.case in cells.places
        if not there:
            counted.append(one.case)
        if not there and not said.failed(one.case):
            missing.append(one.case)
        if there and said.failed(one.case):
            failed.append(one.case)
    for code, cases in (
        ("facts-differ", facts),
        ("observation-differs", observed),
        ("prediction-missing", missing),
        ("prediction-of-failed-case", failed),
        ("failed-cases", counted),
    ):
        if cases:
            yield found(code, f"{len(cases)} cases, {shown(cases[0])} first")
    if not claims.observations.keys() >= set(claims.cases):
        yield found("observations-missing", "not every case has the hash of its observation")


def _bits(value: float | None) -> str | None:
    return None if value is None else value.hex()


def _distance(one: float | None, other: float | None) -> float:
    if one is None or other is None:
        return abs(one or other or 0.0)
    size = abs(one - other)
    return size if math.isfinite(size) else 0.0
