"""Training cases that agree best with the observation, registered onto it one by one, and their labels fused.

The unknown image is the smoothest that reads as observed. Where every voxel was observed in some way, a training image
is seen as it was, through the same operator and back, before it is aligned, so that like is compared with like. Where
some were not (missing slices), the whole training image is aligned by the voxels that were.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813  (what everyone calls it)

from baselines.nearest_image.ranking import Match, ranked
from baselines.registration.align import Demons, affine, deformable
from baselines.registration.bias import without_bias
from baselines.registration.fusion import LEAST, POWER, fused, local_correlation
from baselines.registration.images import resampled, spacing_of, to_array, to_image
from baselines.segmenting import complete_first, grid_shape, labels_of, stretched, support, whole_image
from baselines.training import NotFittedError
from benchmark.contract import Method, MethodContext, Prediction, Request, Volume
from benchmark.tasks.segmentation.tasks import IMAGE, LABELS, SDF
from benchmark.tasks.segmentation.training import SegmentationTrainingData

CASES = 14
"""Training cases that are registered."""
TRIED = 30
"""Training cases that are aligned by translation to choose them from."""
SAME_CONTRAST = Demons(stiffness=0.8)
OTHER_CONTRAST = Demons(stiffness=2.0)
"""Of another modality: intensities say less, so the field gets less freedom."""


class Registration:
    """Answers with the fused labels of registered training cases."""

    def __init__(self) -> None:
        """Nothing is known before ``fit``."""
        self._data: SegmentationTrainingData | None = None
        self._rows: list[int] = []

    def fit(self, training_data: SegmentationTrainingData, workdir: Path) -> None:
        """Remember the training cases; nothing is computed."""
        self._data, self._rows = training_data, complete_first(training_data)

    def predict(self, request: Request) -> Prediction:
        """Register, weigh, fuse."""
        if self._data is None:
            raise NotFittedError("registration looks at the training split: call fit before predict")
        same = request.observation.space.names == self._data.spaces[IMAGE].names
        matches = ranked(self._data, self._rows, request.observation, TRIED)[:CASES]
        spacing = spacing_of(request.grid)
        fixed = to_image(stretched(whole_image(request)), spacing)
        if not same:
            fixed = without_bias(fixed)
        distances, weights = [], []
        seen = support(request.observation, grid_shape(request))
        known = seen if seen.any() and not seen.all() else None
        for match in matches:
            image = np.asarray(self._data.part(match.row, IMAGE), np.float32)
            image = image if known is not None else as_seen(image, request)
            moving = to_image(stretched(image), spacing_of(self._data.grid(match.row)))
            x, y, z = (float(n * step) for n, step in zip(match.shift, spacing, strict=True))
            start = affine(fixed, moving, (x, y, z), request.seed, known)
            transform = deformable(fixed, moving, start, SAME_CONTRAST if same else OTHER_CONTRAST, known)
            distances.append(self._warped(match, fixed, transform))
            warped = to_array(resampled(moving, fixed, transform))
            alike = local_correlation(to_array(fixed), warped if known is None else as_seen(warped, request))
            weights.append(np.asarray(alike**POWER + LEAST, np.float32))
        return Prediction({LABELS: labels_of(fused(distances, weights))})

    def _warped(self, match: Match, fixed: sitk.Image, transform: sitk.Transform) -> Volume:
        """Its signed distances (C, X, Y, Z) on the voxels of the unknown image."""
        assert self._data is not None  # noqa: S101
        spacing = spacing_of(self._data.grid(match.row))
        distances = to_image(self._data.part(match.row, SDF), spacing)
        return to_array(resampled(distances, fixed, transform))


def as_seen(image: Volume, request: Request) -> Volume:
    """What a whole image (X, Y, Z) looks like when no more is known of it than of the unknown one."""
    import torch

    observation = request.observation
    read = observation.operator(torch.from_numpy(image)).numpy()
    return whole_image(replace(request, observations=(replace(observation, value=read),)))


def build(context: MethodContext) -> Method:
    """Entry point ``registration``."""
    return Registration()
