"""The best constant label map, learnt from the training cases of a task.

Each structure is cut out of its mean signed distance or its mean occupancy, at the level with the best leave-one-out
Dice on the training cases (`baselines.mean_shape.method.best_cut`). Where two structures claim a voxel, the one that
more training cases have there gets it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from baselines.mean_shape.method import best_cut
from baselines.segmenting import Labels, rows_with
from baselines.training import NotFittedError
from benchmark.contract import Method, MethodContext, Prediction, Request
from benchmark.data.volumes.distances import distances_of_labels
from benchmark.tasks.segmentation.tasks import LABELS
from benchmark.tasks.segmentation.training import SegmentationTrainingData


def claims(masks: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.floating]]:
    """Where the best constant answer has a structure, and how many of the cases have it there.

    Args:
        masks: (N, X, Y, Z) of one structure, at least one case.

    Returns:
        (X, Y, Z) bool and (X, Y, Z) in 0 to 1.
    """
    distances = np.concatenate([distances_of_labels(mask.astype(np.uint8), 1) for mask in masks])
    occupancy = masks.mean(axis=0)
    return best_cut(distances).mask(distances.mean(axis=0, dtype=np.float64), occupancy), occupancy


def constant_labels(data: SegmentationTrainingData) -> Labels:
    """(X, Y, Z): the constant answer of a training split; voxels are those of the task's grid, whatever their size."""
    labels = [np.asarray(data.part(row, LABELS), np.uint8) for row in range(len(data))]
    answer = np.zeros(labels[0].shape, np.uint8)
    most = np.zeros(answer.shape)
    for structure in range(len(data.described.structures)):
        rows = rows_with(data, structure)
        if not rows:
            continue
        inside, occupancy = claims(np.stack([labels[row] == structure + 1 for row in rows]))
        won = inside & (occupancy > most)
        answer[won], most[won] = structure + 1, occupancy[won]
    return answer


class MeanLabel:
    """Answers every request with the same labels."""

    def __init__(self) -> None:
        """Nothing is known before ``fit``."""
        self._answer: Labels | None = None

    def fit(self, training_data: SegmentationTrainingData, workdir: Path) -> None:
        """Learn the constant."""
        self._answer = constant_labels(training_data)

    def predict(self, request: Request) -> Prediction:
        """The constant; the image is not looked at."""
        if self._answer is None:
            raise NotFittedError("mean-label learns from the training split: call fit before predict")
        return Prediction({LABELS: self._answer.copy()})


def build(context: MethodContext) -> Method:
    """Entry point ``mean-label``."""
    return MeanLabel()
