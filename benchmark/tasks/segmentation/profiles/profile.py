"""What a profile is: its metrics, the categories of a case they are given of, and their values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchmark.contract import Grid
from benchmark.data.volumes.geometry import spacing_of
from benchmark.data.volumes.resampling import labels_onto
from benchmark.metrics.base import NOT_APPLICABLE, OK, Metric, Score
from benchmark.tasks.segmentation.cases import SegmentationCase

Labels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Value = float | None
"""None: there is nothing to score, because the structure is in neither."""


@dataclass(frozen=True)
class Answer:
    """A prediction beside the truth, on both grids; ``mapped`` is the prediction on the grid the labels came on."""

    case: SegmentationCase
    labels: Labels
    mapped: Labels

    def original(self, names: Sequence[str]) -> tuple[Mask, Mask]:
        """Masks of structures together, found and true, on the grid the labels came on."""
        return self._masks(names, self.mapped, self.case.scored_labels)

    def on_task_grid(self, names: Sequence[str]) -> tuple[Mask, Mask]:
        """The same on the grid of the task."""
        return self._masks(names, self.labels, self.case.truth["labels"])

    def _masks(self, names: Sequence[str], found: Labels, true: Labels) -> tuple[Mask, Mask]:
        values = [self.case.structures.index(name) + 1 for name in names]
        return np.isin(found, values), np.isin(true, values)


class Profile(ABC):
    """A bundle of conventions; subclasses say what only they know."""

    name: str
    metrics: tuple[Metric, ...]

    @abstractmethod
    def categories(self, case: SegmentationCase) -> Sequence[str]:
        """What of a case is scored; nothing where the profile does not apply."""

    @abstractmethod
    def values(self, answer: Answer, category: str) -> Sequence[Value]:
        """A value for every metric."""

    @abstractmethod
    def worst_values(self, case: SegmentationCase) -> Sequence[float]:
        """What a case without a prediction scores."""

    def expected(self, case: SegmentationCase) -> list[Metric]:
        """The metrics of the rows of a case, in order."""
        return list(self.metrics) * len(self.categories(case))

    def score(self, answer: Answer) -> list[Score]:
        """All scores of a case."""
        return [
            Score(metric.name, metric.signature, value, NOT_APPLICABLE if value is None else OK, category)
            for category in self.categories(answer.case)
            for metric, value in zip(self.metrics, self.values(answer, category), strict=True)
        ]

    def worst(self, case: SegmentationCase, reason: str) -> list[Score]:
        """The worst value of every metric, with the reason."""
        return [
            Score(metric.name, metric.signature, value, reason, category)
            for category in self.categories(case)
            for metric, value in zip(self.metrics, self.worst_values(case), strict=True)
        ]


def answer_of(labels: Labels, case: SegmentationCase) -> Answer:
    """A prediction on the grid of the case, mapped onto the grid the labels came on."""
    if case.grid is None:
        raise ValueError(f"case {case.id} has no grid")
    return Answer(case, labels, labels_onto(labels, case.grid, case.scored_on, len(case.structures)))


@lru_cache(maxsize=8)
def spacing(grid: Grid) -> tuple[float, ...]:
    """Millimetres between voxel centres along each axis."""
    return tuple(float(step) for step in spacing_of(grid))
