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
    from benchmark.drawing.scene import Scene
    from benchmark.metrics.base import Metric, Score
    from benchmark.tasks.segmentation.cases import SegmentationCase, SegmentationCases
    from benchmark.tasks.segmentation.profiles import Profile
    from benchmark.tasks.segmentation.training import SegmentationTrainingData

_SAME = 0.998
"""Dice of two label maps that no two methods reach by themselves."""


@dataclass(frozen=True)
class Segmentation:
    """The family; every case is a group of its own, every structure a category."""

    name: str = NAME
    tasks: tuple[Task, ...] = TASKS
    captions: tuple[str, ...] = ("dice", "hd95", "nsd")

    def metrics(self, task: Task | None = None) -> tuple[Metric, ...]:
        """Ours first (overlap, surfaces, volumes), then those of the packages whose conventions are reproduced."""
        from benchmark.tasks.segmentation.profiles import PROFILES

        wanted = PROFILES if task is None else cast(SegmentationTask, task).profiles
        return tuple(metric for name, each in PROFILES.items() if name in wanted for metric in each.metrics)

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
        """All metrics of each profile that applies, for each of its categories."""
        (case,) = cases
        known = cast("SegmentationCase", case)
        return [metric for each in self._profiles(task) for metric in each.expected(known)]

    def score(
        self, task: Task, cases: Sequence[Case], predictions: Mapping[str, Prediction], failures: Mapping[str, str]
    ) -> list[Score]:
        """Every structure or region of each profile."""
        from benchmark.tasks.segmentation.profiles.profile import answer_of

        (only,) = cases
        case, profiles = cast("SegmentationCase", only), self._profiles(task)
        if case.id in failures:
            return [score for each in profiles for score in each.worst(case, failures[case.id])]
        answer = answer_of(predictions[case.id].parts[LABELS], case)
        return [score for each in profiles for score in each.score(answer)]

    def _profiles(self, task: Task) -> list[Profile]:
        from benchmark.tasks.segmentation.profiles import PROFILES

        return [PROFILES[name] for name in cast(SegmentationTask, task).profiles]

    def floor(self, task: Task, cases: Sequence[Case]) -> list[Score]:
        """None: scores are exact."""
        return []

    def scene(
        self, case: Case, predictions: Mapping[str, Prediction | None], status: Mapping[str, str], error_of: str
    ) -> Scene:
        """Slices of what was observed with contours, and surfaces of every structure."""
        from benchmark.tasks.segmentation.scenes import build_scene

        labels = {name: None if each is None else each.parts[LABELS] for name, each in predictions.items()}
        return build_scene(cast("SegmentationCase", case), labels, status, error_of)

    def nearly_same(self, first: Prediction, second: Prediction) -> bool:
        """Whether two label maps agree nearly everywhere that either has a structure."""
        a, b = first.parts[LABELS], second.parts[LABELS]
        both = int(((a == b) & (a > 0)).sum())
        return 2 * both >= _SAME * int((a > 0).sum() + (b > 0).sum())


FAMILY = Segmentation()
