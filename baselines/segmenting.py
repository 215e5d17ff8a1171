"""What the segmentation controls share: whole images of any observation, intensities made comparable, label maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from baselines.training import NotFittedError
from benchmark.contract import Observation, Request, Volume
from benchmark.observations.inversion import smoothest, transposed
from benchmark.spaces import shape_of
from benchmark.tasks.segmentation.tasks import LABELS
from benchmark.tasks.segmentation.training import SegmentationTrainingData

Labels = NDArray[np.uint8]
PERCENTILES = (1.0, 99.5)
"""Between which intensities are told apart: a few bright voxels of metal or contrast agent decide nothing."""


class LabelledImages(Protocol):
    """What the controls use of `SegmentationTrainingData`."""

    def __len__(self) -> int:
        """Number of cases."""
        ...

    def annotated(self, index: int) -> NDArray[np.bool_]:
        """(structures,): which of them somebody looked for."""
        ...


def rows_with(data: LabelledImages, structure: int) -> list[int]:
    """Cases in which somebody looked for a structure."""
    return [index for index in range(len(data)) if data.annotated(index)[structure]]


def complete_first(data: SegmentationTrainingData) -> list[int]:
    """Cases in which everything is annotated; where there is none, all cases.

    Labels that are copied as a whole cannot tell "not there" from "nobody looked".
    """
    rows = list(range(len(data)))
    return [row for row in rows if data.annotated(row).all()] or rows


class RemembersCases:
    """What controls that look at single training cases share: they are read when a request comes."""

    def __init__(self) -> None:
        """Nothing is known before ``fit``."""
        self._data: SegmentationTrainingData | None = None
        self._rows: list[int] = []

    def fit(self, training_data: SegmentationTrainingData, workdir: Path) -> None:
        """Remember the training cases; nothing is computed."""
        self._data, self._rows = training_data, complete_first(training_data)

    def _cases(self, name: str) -> tuple[SegmentationTrainingData, list[int]]:
        """The training data and the rows to look at.

        Raises:
            NotFittedError: before ``fit``.
        """
        if self._data is None:
            raise NotFittedError(f"{name} looks at the training split: call fit before predict")
        return self._data, self._rows


def grid_shape(request: Request) -> tuple[int, int, int]:
    """(X, Y, Z) of the labels that are asked for."""
    x, y, z = cast(Sequence[int], shape_of(request.outputs[LABELS], request.grid))
    return x, y, z


def whole_image(request: Request) -> Volume:
    """The smoothest image (X, Y, Z) that reads as observed."""
    return smoothest(request.observation, grid_shape(request))


def stretched(image: Volume) -> Volume:
    """An image with its percentiles `PERCENTILES` at 0 and 1, clipped there; a constant image is 0."""
    low, high = np.percentile(image, PERCENTILES)
    if high <= low:
        return np.zeros(image.shape, np.float32)
    return np.asarray(np.clip((image - low) / (high - low), 0, 1), np.float32)


def support(observation: Observation, shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    """(X, Y, Z): voxels that any of the readings depends on, for any linear operator."""
    import torch

    mask = torch.from_numpy(observation.mask.astype(np.float32))
    return np.asarray(transposed(observation.operator, shape, mask).numpy() != 0)
