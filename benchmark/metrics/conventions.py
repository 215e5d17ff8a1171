"""How papers sample a shape before they measure it: the published code's 512 points, the field's 2048."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.contract import Volume
from benchmark.metrics.distances import nearest_distances
from benchmark.metrics.sampling import area_uniform_points, farthest_points
from benchmark.metrics.surface import extract_surface
from medshape_text.frame import RESOLUTION

GENMED_POINTS, GENMED_SCALE = 512, 100.0
FIELD_POINTS = 2048


def genmed_points(sdf: Volume, seed: int, start: int | None = 0) -> NDArray[np.float64]:
    """The published 512-point sample of a volume, in box-edge units.

    Args:
        sdf: (64, 64, 64), negative inside.
        seed: of the padding, and of the start vertex when ``start`` is None.
        start: index of the first vertex; None draws it.

    Returns:
        (512, 3) float64.

    Raises:
        NoSurfaceError: if the volume is constant.
    """
    low, high = float(sdf.min()), float(sdf.max())
    level = 0.0 if low <= 0.0 <= high else (low + high) / 2
    vertices = extract_surface(sdf, level, close=False).vertices
    rng = np.random.default_rng(seed)
    first = int(rng.integers(len(vertices))) if start is None else start
    points = vertices[farthest_points(vertices, GENMED_POINTS, first)]
    if len(points) < GENMED_POINTS:
        points = np.concatenate([points, points[rng.integers(len(points), size=GENMED_POINTS - len(points))]])
    return points / RESOLUTION


def genmed_distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, float]:
    """(CD, UHD) x100 of two point samples."""
    forth, back = nearest_distances(a, b)
    squared = float((forth**2).mean() + (back**2).mean())
    return GENMED_SCALE * squared, GENMED_SCALE * float(max(forth.max(), back.max()))


def field_points(sdf: Volume, seed: int) -> NDArray[np.float64]:
    """2048 area-uniform points of a volume's level-0 surface.

    Args:
        sdf: (64, 64, 64), negative inside.
        seed: of the draw.

    Returns:
        (2048, 3) float64 in voxel-index coordinates.

    Raises:
        NoSurfaceError: if the volume does not cross 0.
    """
    surface = extract_surface(sdf)
    return area_uniform_points(surface.vertices, surface.faces, FIELD_POINTS, seed)
