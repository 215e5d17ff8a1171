"""The labels of the training case whose image agrees best with what was observed, moved by whole voxels."""

from __future__ import annotations

import numpy as np

from baselines.nearest_image.agreement import shifted
from baselines.nearest_image.ranking import ranked
from baselines.segmenting import RemembersCases
from benchmark.contract import Method, MethodContext, Prediction, Request
from benchmark.tasks.segmentation.tasks import LABELS

TRIED = 10
"""Training images that are aligned; they are those that agree best where they lie."""


class NearestImage(RemembersCases):
    """Answers with the labels of one training case."""

    def predict(self, request: Request) -> Prediction:
        """Labels of the best match."""
        data, rows = self._cases("nearest-image")
        best = ranked(data, rows, request.observation, TRIED)[0]
        labels = shifted(data.part(best.row, LABELS), best.shift)
        return Prediction({LABELS: np.ascontiguousarray(labels, np.uint8)})


def build(context: MethodContext) -> Method:
    """Entry point ``nearest-image``."""
    return NearestImage()
