"""Reading a run folder. Aggregates are always derived from its rows, never stored as truth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.contract import Grid, Prediction, Space
from benchmark.errors import RunError
from benchmark.records.predictions import read_prediction
from benchmark.records.rows import Row, complete_lines
from benchmark.records.writer import CASES, OBSERVATIONS, RECORD, TIMINGS

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Run:
    """A run as it lies on disk, finished or not.

    Attributes:
        path: the folder.
        provenance: ``run.json``: the configuration and where and with what it ran.
        rows: one per case and metric, in case order.
        timings: case id → seconds, peak memory.
        observations: case id → observation hash, whether it was empty, sampling floor.
    """

    path: Path
    provenance: dict[str, Any]
    rows: tuple[Row, ...]
    timings: dict[str, dict[str, Any]] = field(default_factory=dict)
    observations: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def configuration(self) -> dict[str, Any]:
        """What the numbers depend on; two runs of one configuration give the same bytes."""
        configuration: dict[str, Any] = self.provenance["configuration"]
        return configuration

    @property
    def method(self) -> str:
        """Name of the method."""
        return str(self.configuration["method"]["name"])

    @property
    def task(self) -> str:
        """Name of the task."""
        return str(self.configuration["task"]["name"])

    @property
    def case_ids(self) -> list[str]:
        """Ids of all cases the run should have, in order."""
        return list(self.provenance["cases"])

    def scores(self) -> pd.DataFrame:
        """One line per case and metric: case, subject, category, origin, metric, signature, value, status."""
        import pandas as pd

        columns = list(Row.__dataclass_fields__)
        return pd.DataFrame([[getattr(row, name) for name in columns] for row in self.rows], columns=columns)

    @property
    def group_ids(self) -> list[str]:
        """Ids that rows have, in order: of the cases, where sets of cases are scored of the sets."""
        return list(self.provenance.get("groups", self.provenance["cases"]))

    def prediction(self, case_id: str, outputs: Mapping[str, Space], grid: Grid | None) -> Prediction:
        """The stored prediction of a case.

        Raises:
            FileNotFoundError: if the case failed.
            ValueError: if the file holds something else.
        """
        return read_prediction(self.path, case_id, outputs, grid)


def load_run(path: str | Path) -> Run:
    """Load a run folder, finished or not.

    Raises:
        RunError: if it is not one, or is damaged.
    """
    folder = Path(path)
    try:
        provenance = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        rows = tuple(Row(**record) for record, _ in complete_lines(folder / CASES))
        timings, observations = (
            {str(record["case"]): record for record, _ in complete_lines(folder / name)}
            for name in (TIMINGS, OBSERVATIONS)
        )
        run = Run(folder, provenance, rows, timings, observations)
        _ = run.method, run.task, run.case_ids
    except FileNotFoundError as error:
        raise RunError(f"{folder} is not a run folder: it has no {RECORD}") from error
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise RunError(f"the run in {folder} cannot be read: {error}") from error
    return run
