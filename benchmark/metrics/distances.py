"""Distances between point clouds: Chamfer and Hausdorff, every convention an argument.

Nearest neighbours come from k-d trees on direct coordinate differences in float64, so clouds far from
the origin lose nothing (the expanded quadratic |a|^2 + |b|^2 - 2ab does).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.arrays import Array, like, point_batches

Floats = NDArray[np.float64]
_REDUCE: dict[str, Callable[[float, float], float]] = {
    "sum": lambda forth, back: forth + back,
    "mean": lambda forth, back: (forth + back) / 2,
    "max": max,
}


def nearest_distances(a: Floats, b: Floats) -> Floats:
    """Euclidean distance of every point of a (P, 3) to the closest point of b (Q, 3): shape (P,)."""
    from scipy.spatial import cKDTree  # half a second that `genmed-bench list` need not wait for

    return np.asarray(cKDTree(b).query(a)[0], dtype=np.float64)


def chamfer(a: Array, b: Array, squared: bool = True, reduce: Literal["sum", "mean", "max"] = "sum") -> Array:
    """Chamfer distance: the mean nearest-neighbour distance each way, combined.

    The defaults are those of PointFlow, PyTorch3D and GenMed: squared distances, mean each way, summed.

    Args:
        a: (..., P, 3) points.
        b: (..., Q, 3) points, in the same unit.
        squared: average squared distances (unit²) or distances (unit).
        reduce: how the two directions combine.

    Returns:
        float64 of the leading shape (a scalar array for single clouds), of the library of ``a``.

    Raises:
        ValueError: for clouds that are empty, not finite or of unequal batch shape.

    >>> float(chamfer(np.zeros((1, 3)), np.array([[2.0, 0, 0]])))
    8.0
    """
    if reduce not in _REDUCE:
        raise ValueError(f"reduce must be one of {sorted(_REDUCE)}, got {reduce!r}")
    power = 2 if squared else 1

    def distance(first: Floats, second: Floats) -> float:
        forth = float((nearest_distances(first, second) ** power).mean())
        back = float((nearest_distances(second, first) ** power).mean())
        return _REDUCE[reduce](forth, back)

    return _pairwise(a, b, distance)


def hausdorff(a: Array, b: Array, percentile: float = 100, directed: bool = False) -> Array:
    """Hausdorff distance, or its robust form at a percentile of the nearest-neighbour distances.

    Args:
        a: (..., P, 3) points.
        b: (..., Q, 3) points, in the same unit.
        percentile: 100 takes the farthest point; 95 gives HD95 as the *larger of the two directed
            percentiles* (linear interpolation), as MONAI does; pooled variants give other numbers.
        directed: True goes from ``a`` to ``b`` only.

    Returns:
        float64 of the leading shape, in the unit of the points.

    Raises:
        ValueError: for clouds that are empty, not finite or of unequal batch shape, or a bad percentile.
    """
    if not 0 <= percentile <= 100:
        raise ValueError(f"percentile must lie in [0, 100], got {percentile}")

    def distance(first: Floats, second: Floats) -> float:
        forth = float(np.percentile(nearest_distances(first, second), percentile))
        if directed:
            return forth
        return max(forth, float(np.percentile(nearest_distances(second, first), percentile)))

    return _pairwise(a, b, distance)


def unidirectional_hausdorff(partial: Array, completion: Array) -> Array:
    """How far the completion strays from what was given: ``max over partial of min over completion``.

    The UHD of multimodal point-cloud completion (MPC). The published GenMed code prints a *bidirectional*
    distance between completion and truth under this label; its profile reproduces that.

    Args:
        partial: (..., P, 3) observed points.
        completion: (..., Q, 3) points of the completed shape, in the same unit.

    Returns:
        float64 of the leading shape.
    """
    return hausdorff(partial, completion, directed=True)


def _pairwise(a: Array, b: Array, distance: Callable[[Floats, Floats], float]) -> Array:
    first, second, leading = point_batches(a, b)
    values = np.array([distance(p, q) for p, q in zip(first, second, strict=True)], dtype=np.float64)
    return like(values.reshape(leading), a)
