"""Training cases that agree best with the observation, registered onto it one by one, and their labels fused.

The unknown image is the smoothest that reads as observed. Where every voxel was observed in some way, a training image
is seen as it was, through the same operator and back, before it is aligned, so that like is compared with like. Where
some were not (missing slices), the whole training image is aligned by the voxels that were.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import SimpleITK as sitk  # noqa: N813  (what everyone calls it)

from baselines.nearest_image.ranking import Match, ranked
from baselines.registration.align import Demons, affine, deformable
from baselines.registration.bias import without_bias
from baselines.registration.fusion import LEAST, POWER, fused, local_correlation
from baselines.registration.images import resampled, spacing_of, to_array, to_image
from baselines.segmenting import RemembersCases, grid_shape, stretched, support, whole_image
from benchmark.contract import Method, MethodContext, Prediction, Request, Volume
from benchmark.data.volumes.distances import labels_of_distances
from benchmark.tasks.segmentation.tasks import IMAGE, LABELS, SDF
from benchmark.tasks.segmentation.training import SegmentationTrainingData

CASES = 14
"""Training cases that are registered."""
TRIED = 30
"""Training cases that are aligned by translation to choose them from."""
SAME_CONTRAST = Demons(stiffness=0.8)
OTHER_CONTRAST = Demons(stiffness=2.0)
"""Of another modality: intensities say less, so the field gets less freedom."""


class Registration(RemembersCases):
    """Answers with the fused labels of registered training cases."""

    def predict(self, request: Request) -> Prediction:
        """Register, weigh, fuse."""
        data, rows = self._cases("registration")
        same = request.observation.space.names == data.spaces[IMAGE].names
        matches = ranked(data, rows, request.observation, TRIED)[:CASES]
        spacing = spacing_of(request.grid)
        fixed = to_image(stretched(whole_image(request)), spacing)
        if not same:
            fixed = without_bias(fixed)
        distances, weights = [], []
        seen = support(request.observation, grid_shape(request))
        known = seen if seen.any() and not seen.all() else None
        for match in matches:
            image = np.asarray(data.part(match.row, IMAGE), np.float32)
            image = image if known is not None else as_seen(image, request)
            moving = to_image(stretched(image), spacing_of(data.grid(match.row)))
            x, y, z = (float(n * step) for n, step in zip(match.shift, spacing, strict=True))
            start = affine(fixed, moving, (x, y, z), request.seed, known)
            transform = deformable(fixed, moving, start, SAME_CONTRAST if same else OTHER_CONTRAST, known)
            distances.append(warped_distances(data, match, fixed, transform))
            warped = to_array(resampled(moving, fixed, transform))
            alike = local_correlation(to_array(fixed), warped if known is None else as_seen(warped, request))
            weights.append(np.asarray(alike**POWER + LEAST, np.float32))
        return Prediction({LABELS: labels_of_distances(fused(distances, weights))})


def warped_distances(
    data: SegmentationTrainingData, match: Match, fixed: sitk.Image, transform: sitk.Transform
) -> Volume:
    """Signed distances (C, X, Y, Z) of a training case on the voxels of the unknown image."""
    distances = to_image(data.part(match.row, SDF), spacing_of(data.grid(match.row)))
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
