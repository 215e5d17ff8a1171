"""The Earth Mover's Distance between point clouds of one size, exactly."""

from __future__ import annotations

import numpy as np

from benchmark.metrics.arrays import Array, like, point_batches


def emd(a: Array, b: Array) -> Array:
    """Earth Mover's Distance: the mean distance of matched points under the best one-to-one matching.

    The matching minimises the sum of Euclidean distances (not squared) exactly, up to the rounding of
    float64; it is not the auction or the entropic approximation that published EMDs often are, and which
    read up to 40 % higher. ``emd(a, b)`` and ``emd(b, a)`` are the same bits, equal arguments the same
    result on every call. The value depends on how many points there are, so only compare equal P.

    Args:
        a: (..., P, 3) points.
        b: (..., P, 3) points, in the same unit.

    Returns:
        float64 of the leading shape (a scalar array for single clouds), in the unit of the points, of the
        library of ``a``.

    Raises:
        ValueError: for clouds of unequal size or batch shape, that are empty or not finite.

    Source:
        Rubner et al. 2000; mean over matched points as in PointFlow (Yang et al. 2019). Solved by shortest
        augmenting paths (Jonker and Volgenant 1987) from coarse to fine.

    >>> float(emd(np.array([[0.0, 0, 0], [1, 0, 0]]), np.array([[1.0, 0, 0], [2, 0, 0]])))
    1.0
    """
    from benchmark.metrics.matching.optimal import optimal_cost  # compiled code, only loaded when used
    from benchmark.metrics.matching.scales import arrange

    first, second, leading = point_batches(a, b)
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"a one-to-one matching needs clouds of one size, got {first.shape[1]} and {second.shape[1]} points"
        )
    values = [optimal_cost(arrange(x), arrange(y), np.inf) for x, y in zip(first, second, strict=True)]
    return like(np.array(values, dtype=np.float64).reshape(leading), a)
