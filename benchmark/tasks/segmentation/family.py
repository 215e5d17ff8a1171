"""What segmentation says to the shared machinery (`benchmark.tasks.family.Family`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from benchmark.tasks.family import Task
from benchmark.tasks.segmentation.tasks import LABELS, NAME, TASKS, SegmentationTask

if TYPE_CHECKING:
    from benchmark.contract import Case, Prediction, Space
    from benchmark.metrics.base import Metric, Score
    from benchmark.tasks.segmentation.cases import SegmentationCase, SegmentationCases
    from benchmark.tasks.segmentation.training import SegmentationTrainingData

_SAME = 0.998
"""Dice of two label maps that no two methods reach by themselves."""


@dataclass(frozen=True)
class Segmentation:
    """The family; every case is a group of its own, every structure a category."""

    name: str = NAME
    tasks: tuple[Task, ...] = TASKS

    def metrics(self, task: Task | None = None) -> tuple[Metric, ...]:
        """Overlap, surfaces, volumes."""
        from benchmark.tasks.segmentation.scoring import METRICS

        return METRICS

    def outputs(self, task: Task) -> Mapping[str, Space]:
        """Labels of as many structures as there can be; the cases of a data set say which (``outputs`` there)."""
        from benchmark.tasks.segmentation.spaces import any_labels

        return {LABELS: any_labels()}

    def cases(self, task: Task, folder: Path, split: str) -> SegmentationCases:
        """Every image of the split that has the task's modality."""
        from benchmark.tasks.segmentation.cases import open_cases

        return open_cases(folder, split, cast(SegmentationTask, task))

    def training_data(self, folder: Path, split: str) -> SegmentationTrainingData:
        """All cases of the split in the first modality."""
        from benchmark.tasks.segmentation.training import SegmentationTrainingData

        return SegmentationTrainingData(folder, split)

    def training_for(self, task: Task, folder: Path, split: str, seed: int) -> SegmentationTrainingData:
        """The modality and, in the training split, the few cases of a task."""
        from benchmark.tasks.segmentation.training import SegmentationTrainingData

        return SegmentationTrainingData(folder, split, cast(SegmentationTask, task), seed)

    def expected(self, task: Task, cases: Sequence[Case]) -> list[Metric]:
        """All metrics of each annotated structure."""
        from benchmark.tasks.segmentation.scoring import METRICS

        (case,) = cases
        return list(METRICS) * len(cast("SegmentationCase", case).annotated)

    def score(
        self, task: Task, cases: Sequence[Case], predictions: Mapping[str, Prediction], failures: Mapping[str, str]
    ) -> list[Score]:
        """Every structure, on the original grid."""
        from benchmark.tasks.segmentation.scoring import score_structures, worst

        (only,) = cases
        case = cast("SegmentationCase", only)
        if case.id in failures:
            return worst(case, failures[case.id])
        return score_structures(predictions[case.id].parts[LABELS], case)

    def floor(self, task: Task, cases: Sequence[Case]) -> list[Score]:
        """None: scores are exact."""
        return []

    def nearly_same(self, first: Prediction, second: Prediction) -> bool:
        """Whether two label maps agree nearly everywhere that either has a structure."""
        a, b = first.parts[LABELS], second.parts[LABELS]
        both = int(((a == b) & (a > 0)).sum())
        return 2 * both >= _SAME * int((a > 0).sum() + (b > 0).sum())


FAMILY = Segmentation()
