"""What a report rests on: run records that belong together, told apart by a label each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.contract import Case, Prediction
from benchmark.errors import RunError
from benchmark.metrics.base import NOT_APPLICABLE, OK, Metric
from benchmark.records import Row, Run, load_run
from benchmark.tasks import Task, family_of, find_metric, find_task, metric_order

MUST_AGREE = ("task", "data")
"""Parts of a run's configuration without which two runs did not see the same cases."""


@dataclass(frozen=True, eq=False)
class Entry:
    """One run in the report.

    Attributes:
        label: method name, with the folder's name added where a method occurs twice.
        run: the record.
        scores: one row per case and metric, as recorded.
    """

    label: str
    run: Run
    scores: pd.DataFrame

    def prediction(self, case: Case) -> Prediction | None:
        """The stored prediction, or None where the case failed or has not run."""
        task = find_task(self.run.task)
        try:
            return self.run.prediction(case.id, family_of(task).outputs(task), case.grid)
        except (FileNotFoundError, ValueError):
            return None

    def has(self, group: str, signature: str) -> bool:
        """Whether there is any row of one metric of one case or set of cases."""
        return (group, signature) in self._rows

    def mean(self, group: str, signature: str) -> float | None:
        """One metric of one case or set, the mean over its categories; None where nothing has a value."""
        values = [row.value for row in self._rows.get((group, signature), ()) if row.value is not None]
        return sum(values) / len(values) if values else None

    def done(self, signature: str) -> tuple[int, int]:
        """How many cases or sets have one metric, and how many of these failed."""
        found = [rows for (_, each), rows in self._rows.items() if each == signature]
        statuses = [{row.status for row in rows} - {NOT_APPLICABLE} for rows in found]
        return sum(map(bool, statuses)), sum(bool(each - {OK}) for each in statuses)

    def status(self, group: str) -> str:
        """Why the case, or one of the set, failed, "ok" if none did, or "not run"."""
        cases = self.run.provenance.get("groups", {}).get(group, [group])
        found = [str(self.run.timings.get(case, {}).get("status", "not run")) for case in cases]
        return next((each for each in found if each != OK), OK)

    @cached_property
    def _rows(self) -> dict[tuple[str, str], list[Row]]:
        rows: dict[tuple[str, str], list[Row]] = {}
        for row in self.run.rows:
            rows.setdefault((row.case, row.signature), []).append(row)
        return rows


def load_entries(folders: Sequence[Path]) -> list[Entry]:
    """Load runs that can stand in one table, in the order given.

    Raises:
        RunError: if there is none, one cannot be read, or they were not made on the same cases.
    """
    runs = [load_run(folder) for folder in folders]
    if not runs:
        raise RunError("a report needs at least one run folder")
    first = runs[0]
    for run in runs[1:]:
        for key in MUST_AGREE:
            if run.configuration.get(key) != first.configuration.get(key):
                raise RunError(f"{run.path} cannot be reported together with {first.path}: they differ in {key}")
    counts = Counter(run.method for run in runs)
    labels = [run.method if counts[run.method] == 1 else f"{run.method} ({run.path.name})" for run in runs]
    if len(set(labels)) < len(labels):
        raise RunError("the same run was given twice")
    return [Entry(label, run, run.scores()) for label, run in zip(labels, runs, strict=True)]


def focus_of(entries: Sequence[Entry]) -> Entry:
    """The run everything is compared with: the first of method "genmed", else the first."""
    return next((entry for entry in entries if entry.run.method == "genmed"), entries[0])


def group_ids(entries: Sequence[Entry]) -> list[str]:
    """Ids of all cases, or sets that are scored as one, in the order of the first run that has them."""
    return list(dict.fromkeys(group for entry in entries for group in entry.run.group_ids))


def metrics_of(entries: Sequence[Entry]) -> list[Metric]:
    """The metrics of all signatures that occur, in the order of the family's table: the columns of every table."""
    signatures = {row.signature for entry in entries for row in entry.run.rows}
    return [find_metric(signature) for signature in sorted(signatures, key=metric_order)]


def headline_of(task: Task, metrics: Sequence[Metric]) -> Metric:
    """The metric that runs of a task are compared by: the first column of its name, else the first."""
    return next((metric for metric in metrics if metric.name == task.headline), metrics[0])


def headings(metrics: Sequence[Metric]) -> list[tuple[str, int]]:
    """Headings over consecutive columns, with how many columns they span."""
    spans: list[tuple[str, int]] = []
    for metric in metrics:
        if spans and spans[-1][0] == metric.heading:
            spans[-1] = (metric.heading, spans[-1][1] + 1)
        else:
            spans.append((metric.heading, 1))
    return spans


def flatten(record: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """A nested record as (dotted key, text) lines; long lists (the case ids) as their length."""
    lines: list[tuple[str, str]] = []
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            lines += flatten(value, f"{name}.")
        elif isinstance(value, list):
            text = ", ".join(str(item) for item in value)
            lines.append((name, text if len(text) <= 200 else f"{len(value)} entries"))
        else:
            lines.append((name, "" if value is None else str(value)))
    return lines
