"""Profile ``volume``, our own: per structure, in millimetres, on the grid the labels came on.

Rules, part of every signature: a structure absent from truth and prediction has no score and is counted as such; one
that is missed, and one that is made up, have the worst. Worst are 0 for overlaps, the diagonal of the image for
distances, 10 for the relative volume error (which is cut there), and the volume of the whole image.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.base import Metric, Signature
from benchmark.tasks.segmentation.cases import SegmentationCase
from benchmark.tasks.segmentation.profiles.profile import Answer, Profile, Value, spacing

HEADING = "Structures"
MOST_VOLUME_ERROR = 10.0
_NAME = "volume"
_RULES = {"grid": "original", "absent": "skipped", "missed": "worst", "spurious": "worst"}


def _metric(name: str, choices: dict[str, object], description: str, title: str, higher: bool, digits: str) -> Metric:
    return Metric(name, Signature.of(name, _NAME, {**choices, **_RULES}), description, title, HEADING, higher, digits)


METRICS = (
    _metric("dice", {}, "Dice of a structure", "Dice", True, ".3f"),
    _metric(
        "hd95",
        {"surface": "voxel", "directions": "max", "unit": "mm"},
        "95th percentile of the distances between surfaces, the larger of both directions",
        "HD95",
        False,
        ".3g",
    ),
    _metric(
        "nsd",
        {"surface": "surfel", "tolerance": "of_data_set"},
        "part of both surfaces within the data set's tolerance of the other",
        "NSD",
        True,
        ".3f",
    ),
    _metric(
        "volume_error",
        {"unit": "relative", "cut": MOST_VOLUME_ERROR},
        "difference of volumes as a share of the true one",
        "Volume error",
        False,
        ".3f",
    ),
    _metric("volume_error", {"unit": "mL"}, "difference of volumes", "Volume error", False, ".3g"),
)


class Volume(Profile):
    """Every structure somebody looked for."""

    name = _NAME
    metrics = METRICS

    def categories(self, case: SegmentationCase) -> Sequence[str]:
        """The annotated structures."""
        return case.annotated

    def values(self, answer: Answer, category: str) -> Sequence[Value]:
        """On the original grid."""
        found, true = answer.original([category])
        if not found.any() and not true.any():
            return [None] * len(METRICS)
        return structure_values(found, true, np.array(spacing(answer.case.scored_on)), answer.case.tolerance_mm)

    def worst_values(self, case: SegmentationCase) -> Sequence[float]:
        """Of the whole image."""
        steps, shape = np.array(spacing(case.scored_on)), case.scored_on.shape
        everything = float(np.prod(shape)) * float(steps.prod()) / 1000
        return 0.0, diagonal(shape, steps), 0.0, MOST_VOLUME_ERROR, everything


VOLUME = Volume()


def structure_values(
    found: NDArray[np.bool_], true: NDArray[np.bool_], steps: NDArray[np.float64], tolerance_mm: float
) -> tuple[float, ...]:
    """Values of `METRICS` for two masks (I, J, K) with voxels of ``steps`` mm, not both empty."""
    from benchmark.metrics.masks import surface_distances
    from benchmark.metrics.overlap import dice

    overlap, millilitres = float(dice(found, true)), float(steps.prod()) / 1000
    difference = abs(int(found.sum()) - int(true.sum()))
    relative = min(difference / int(true.sum()), MOST_VOLUME_ERROR) if true.any() else MOST_VOLUME_ERROR
    if not true.any() or not found.any():
        return 0.0, diagonal(true.shape, steps), 0.0, relative, difference * millilitres
    distances = surface_distances(found, true, list(steps), "voxel").percentile(95, "max_of_directions")
    near = surface_distances(found, true, list(steps), "surfel").nsd(tolerance_mm)
    return overlap, distances, near, relative, difference * millilitres


def diagonal(shape: Sequence[int], steps: NDArray[np.float64]) -> float:
    """Length of the diagonal of the image in mm."""
    return float(np.linalg.norm(np.asarray(shape) * steps))
