"""Profile ``diffatlas``: Dice and surface Dice of the published test script, in voxels of the task's grid.

Dice of a structure absent from truth and prediction is 1; its surface Dice has no value (the script: NaN, which it
carries into the mean over cases). The surface of a mask is the shell of voxels around it (the mask grown by face
neighbours, without the mask), the tolerance one voxel, whatever a voxel measures.

One thing differs: the script takes Dice from the distances of each structure, which may overlap; here there is one
label a voxel, as in its surface Dice.

Source: M3DV/DiffAtlas, test/inference.py, ``get_dice`` and ``NSDMetric`` (e40345f).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from benchmark.metrics.base import Metric, Signature
from benchmark.metrics.overlap import dice
from benchmark.tasks.segmentation.cases import SegmentationCase
from benchmark.tasks.segmentation.profiles.profile import Answer, Mask, Profile, Value

_NAME = "diffatlas"
TOLERANCE = 1.0
"""Voxels."""


def _metric(name: str, choices: dict[str, object], description: str, title: str) -> Metric:
    signature = Signature.of(name, _NAME, {**choices, "grid": "task", "unanswered": "worst"})
    return Metric(name, signature, description, title, "DiffAtlas", True, ".3f")


class DiffAtlas(Profile):
    """Every structure somebody looked for."""

    name = _NAME
    metrics = (
        _metric("dice", {"both_empty": 1, "one_empty": 0}, "Dice of a structure on the task's grid", "Dice"),
        _metric(
            "nsd",
            {"surface": "outer_shell", "tolerance": "1_voxel", "both_empty": "skipped"},
            "part of both shells within a voxel of the other",
            "NSD",
        ),
    )

    def categories(self, case: SegmentationCase) -> Sequence[str]:
        """The annotated structures."""
        return case.annotated

    def values(self, answer: Answer, category: str) -> Sequence[Value]:
        """On the task's grid."""
        found, true = answer.on_task_grid([category])
        return float(dice(found, true, empty=1)), shell_agreement(found, true)

    def worst_values(self, case: SegmentationCase) -> Sequence[float]:
        """No overlap."""
        return 0.0, 0.0


DIFFATLAS = DiffAtlas()


def shell_agreement(found: Mask, true: Mask) -> float | None:
    """Share of the voxels of two shells (X, Y, Z) that are within a voxel of the other shell; None without any.

    If one mask has no shell, scipy measures distances to the voxel before the first, (-1, 0, 0), so that a shell
    through the corner (0, 0, 0) has one voxel "within a voxel" there; this is kept.
    """
    shells = [ndimage.binary_dilation(mask) ^ mask for mask in (found, true)]
    counts = [int(shell.sum()) for shell in shells]
    if not sum(counts):
        return None
    if not all(counts):
        return int(any(bool(shell[0, 0, 0]) for shell in shells)) / sum(counts)
    # All nearest voxels lie in the box around both shells.
    inside = np.argwhere(shells[0] | shells[1])
    box = tuple(slice(low, high + 1) for low, high in zip(inside.min(axis=0), inside.max(axis=0), strict=True))
    first, second = (shell[box] for shell in shells)
    near = sum(
        int((ndimage.distance_transform_edt(~other)[own] <= TOLERANCE).sum())
        for own, other in ((first, second), (second, first))
    )
    return near / sum(counts)
