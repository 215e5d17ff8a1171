"""The canonical shape frame "genmed64": constants and the similarity transform into it.

Canonical coordinates are the box [-1, 1]^3, one unit = half the box = 32 voxels; the voxel with
array index (i, j, k) in (x, y, z) order has its centre at ``(index + 0.5) / 32 - 1``. The bounding
box of a shape is centred and its longest side is 56 of 64 voxels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESOLUTION = 64
LONGEST_SIDE_VOXELS = 56.0
HALF_BOX_VOXELS = 32.0
TRUNCATION = 0.2
"""SDF values are clipped to +-0.2 units, i.e. 6.4 voxels."""

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Similarity:
    """``canonical = (source - centre) * scale``; ``source = canonical / scale + centre``.

    ``centre`` is in source units (millimetres where the source has them), ``scale`` in canonical
    units per source unit.
    """

    centre: tuple[float, float, float]
    scale: float

    def apply(self, points: FloatArray) -> FloatArray:
        """Map (..., 3) source points to canonical coordinates."""
        return np.asarray((points - np.asarray(self.centre)) * self.scale)

    def invert(self, points: FloatArray) -> FloatArray:
        """Map (..., 3) canonical points back to source units."""
        return np.asarray(points / self.scale + np.asarray(self.centre))


def canonical_similarity(vertices: FloatArray) -> Similarity:
    """The similarity that centres the bounding box of (V, 3) vertices and scales its longest side to 56 voxels."""
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    longest = float((high - low).max())
    if not np.isfinite(longest) or longest <= 0:
        raise ValueError(f"cannot normalise a shape whose longest side is {longest}")
    centre = (low + high) / 2
    scale = LONGEST_SIDE_VOXELS / HALF_BOX_VOXELS / longest
    return Similarity((float(centre[0]), float(centre[1]), float(centre[2])), scale)


def voxel_centres(resolution: int = RESOLUTION) -> FloatArray:
    """Canonical coordinates of all voxel centres, shape (R**3, 3), x slowest."""
    axis = (np.arange(resolution) + 0.5) * (2.0 / resolution) - 1.0
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
