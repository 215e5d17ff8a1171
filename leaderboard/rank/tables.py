"""Tables of what may be compared: one task and profile, one revision and split of the data, one set of signatures."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from benchmark.metrics.base import Metric
from benchmark.tasks import find_metric, metric_order
from benchmark.tasks import tasks as known_tasks
from leaderboard.findings import RefusedError
from leaderboard.model import Column, Table
from leaderboard.rank.lines import Candidate, lines_of
from leaderboard.rank.quotations import quoted_in, quoted_tables
from leaderboard.rank.results import Result, Results
from leaderboard.rank.score_table import ScoreTable, score_tables_of


def columns_of(task: str, profile: str, cases: Mapping[str, Sequence[object]]) -> tuple[Column, ...]:
    """A column a signature, the headline first.

    Where a profile gives one metric in two units (millimetres where the scale is known), there are two columns, and
    their metrics are told apart by the unit: ``cd:mm``, ``cd:box``.

    Args:
        task: whose headline counts where the profile has it; else it is the profile's first metric.
        profile: of the signatures.
        cases: signature -> its cases; of two units the one with more cases comes first.
    """
    known = known_tasks()
    headline = known[task].headline if task in known else ""
    metrics = {signature: find_metric(signature) for signature in cases}
    times = Counter(metric.name for metric in metrics.values())
    order = {
        name: min(metric_order(signature)[0] for signature, metric in metrics.items() if metric.name == name)
        for name in times
    }

    def place(signature: str) -> tuple[bool, int, str, int, tuple[int, str]]:
        name = metrics[signature].name
        return name != headline, order[name], name, -len(cases[signature]), metric_order(signature)

    ordered = [metrics[signature] for signature in sorted(cases, key=place)]
    return tuple(column_of(metric, alone=times[metric.name] == 1) for metric in ordered)


def column_of(metric: Metric, *, alone: bool = True) -> Column:
    """A metric as a column; ``alone`` if no other column of the table has its name."""
    name = metric.name if alone else f"{metric.name}:{metric.unit or metric.signature}"
    return Column(
        name, metric.signature, metric.column, metric.higher_is_better, metric.unit, metric.digits, metric.heading
    )


def table_place(table: Table) -> tuple[int, str, int, str]:
    """Sorts tables: tasks and profiles in the order they are declared, strangers behind."""
    tasks = list(known_tasks())
    profile = min(metric_order(column.signature)[0] for column in table.columns)
    return tasks.index(table.task) if table.task in tasks else len(tasks), table.task, profile, table.profile


Key = tuple[str, str, str, str, str, str]
"""Task, its version, profile, data revision, split, and the key of the scores: signatures and cases."""
_UNKNOWN = "unknown"


def tables_of(results: Results) -> tuple[Table, ...]:
    """All tables: those with submissions in the order tasks and profiles are declared, then those that are only quoted.

    A submission that was refused, or that trusted code could not score, is in none. One without a verification is
    shown with its own numbers as self-reported, and is not ranked.
    """
    groups: dict[Key, list[Candidate]] = {}
    for submission in results.submissions:
        for scores in _score_tables(submission):
            groups.setdefault(_key(submission, scores), []).append(Candidate(submission, scores))
    tables = [_table(key, candidates) for key, candidates in groups.items()]
    tables.sort(key=lambda table: (*table_place(table), -len(table.entries), table.id))
    return (*tables, *quoted_tables())


def revision_of(submission: Result) -> str:
    """Revision of the data: of the truth that was used, else the one the submitter names."""
    if submission.verification is not None and submission.verification.data_revision:
        return submission.verification.data_revision
    return str(submission.document.get("data", {}).get("revision", _UNKNOWN))


def _score_tables(submission: Result) -> Sequence[ScoreTable]:
    if submission.refused or (submission.verification is not None and submission.verification.verdict == "cannot"):
        return ()
    try:
        rows = submission.rows
        return list(score_tables_of(rows).values())
    except RefusedError:
        return ()


def _key(submission: Result, scores: ScoreTable) -> Key:
    configuration = submission.record.get("configuration")
    task = configuration.get("task") if isinstance(configuration, dict) else None
    version = task.get("version", 1) if isinstance(task, dict) else 1
    data = submission.document.get("data", {})
    return (
        str(submission.document["task"]), str(version), scores.profile, revision_of(submission),
        str(data.get("split", "test")), scores.key,
    )  # fmt: skip


def _table(key: Key, candidates: Sequence[Candidate]) -> Table:
    task, _, profile, revision, split, _ = key
    scores = candidates[0].scores
    columns = columns_of(task, profile, scores.cases)
    headline = scores.cases[columns[0].signature]
    digest = hashlib.sha256("\0".join(key).encode()).hexdigest()
    table = Table(
        id=f"{task}-{profile}-{split}-{revision[:8]}-{digest[:6]}",
        task=task,
        profile=profile,
        title=f"{task}: {columns[0].heading}" + ("" if split == "test" else f", {split} split"),
        data_name=_data_name(candidates),
        data_revision=revision,
        split=split,
        headline=columns[0].metric,
        columns=columns,
        entries=lines_of(candidates, columns),
        subjects=len({case[1] for case in headline}),
        cases=len({case[0] for case in headline}),
    )
    return replace(table, quoted=quoted_in(table))


def _data_name(candidates: Sequence[Candidate]) -> str:
    """What most call the data set, those first whose numbers were computed here: one stranger cannot rename it."""
    for trusted in (True, False):
        said = [c.submission.document.get("data", {}).get("name", "") for c in candidates]
        names = Counter(
            str(name) for c, name in zip(candidates, said, strict=True) if name and c.submission.trusted is trusted
        )
        if names:
            return min(names, key=lambda name: (-names[name], name))
    return ""
