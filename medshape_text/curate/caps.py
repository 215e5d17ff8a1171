"""Plane cuts where an organ left the scanner's field of view."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_IN_PLANE = 1e-4
"""Corners this close to a side of the bounding box lie in it, as a share of the longest side."""
_NEAR_PLANE = 0.05
"""How deep under the side its surroundings reach, as a share of the longest side."""
_PARALLEL = 0.94
"""Faces within 20 degrees of the side (this is the cosine) are as good as parallel to it."""
_SUDDEN = 0.8
"""Least share of the parallel surface near the side that lies in it: a natural flat end curves or steps away gently."""


def flat_caps(
    vertices: NDArray[np.float64],
    faces: NDArray[np.int64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    min_share: float,
) -> list[str]:
    """Sides of the bounding box, such as ``x-`` or ``z+``, at which a mesh was cut.

    A cut is a plane part of the surface in a side of the box, of at least ``min_share`` of that side's area,
    that ends suddenly. An open cut (the mesh just ends) has no area and is not found; ``open`` says so.

    Args:
        vertices: (V, 3).
        faces: (F, 3).
        low: (3,) lower corner of the box of all used vertices.
        high: (3,) upper corner.
        min_share: least share of the side's area.
    """
    found = []
    longest = float((high - low).max())
    for axis in range(3):
        side_area = np.delete(high - low, axis).prod()
        for sign, depth in (("-", vertices[:, axis] - low[axis]), ("+", high[axis] - vertices[:, axis])):
            if np.count_nonzero(depth <= _IN_PLANE * longest) < 3:
                continue
            near = faces[(depth <= _NEAR_PLANE * longest)[faces].all(axis=1)]
            a, b, c = (vertices[near[:, corner]] for corner in range(3))
            normal = np.cross(b - a, c - a)
            across = np.abs(normal[:, axis]) / 2
            in_side = across[(depth <= _IN_PLANE * longest)[near].all(axis=1)].sum()
            parallel = across[2 * across >= _PARALLEL * np.linalg.norm(normal, axis=1)].sum()
            if in_side >= min_share * side_area and in_side >= _SUDDEN * parallel:
                found.append(f"{'xyz'[axis]}{sign}")
    return found
