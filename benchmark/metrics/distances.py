"""Distances between point clouds: Chamfer and Hausdorff, every convention an argument.

Nearest neighbours are exact and come from direct coordinate differences in the precision of the input, so
clouds far from the origin lose nothing (the expanded quadratic |a|^2 + |b|^2 - 2ab does: with PointFlow's,
in float32, unit shapes 100 units from the origin have Chamfer distances wrong by half).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.arrays import Array, like, on_accelerator, point_batches

Floats = NDArray[np.float64]
_REDUCE: dict[str, Callable[[float, float], float]] = {
    "sum": lambda forth, back: forth + back,
    "mean": lambda forth, back: (forth + back) / 2,
    "max": max,
}


def nearest_distances(a: NDArray[Any], b: NDArray[Any]) -> tuple[Floats, Floats]:
    """Euclidean distances of every point of a (P, 3) to the closest of b (Q, 3), and of b to a: (P,) and (Q,)."""
    from benchmark.metrics.clouds.pairs import nearest_squared_both_ways  # the compiler, which listing need not load

    forth, back = nearest_squared_both_ways(a, b)
    return np.sqrt(forth.astype(np.float64)), np.sqrt(back.astype(np.float64))


def chamfer(
    a: Array, b: Array, squared: bool = True, reduce: Literal["sum", "mean", "max"] = "sum", *, max_bytes: int = 2**30
) -> Array:
    """Chamfer distance: the mean nearest-neighbour distance each way, combined.

    The defaults are those of PointFlow, PyTorch3D and GenMed: squared distances, mean each way, summed.

    Args:
        a: (..., P, 3) points.
        b: (..., Q, 3) points, in the same unit.
        squared: average squared distances (unit²) or distances (unit).
        reduce: how the two directions combine.
        max_bytes: memory for differences on an accelerator; on a CPU there is no matrix of them.

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

    return _pairwise(a, b, distance, max_bytes)


def hausdorff(a: Array, b: Array, percentile: float = 100, directed: bool = False, *, max_bytes: int = 2**30) -> Array:
    """Hausdorff distance, or its robust form at a percentile of the nearest-neighbour distances.

    Args:
        a: (..., P, 3) points.
        b: (..., Q, 3) points, in the same unit.
        percentile: 100 takes the farthest point; 95 gives HD95 as the *larger of the two directed
            percentiles* (linear interpolation), as MONAI does; pooled variants give other numbers.
        directed: True goes from ``a`` to ``b`` only.
        max_bytes: memory for differences on an accelerator; on a CPU there is no matrix of them.

    Returns:
        float64 of the leading shape, in the unit of the points.

    Raises:
        ValueError: for clouds that are empty, not finite or of unequal batch shape, or a bad percentile.
    """
    if not 0 <= percentile <= 100:
        raise ValueError(f"percentile must lie in [0, 100], got {percentile}")

    def distance(*ways: Floats) -> float:
        return max(float(np.percentile(np.sqrt(squared), percentile)) for squared in ways)

    return _pairwise(a, b, distance, max_bytes, directed)


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


def _pairwise(
    a: Array, b: Array, distance: Callable[..., float], max_bytes: int, directed: bool = False
) -> Array:  # fmt: skip
    """``distance`` of the squared nearest distances, each way unless ``directed``, for every pair of clouds."""
    first, second, leading = point_batches(a, b)
    values = np.empty(len(first))
    for index, ways in enumerate(_nearest(a, first, second, max_bytes, directed)):
        values[index] = distance(*(way.astype(np.float64) for way in ways))
    return like(values.reshape(leading), a)


def _nearest(
    example: Array, first: NDArray[Any], second: NDArray[Any], max_bytes: int, directed: bool
) -> Iterator[tuple[NDArray[Any], ...]]:
    """Squared nearest distances of every pair of clouds, where ``example`` is if that is an accelerator."""
    if on_accelerator(example):
        import torch

        from benchmark.metrics.clouds.on_device import nearest_squared_on_device

        a, b = (torch.from_numpy(clouds).to(example.device) for clouds in (first, second))
        forth, back = nearest_squared_on_device(a, b, max_bytes)
        yield from zip(forth, back, strict=True) if not directed else ((each,) for each in forth)
        return
    from benchmark.metrics.clouds.pairs import nearest_squared, nearest_squared_both_ways

    for p, q in zip(first, second, strict=True):
        yield (nearest_squared(p, q),) if directed else nearest_squared_both_ways(p, q)
