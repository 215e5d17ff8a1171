"""What a report rests on: run records that belong together, told apart by a label each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.contract import Volume
from benchmark.errors import RunError
from benchmark.records import Run, load_run

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

    def prediction(self, case_id: str) -> Volume | None:
        """The stored prediction, or None where the case failed or has not run."""
        try:
            return self.run.prediction(case_id)
        except (FileNotFoundError, ValueError):
            return None

    def row(self, case_id: str, signature: str) -> tuple[float | None, str]:
        """Value and status of one metric of one case; (None, "not run") where there is no row."""
        found = self.scores[(self.scores["case"] == case_id) & (self.scores["signature"] == signature)]
        if found.empty:
            return None, "not run"
        value = found["value"].iloc[0]
        return (None if pd.isna(value) else float(value)), str(found["status"].iloc[0])


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


def case_ids(entries: Sequence[Entry]) -> list[str]:
    """Ids of all cases in the order of the first run that has them."""
    return list(dict.fromkeys(case for entry in entries for case in entry.run.case_ids))


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
