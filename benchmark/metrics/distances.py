"""Distances between point clouds: Chamfer and Hausdorff, every convention an argument.

Nearest neighbours are exact and come from direct coordinate differences in the precision of the input, so
clouds far from the origin lose nothing (the expanded quadratic |a|^2 + |b|^2 - 2ab does: with PointFlow's,
in float32, unit shapes 100 units from the origin have Chamfer distances wrong by half).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.arrays import Array, like, point_batches

Floats = NDArray[np.float64]
_REDUCE: dict[str, Callable[[float, float], float]] = {
    "sum": lambda forth, back: forth + back,
    "mean": lambda forth, back: (forth + back) / 2,
    "max": max,
}


def nearest_distances(a: NDArray[Any], b: NDArray[Any]) -> Floats:
    """Euclidean distance of every point of a (P, 3) to the closest point of b (Q, 3): shape (P,)."""
    from benchmark.metrics.clouds.pairs import nearest_squared  # the compiler, which `genmed-bench list` need not load

    return np.sqrt(nearest_squared(a, b).astype(np.float64))


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

    def distance(forth: Floats, back: Floats) -> float:
        if not squared:
            forth, back = np.sqrt(forth), np.sqrt(back)
        return _REDUCE[reduce](float(forth.mean()), float(back.mean()))

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

    def distance(*ways: Floats) -> float:
        return max(float(np.percentile(np.sqrt(squared), percentile)) for squared in ways)

    return _pairwise(a, b, distance, directed)


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


def _pairwise(a: Array, b: Array, distance: Callable[..., float], directed: bool = False) -> Array:
    """``distance`` of the squared nearest distances, each way unless ``directed``, for every pair of clouds."""
    from benchmark.metrics.clouds.pairs import nearest_squared, nearest_squared_both_ways

    first, second, leading = point_batches(a, b)
    values = np.empty(len(first))
    for index, (p, q) in enumerate(zip(first, second, strict=True)):
        ways = (nearest_squared(p, q),) if directed else nearest_squared_both_ways(p, q)
        values[index] = distance(*(way.astype(np.float64) for way in ways))
    return like(values.reshape(leading), a)
