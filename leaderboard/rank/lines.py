"""Lines of a table: values with intervals, what they cost, who is a control, and who is ranked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from benchmark.errors import BenchError
from benchmark.methods import find_method
from leaderboard.findings import UNRANKED
from leaderboard.model import Column, Entry, Finding, Rank
from leaderboard.rank.ranks import ranks
from leaderboard.rank.results import Result
from leaderboard.rank.score_matrix import ScoreMatrix, class_macros, intervals
from leaderboard.rank.score_table import ScoreTable
from leaderboard.submission.card import CONTROLS


def is_control(method: str, document: Mapping[str, Any]) -> bool:
    """Whether a submission is shown as a floor or a ceiling, which is not ranked.

    It is one by name, by the spec of the installed method of this name (``sees_truth``), or because it says so:
    nobody gains by saying so.
    """
    said = document.get("method", {})
    declared = said.get("control") is True or said.get("sees_truth") is True
    return method in CONTROLS or declared or _sees_truth(method)


@cache
def _sees_truth(method: str) -> bool:
    try:
        return find_method(method).spec.sees_truth
    except BenchError:  # not installed here
        return False


def seconds_per_case(timings: Sequence[Mapping[str, Any]]) -> float | None:
    """Mean seconds of prediction a case; None where nothing was measured."""
    seconds = list(_numbers(timing.get("seconds") for timing in timings))
    return sum(seconds) / len(seconds) if seconds else None


def peak_mib(timings: Sequence[Mapping[str, Any]]) -> float | None:
    """The largest memory in MiB: of the device where it was measured, else of the process."""
    for name in ("peak_device_mib", "peak_rss_mib"):
        peaks = list(_numbers(timing.get(name) for timing in timings))
        if peaks:
            return max(peaks)
    return None


def hardware_text(document: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """The machine in one line: accelerator, processor, cores."""
    said = document.get("hardware") or record.get("hardware")
    if not isinstance(said, Mapping):
        return ""
    count = said.get("cores")
    cores = f"{count} core{'' if count == 1 else 's'}" if isinstance(count, int) else None
    return ", ".join(str(part)[:100] for part in (said.get("accelerator"), said.get("processor"), cores) if part)


def _numbers(values: Iterable[object]) -> Iterable[float]:
    for value in values:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
            yield float(value)


@dataclass(frozen=True, eq=False)
class Candidate:
    """A submission with its rows of one profile: trusted ones, or for want of them the submitter's."""

    submission: Result
    scores: ScoreTable


def lines_of(candidates: Sequence[Candidate], columns: Sequence[Column]) -> tuple[Entry, ...]:
    """A line a candidate: the ranked ones first, best first, then controls, then all that is not ranked.

    Only the latest submission of an owner whose numbers were computed here is ranked, and none flagged as `UNRANKED`.

    Args:
        candidates: at least one; all of the same signatures and cases.
        columns: of these signatures, the headline first.
    """
    superseded = _superseded(candidates)
    values = [intervals(_matrix(candidates, column.signature)) for column in columns]
    groups = {
        "category": [_by_group(candidates, column, 2) for column in columns],
        "origin": [_by_group(candidates, column, 3) for column in columns],
    }
    entries = []
    for i, candidate in enumerate(candidates):
        submission = candidate.submission
        headline = columns[0].signature
        entries.append(
            Entry(
                submission=submission.id,
                method=submission.method,
                title=str(submission.document.get("method", {}).get("title", "")),
                tier=submission.tier,
                control=is_control(submission.method, submission.document),
                values={column.metric: values[c][i] for c, column in enumerate(columns)},
                scored=candidate.scores.scored[headline],
                expected=len({case[0] for case in candidate.scores.cases[headline]}),
                seconds_per_case=seconds_per_case(submission.timings),
                peak_mib=peak_mib(submission.timings),
                hardware=hardware_text(submission.document, submission.record),
                categories=_nested(groups["category"], columns, i),
                origins=_nested(groups["origin"], columns, i),
                findings=(*submission.all_findings, *superseded.get(submission.id, ()), *_withdrawn(submission)),
            )
        )
    return _sorted(_with_pareto(_with_ranks(entries, candidates, columns[0]), columns[0]), columns[0])


def is_contender(entry: Entry) -> bool:
    """Whether an entry is ranked: computed here, no control, not withdrawn, superseded or flagged as `UNRANKED`."""
    out = {"withdrawn", "superseded", *UNRANKED} & {finding.code for finding in entry.findings}
    return entry.tier in {"recomputed", "reproduced"} and not entry.control and not out


def _with_ranks(entries: Sequence[Entry], candidates: Sequence[Candidate], column: Column) -> list[Entry]:
    ranked = [i for i, entry in enumerate(entries) if is_contender(entry)]
    found: dict[int, Rank] = {}
    if ranked and column.higher_is_better is not None:
        of_ranked = ranks(_matrix([candidates[i] for i in ranked], column.signature), column.higher_is_better)
        found = dict(zip(ranked, of_ranked, strict=True))
    return [replace(entry, rank=found.get(i)) for i, entry in enumerate(entries)]


def _with_pareto(entries: Sequence[Entry], column: Column) -> list[Entry]:
    """Mark the ranked entries that nobody ranked is at least as good and as fast as, and better in one of the two."""
    sign = -1.0 if column.higher_is_better else 1.0
    known = [
        (sign * entry.values[column.metric].value, entry.seconds_per_case)
        for entry in entries
        if entry.rank is not None and entry.seconds_per_case is not None
    ]

    def beaten(loss: float, seconds: float) -> bool:
        return any(a <= loss and b <= seconds and (a, b) != (loss, seconds) for a, b in known)

    return [
        replace(entry, pareto=not beaten(sign * entry.values[column.metric].value, entry.seconds_per_case))
        if entry.rank is not None and entry.seconds_per_case is not None
        else entry
        for entry in entries
    ]


def _sorted(entries: Sequence[Entry], column: Column) -> tuple[Entry, ...]:
    sign = -1.0 if column.higher_is_better else 1.0

    def order(entry: Entry) -> tuple[int, float, str]:
        kind = 0 if entry.rank else 1 if entry.control and entry.tier != "self-reported" else 2
        return (kind, sign * entry.values[column.metric].value, entry.submission)

    return tuple(sorted(entries, key=order))


def _superseded(candidates: Sequence[Candidate]) -> dict[str, tuple[Finding, ...]]:
    """Submissions that a later one of the same owner replaces; what has no rank of its own replaces nothing."""
    latest: dict[tuple[str, ...], Result] = {}
    valid = [
        c.submission
        for c in candidates
        if c.submission.trusted
        and c.submission.withdrawn is None
        and not UNRANKED & {finding.code for finding in c.submission.all_findings}
    ]
    for submission in sorted(valid, key=lambda each: (each.created, each.id)):
        latest[submission.owner] = submission
    return {
        each.id: (Finding("superseded", "note", f"a later submission of this method counts: {latest[each.owner].id}"),)
        for each in valid
        if latest[each.owner] is not each
    }


def _withdrawn(submission: Result) -> tuple[Finding, ...]:
    if submission.withdrawn is None:
        return ()
    return (Finding("withdrawn", "flagged", f"withdrawn: {submission.withdrawn}"),)


def _matrix(candidates: Sequence[Candidate], signature: str, keep: np.ndarray | None = None) -> ScoreMatrix:
    cases = candidates[0].scores.cases[signature]
    values = np.stack([candidate.scores.values[signature] for candidate in candidates])
    if keep is not None:
        cases, values = tuple(np.array(cases, dtype=object)[keep].tolist()), values[:, keep]
    return ScoreMatrix(values, [case[2] for case in cases], [case[1] for case in cases])


def _by_group(candidates: Sequence[Candidate], column: Column, part: int) -> dict[str, np.ndarray]:
    """Category (part 2 of a case's identity) or origin (part 3) -> class-macro mean of every candidate within it."""
    names = np.array([case[part] for case in candidates[0].scores.cases[column.signature]])
    return {str(name): class_macros(_matrix(candidates, column.signature, names == name)) for name in np.unique(names)}


def _nested(
    groups: Sequence[Mapping[str, np.ndarray]], columns: Sequence[Column], entry: int
) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for column, of_column in zip(columns, groups, strict=True):
        for name, means in of_column.items():
            found.setdefault(name, {})[column.metric] = float(means[entry])
    return dict(sorted(found.items()))
