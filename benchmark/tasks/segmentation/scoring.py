"""How well a label map agrees with the truth: per structure, in millimetres, on the grid the truth came on.

Rules, part of every signature: a structure absent from truth and prediction has no score and is counted as such; one
that is missed, and one that is made up, have the worst. Worst are 0 for overlaps, the diagonal of the image for
distances, 10 for the relative volume error (which is cut there), and the volume of the whole image.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.contract import Grid
from benchmark.metrics.base import NOT_APPLICABLE, OK, Metric, Score, Signature
from benchmark.tasks.segmentation.cases import SegmentationCase

HEADING = "Structures"
PROFILE = "volume"
MOST_VOLUME_ERROR = 10.0
_RULES = {"grid": "original", "absent": "skipped", "missed": "worst", "spurious": "worst"}


def _metric(name: str, choices: dict[str, object], description: str, title: str, higher: bool, digits: str) -> Metric:
    return Metric(name, Signature.of(name, PROFILE, {**choices, **_RULES}), description, title, HEADING, higher, digits)


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


def spacing(grid: Grid) -> NDArray[np.float64]:
    """Millimetres between voxel centres along each axis, (3,)."""
    if grid.affine is None:
        raise ValueError("a grid without an affine has no millimetres")
    return np.asarray(np.linalg.norm(np.asarray(grid.affine)[:3, :3], axis=0), np.float64)


def score_structures(prediction: NDArray[np.uint8], case: SegmentationCase) -> list[Score]:
    """All metrics of every annotated structure; ``prediction`` is on the grid of the case."""
    from benchmark.data.volumes.resampling import labels_onto

    if case.grid is None:
        raise ValueError(f"case {case.id} has no grid")
    there = labels_onto(prediction, case.grid, case.scored_on, len(case.structures))
    scores: list[Score] = []
    for name in case.annotated:
        label = case.structures.index(name) + 1
        found, true = there == label, case.scored_labels == label
        if not found.any() and not true.any():
            scores += [Score(each.name, each.signature, None, NOT_APPLICABLE, name) for each in METRICS]
            continue
        values = structure_values(found, true, spacing(case.scored_on), case.tolerance_mm)
        scores += [
            Score(each.name, each.signature, value, OK, name) for each, value in zip(METRICS, values, strict=True)
        ]
    return scores


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


def worst(case: SegmentationCase, reason: str) -> list[Score]:
    """What a case without a prediction scores."""
    steps, shape = spacing(case.scored_on), case.scored_on.shape
    everything = float(np.prod(shape)) * float(steps.prod()) / 1000
    values = (0.0, diagonal(shape, steps), 0.0, MOST_VOLUME_ERROR, everything)
    return [
        Score(each.name, each.signature, value, reason, name)
        for name in case.annotated
        for each, value in zip(METRICS, values, strict=True)
    ]


def diagonal(shape: Sequence[int], steps: NDArray[np.float64]) -> float:
    """Length of the diagonal of the image in mm."""
    return float(np.linalg.norm(np.asarray(shape) * steps))
