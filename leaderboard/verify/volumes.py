"""The pinned truth, and stored predictions as arrays: an array of a stranger is judged by its Space and nothing else.

Cases are those of a pinned revision of the data, checked against its manifest before anything is scored.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmark.contract import Array, Grid, Prediction, Space, TrainingData
from benchmark.data.rows import read_manifest
from benchmark.errors import BenchError, DataError
from benchmark.spaces import MOST_POINTS, from_stored, problem_of, shape_of, stored_type, to_stored
from benchmark.tasks import Task, Weighs, family_of
from leaderboard.asked import Asked, ask
from leaderboard.findings import RefusedError, shown
from leaderboard.verify.parsing import Cells
from medshape_text import manifest
from medshape_text.manifest import MANIFEST
from medshape_text.records import SPLITS

TRAINING = "train"
"""The split that methods learn from."""
_PROBLEMS = {
    "not_finite": "has values that are not finite",
    "out_of_range": "has values that its Space does not have",
    "empty": "is empty, with no voxel inside or no points; it is a failed case",
}
_CASE_BYTES = 2**12
"""What a prediction may take in a file beside its cells."""


@dataclass(eq=False)
class Truth:
    """A data set that is what its manifest says; opened by `open_truth`."""

    folder: Path
    revision: str
    manifest_sha256: str

    def asked(self, task: Task, split: str) -> Asked:
        """The cases of a task on a split.

        Raises:
            BenchError: if the data set has no such split, or none that the family of the task can use.
        """
        key = task.name, split
        if key not in self._asked:
            self._asked[key] = ask(task, self.folder, split)
        return self._asked[key]

    def split_of(self, task: Task, case: str) -> str | None:
        """The split in which a task has a case, or None."""
        for split in SPLITS:
            try:
                if case in self.asked(task, split).cases:
                    return split
            except BenchError:
                continue
        return None

    def training(self, task: Task) -> TrainingData | None:
        """What methods may learn the task from; None if the data set has nothing."""
        if task.family not in self._training:
            try:
                self._training[task.family] = family_of(task).training_data(self.folder, TRAINING)
            except DataError:
                self._training[task.family] = None
        return self._training[task.family]

    @cached_property
    def _asked(self) -> dict[tuple[str, str], Asked]:
        return {}

    @cached_property
    def _training(self) -> dict[str, TrainingData | None]:
        return {}


def open_truth(folder: Path, *, checked: bool = True) -> Truth:
    """Open a data set; ``checked``: read every file of it once to compare its hash with the manifest.

    Raises:
        DataError: if it is no data set of this schema version, or a file is missing or differs.
    """
    described = read_manifest(folder)
    wrong = manifest.verify(folder) if checked else ()
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise DataError(f"{folder / wrong[0]} differs from the manifest{more}; nothing can be verified with it")
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    return Truth(folder, str(described["revision"]), digest)


def most_prediction_bytes(asked: Asked) -> int:
    """Bytes that no honest file of predictions exceeds: cells that do not shrink at all, and a little for each."""
    return len(asked.cases) * (sum(asked.part_bytes.values()) + _CASE_BYTES)


def read_prediction(cells: Cells, case: str, asked: Asked) -> Prediction:
    """The prediction of a case.

    Raises:
        RefusedError: if it is not as the runner stores it, or would take minutes to score.
    """
    prediction = prediction_of(cells.cells(case), case, asked.grids[case], asked.outputs)
    costs = asked.family.too_costly(prediction) if isinstance(asked.family, Weighs) else None
    if costs is not None:
        raise RefusedError("cell-unscorable", f"the prediction of {shown(case)} {costs}")
    return prediction


def prediction_of(parts: Mapping[str, bytes], case: str, grid: Grid | None, outputs: Mapping[str, Space]) -> Prediction:
    """A prediction from the bytes of its parts.

    Raises:
        RefusedError: if the runner would not have stored it so.
    """
    return Prediction({name: _array(parts[name], f"{name} of {shown(case)}", space, grid)
                       for name, space in outputs.items()})  # fmt: skip


def _array(cell: bytes, what: str, space: Space, grid: Grid | None) -> Array:
    stored = np.frombuffer(cell, dtype=stored_type(space)).reshape(_shape(cell, what, space, grid))
    if space.kind not in ("labels", "choice") and not np.isfinite(stored).all():
        raise RefusedError("cell-invalid", f"{what} {_PROBLEMS['not_finite']}")
    array = from_stored(stored, space)
    again = to_stored(array, space)
    if not np.array_equal(again, stored):
        raise RefusedError("cell-invalid", f"{what} has values beyond the truncation, which are never stored")
    if again.tobytes() != cell:
        raise RefusedError("cell-invalid", f"{what} has negative zeros")
    if (problem := problem_of(array, space, grid)) is not None:
        raise RefusedError("cell-invalid", f"{what} {_PROBLEMS.get(problem, problem)}")
    return array


def _shape(cell: bytes, what: str, space: Space, grid: Grid | None) -> tuple[int, ...]:
    """The shape that so many bytes have; nothing is allocated before they are as many as they should be."""
    wanted = shape_of(space, grid)
    step = math.prod(size for size in wanted if size is not None) * stored_type(space).itemsize
    open_axes = wanted.count(None)
    if open_axes > 1:
        raise RefusedError("cell-invalid", f"{what}: its bytes do not tell a shape of {open_axes} open axes")
    length, rest = divmod(len(cell), step) if step else (0, len(cell))
    if rest or (not open_axes and length != 1) or length > MOST_POINTS:
        should = f"a multiple of {step}, up to {MOST_POINTS} times" if open_axes else str(step)
        raise RefusedError("cell-invalid", f"{what} has {len(cell)} bytes, not {should}")
    return tuple(length if size is None else size for size in wanted)
