"""Lines of a table: values with intervals, what they cost, and who is ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from leaderboard.model import Column, Entry, Finding, Interval, Rank
from leaderboard.rank.controls import is_control
from leaderboard.rank.costs import hardware_text, peak_mib, seconds_per_case
from leaderboard.rank.panel import Panel, class_macros, intervals
from leaderboard.rank.places import ranks
from leaderboard.rank.sheets import Sheet
from leaderboard.rank.submissions import Submission
from leaderboard.verify.codes import UNRANKED


@dataclass(frozen=True, eq=False)
class Candidate:
    """A submission with its rows of one profile: trusted ones, or for want of them the submitter's."""

    submission: Submission
    sheet: Sheet


def lines_of(candidates: Sequence[Candidate], columns: Sequence[Column]) -> tuple[Entry, ...]:
    """A line a candidate: the ranked ones first, best first, then controls, then all that is not ranked.

    Only the latest submission of an owner whose numbers were computed here is ranked, and none flagged as `UNRANKED`.

    Args:
        candidates: at least one; all of the same signatures and cases.
        columns: of these signatures, the headline first.
    """
    superseded = _superseded(candidates)
    values = [_values(candidates, column) for column in columns]
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
                scored=candidate.sheet.scored[headline],
                expected=len(candidate.sheet.cases[headline]),
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
    if ranked:
        places = ranks(_panel([candidates[i] for i in ranked], column.signature), column.higher_is_better)
        found = dict(zip(ranked, places, strict=True))
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

    def place(entry: Entry) -> tuple[int, float, str]:
        kind = 0 if entry.rank else 1 if entry.control and entry.tier != "self-reported" else 2
        return (kind, sign * entry.values[column.metric].value, entry.submission)

    return tuple(sorted(entries, key=place))


def _superseded(candidates: Sequence[Candidate]) -> dict[str, tuple[Finding, ...]]:
    """Submissions that a later one of the same owner replaces; what has no place of its own replaces nothing."""
    latest: dict[tuple[str, ...], Submission] = {}
    standing = [
        c.submission
        for c in candidates
        if c.submission.trusted
        and c.submission.withdrawn is None
        and not UNRANKED & {finding.code for finding in c.submission.all_findings}
    ]
    for submission in sorted(standing, key=lambda each: (each.created, each.id)):
        latest[submission.owner] = submission
    return {
        each.id: (Finding("superseded", "note", f"a later submission of this method counts: {latest[each.owner].id}"),)
        for each in standing
        if latest[each.owner] is not each
    }


def _withdrawn(submission: Submission) -> tuple[Finding, ...]:
    if submission.withdrawn is None:
        return ()
    return (Finding("withdrawn", "flagged", f"withdrawn: {submission.withdrawn}"),)


def _panel(candidates: Sequence[Candidate], signature: str, keep: np.ndarray | None = None) -> Panel:
    cases = candidates[0].sheet.cases[signature]
    values = np.stack([candidate.sheet.values[signature] for candidate in candidates])
    if keep is not None:
        cases, values = tuple(np.array(cases, dtype=object)[keep].tolist()), values[:, keep]
    return Panel(values, [case[2] for case in cases], [case[1] for case in cases])


def _values(candidates: Sequence[Candidate], column: Column) -> list[Interval]:
    return intervals(_panel(candidates, column.signature))


def _by_group(candidates: Sequence[Candidate], column: Column, part: int) -> dict[str, np.ndarray]:
    """Category (part 2 of a case's identity) or origin (part 3) -> class-macro mean of every candidate within it."""
    names = np.array([case[part] for case in candidates[0].sheet.cases[column.signature]])
    return {str(name): class_macros(_panel(candidates, column.signature, names == name)) for name in np.unique(names)}


def _nested(
    groups: Sequence[Mapping[str, np.ndarray]], columns: Sequence[Column], entry: int
) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for column, of_column in zip(columns, groups, strict=True):
        for name, means in of_column.items():
            found.setdefault(name, {})[column.metric] = float(means[entry])
    return dict(sorted(found.items()))
