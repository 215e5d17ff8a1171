"""The control that ignores the case: a training example drawn at random, a shape of *any* category.

Drawing within the category would already use the text and lands near ``mean-shape``; ignoring
everything but the seed is what makes this the bottom of the table.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from baselines.training import REAL, RENDERED, NotFittedError
from benchmark.contract import Method, MethodContext, Prediction, Request, TrainingData


class RandomExample:
    """Answers with the parts of a real training example drawn uniformly, whatever is asked."""

    def __init__(self) -> None:
        """Nothing is known before ``fit``."""
        self._data: TrainingData | None = None
        self._rows: list[int] = []

    def fit(self, training_data: TrainingData, workdir: Path) -> None:
        """Remember which training examples are of real anatomy.

        Raises:
            ValueError: if there is none.
        """
        self._data = training_data
        self._rows = [index for index, origin in enumerate(training_data.origins) if origin in (REAL, RENDERED)]
        if not self._rows:
            raise ValueError("the training split holds nothing of real anatomy to draw from")

    def predict(self, request: Request) -> Prediction:
        """Draw from ``request.seed``."""
        if self._data is None:
            raise NotFittedError("random draws from the training split: call fit before predict")
        drawn = np.random.default_rng(request.seed).integers(len(self._rows))
        row = self._rows[int(drawn)]
        return Prediction({name: self._data.part(row, name) for name in request.outputs})


def build(context: MethodContext) -> Method:
    """Entry point ``random``."""
    return RandomExample()
