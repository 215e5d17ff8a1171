"""What shape completion says to the shared machinery (`benchmark.tasks.family.Family`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from benchmark.tasks.family import Task
from benchmark.tasks.shape_completion.tasks import NAME, SHAPE, TASKS, ShapeTask

if TYPE_CHECKING:
    from benchmark.contract import Case, Prediction, Space
    from benchmark.drawing.scene import Scene
    from benchmark.metrics.base import Metric, Score
    from benchmark.tasks.shape_completion.cases import ShapeCases
    from benchmark.tasks.shape_completion.training import ShapeTrainingData


@dataclass(frozen=True)
class ShapeCompletion:
    """The family; every case is a group of its own."""

    name: str = NAME
    tasks: tuple[Task, ...] = TASKS
    captions: tuple[str, ...] = ("dice", "cd", "uhd")

    def metrics(self, task: Task | None = None) -> tuple[Metric, ...]:
        """Overlaps first, then ours in millimetres, in box units, the paper's, the field's."""
        from benchmark.tasks.shape_completion.profiles import PROFILES

        wanted = PROFILES if task is None else cast(ShapeTask, task).profiles
        names = [name for name in ("overlap", "dense", "genmed", "field") if name in wanted]
        return tuple(metric for name in names for metric in PROFILES[name].metrics)

    def outputs(self, task: Task) -> Mapping[str, Space]:
        """One signed distance."""
        from benchmark.spaces import SDF

        return {SHAPE: SDF}

    def cases(self, task: Task, folder: Path, split: str) -> ShapeCases:
        """Every shape of the split, observed through the task's prompt."""
        from benchmark.tasks.shape_completion.cases import open_cases

        return open_cases(folder, split, cast(ShapeTask, task).prompt)

    def training_data(self, folder: Path, split: str) -> ShapeTrainingData:
        """Signed distances and corresponding meshes."""
        from benchmark.tasks.shape_completion.training import ShapeTrainingData

        return ShapeTrainingData(folder, split)

    def expected(self, task: Task, cases: Sequence[Case]) -> list[Metric]:
        """The metrics of the task's profiles that apply to the case."""
        from benchmark.tasks.shape_completion.profiles import profile

        (case,) = cases
        return [metric for name in cast(ShapeTask, task).profiles for metric in profile(name).applicable(case)]

    def score(
        self, task: Task, cases: Sequence[Case], predictions: Mapping[str, Prediction], failures: Mapping[str, str]
    ) -> list[Score]:
        """Every profile of the task, or the worst value of each metric with the reason."""
        from benchmark.tasks.shape_completion.profiles import profile

        (case,) = cases
        profiles = [profile(name) for name in cast(ShapeTask, task).profiles]
        if case.id in failures:
            return [score for each in profiles for score in each.worst(case, failures[case.id])]
        shape = predictions[case.id].parts[SHAPE]
        return [score for each in profiles for score in each.score(shape, case)]

    def floor(self, task: Task, cases: Sequence[Case]) -> list[Score]:
        """The truth against itself, its surface sampled afresh."""
        from benchmark.tasks.shape_completion.profiles import profile

        (case,) = cases
        return [score for name in cast(ShapeTask, task).profiles for score in profile(name).floor(case)]

    def nearly_same(self, first: Prediction, second: Prediction) -> bool:
        """Whether two shapes tell the same surface, more precisely than two methods agree."""
        from benchmark.tasks.shape_completion.likeness import nearly_same

        return nearly_same(first.parts[SHAPE], second.parts[SHAPE])

    def too_costly(self, prediction: Prediction) -> str | None:
        """Whether a shape has so much surface that scoring it would take minutes: noise."""
        from benchmark.tasks.shape_completion.likeness import CROSSINGS, crossings

        found = crossings(prediction.parts[SHAPE])
        return f"has a surface of {found} voxels" if found > CROSSINGS else None

    def scene(
        self, case: Case, predictions: Mapping[str, Prediction | None], status: Mapping[str, str], error_of: str
    ) -> Scene:
        """Surfaces that turn: observation, completions, truth and error."""
        from benchmark.tasks.shape_completion.scenes import build_scene

        shapes = {name: None if each is None else each.parts[SHAPE] for name, each in predictions.items()}
        return build_scene(case, shapes, status, error_of)


FAMILY = ShapeCompletion()
