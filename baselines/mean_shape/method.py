"""The best constant answer of a category, learnt from its real training subjects.

Two families of constants compete: the mean SDF cut at some level, and the mean occupancy cut at some
probability (the mask that maximises expected Dice is such a cut: Dembczynski et al., NIPS 2011).
Family and cut are those with the best leave-one-out Dice on the training subjects.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from baselines.training import learnt, rows_by_category
from benchmark.contract import Mask, Method, MethodContext, Prediction, Request, Volume
from benchmark.tasks.shape_completion.tasks import SHAPE
from benchmark.tasks.shape_completion.training import ShapeTrainingData
from medshape_text.curate.sdf import sdf_from_mask
from medshape_text.frame import HALF_BOX_VOXELS, TRUNCATION

_LEVELS_VOXELS = (-0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0)
_PROBABILITIES = (0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55)


@dataclass(frozen=True)
class Cut:
    """Where a mean is cut: mean SDF below ``at`` units, or mean occupancy above ``at``."""

    family: Literal["sdf", "occupancy"]
    at: float

    def mask(self, mean_sdf: NDArray[np.floating], mean_occupancy: NDArray[np.floating]) -> Mask:
        """The constant answer's inside, given the two means (64, 64, 64)."""
        if self.family == "sdf":
            return np.asarray(mean_sdf < self.at)
        return np.asarray(mean_occupancy > self.at)


CUTS = (
    *(Cut("sdf", level / HALF_BOX_VOXELS) for level in _LEVELS_VOXELS),
    *(Cut("occupancy", probability) for probability in _PROBABILITIES),
)


def best_cut(shapes: NDArray[np.float32]) -> Cut:
    """The cut with the highest mean Dice when every one of (N, 64, 64, 64) SDFs is left out in turn.

    With a single shape there is nothing to leave out: the plain mean SDF. Ties go to the first of ``CUTS``.
    """
    count = len(shapes)
    if count < 2:
        return Cut("sdf", 0.0)
    inside = shapes < 0
    sdf_sum = shapes.sum(axis=0, dtype=np.float64)
    occupancy_sum = inside.sum(axis=0)
    scores = np.zeros(len(CUTS))
    for shape, truth in zip(shapes, inside, strict=True):
        mean_sdf = (sdf_sum - shape) / (count - 1)
        mean_occupancy = (occupancy_sum - truth) / (count - 1)
        for index, cut in enumerate(CUTS):
            answer = cut.mask(mean_sdf, mean_occupancy)
            scores[index] += 2 * np.count_nonzero(answer & truth) / max(1, answer.sum() + truth.sum())
    return CUTS[int(scores.argmax())]


def constant_answer(shapes: NDArray[np.float32]) -> Volume:
    """SDF (64, 64, 64) of the best constant answer to (N, 64, 64, 64) training SDFs."""
    cut = best_cut(shapes)
    mean_sdf = shapes.mean(axis=0, dtype=np.float64)
    if cut.family == "sdf":
        return np.asarray(np.clip(mean_sdf - cut.at, -TRUNCATION, TRUNCATION), dtype=np.float32)
    return sdf_from_mask(cut.mask(mean_sdf, (shapes < 0).mean(axis=0)))


class MeanShape:
    """Answers every request of a category with the same shape."""

    def __init__(self) -> None:
        """Nothing is known before ``fit``."""
        self._answers: dict[str, Volume] = {}

    def fit(self, training_data: ShapeTrainingData, workdir: Path) -> None:
        """Learn one constant per category from the real training shapes."""
        self._answers = {
            category: constant_answer(np.stack([training_data.sdf(row) for row in rows]))
            for category, rows in rows_by_category(training_data, real_only=True).items()
        }

    def predict(self, request: Request) -> Prediction:
        """The constant of ``request.category``; the observation is not looked at."""
        return Prediction({SHAPE: learnt(self._answers, request.category).copy()})


def build(context: MethodContext) -> Method:
    """Entry point ``mean-shape``."""
    return MeanShape()
