"""Seeded samples of a surface: farthest points of a cloud, area-uniform points of a mesh."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medshape_text.curate.normalise import sample_surface

Floats = NDArray[np.float64]


def farthest_points(points: Floats, count: int, start: int = 0) -> NDArray[np.int64]:
    """Indices of farthest-point samples: each next point is the farthest from all chosen so far.

    Args:
        points: (P, 3).
        count: how many to choose; at most P are.
        start: index of the first point (0 is Open3D's, and so the published, choice).

    Returns:
        (min(count, P),) int64; ties go to the lowest index.

    Raises:
        ValueError: if there are no points or ``start`` is not one of them.
    """
    if not 0 <= start < len(points):
        raise ValueError(f"start {start} is not one of {len(points)} points")
    # One contiguous array per coordinate and no temporaries: the loop is memory-bound.
    x, y, z = (np.ascontiguousarray(axis, dtype=np.float64) for axis in np.asarray(points).T)
    squared, scratch = np.empty_like(x), np.empty_like(x)
    nearest = np.full(len(x), np.inf)
    chosen = np.empty(min(count, len(x)), dtype=np.int64)
    current = start
    for step in range(len(chosen)):
        chosen[step] = current
        np.subtract(x, x[current], out=squared)
        np.multiply(squared, squared, out=squared)
        for axis in (y, z):
            np.subtract(axis, axis[current], out=scratch)
            np.multiply(scratch, scratch, out=scratch)
            np.add(squared, scratch, out=squared)
        np.minimum(nearest, squared, out=nearest)
        current = int(nearest.argmax())
    return chosen


def area_uniform_points(vertices: Floats, faces: NDArray[np.int64], count: int, seed: int) -> Floats:
    """Points distributed uniformly over the area of a triangle mesh.

    Args:
        vertices: (V, 3).
        faces: (F, 3).
        count: number of points.
        seed: of ``np.random.default_rng``; the same mesh and seed give the same points.

    Returns:
        (count, 3) float64.

    Raises:
        ValueError: if the mesh has no area.
    """
    points = np.asarray(vertices, dtype=np.float64)
    return sample_surface(points, faces, count, np.random.default_rng(seed))[0]
