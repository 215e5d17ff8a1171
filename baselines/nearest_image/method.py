"""The labels of the training case whose image agrees best with what was observed, moved by whole voxels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from baselines.nearest_image.agreement import shifted
from baselines.nearest_image.ranking import ranked
from baselines.segmenting import complete_first
from baselines.training import NotFittedError
from benchmark.contract import Method, MethodContext, Prediction, Request
from benchmark.tasks.segmentation.tasks import LABELS
from benchmark.tasks.segmentation.training import SegmentationTrainingData

TRIED = 10
"""Training images that are aligned; they are those that agree best where they lie."""


class NearestImage:
    """Answers with the labels of one training case."""

    def __init__(self) -> None:
        """Nothing is known before ``fit``."""
        self._data: SegmentationTrainingData | None = None
        self._rows: list[int] = []

    def fit(self, training_data: SegmentationTrainingData, workdir: Path) -> None:
        """Remember the training cases; nothing is computed."""
        self._data, self._rows = training_data, complete_first(training_data)

    def predict(self, request: Request) -> Prediction:
        """Labels of the best match."""
        if self._data is None:
            raise NotFittedError("nearest-image looks at the training split: call fit before predict")
        best = ranked(self._data, self._rows, request.observation, TRIED)[0]
        labels = shifted(self._data.part(best.row, LABELS), best.shift)
        return Prediction({LABELS: np.ascontiguousarray(labels, np.uint8)})


def build(context: MethodContext) -> Method:
    """Entry point ``nearest-image``."""
    return NearestImage()
