"""All distances between clouds: what the pruned search must equal, and what it falls back to."""

from __future__ import annotations

from concurrent.futures import Executor

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmark.metrics.clouds.nearest import directed_sum
from benchmark.metrics.clouds.trees import Coordinates, Indices, Trees


def distance_rows(
    trees: Trees, rows: Indices, where: Indices, distances: NDArray[np.float64], pool: Executor
) -> int:  # fmt: skip
    """Fill (R, M) squared Chamfer distances from some clouds to all; returns how many pairs that took.

    ``where`` (M,) is the row of every cloud, -1 for those that have none.
    """
    arrays = (trees.xyz, trees.low, trees.high, trees.first, trees.count, rows, where, distances)
    return sum(pool.map(lambda at: _distance_row(*arrays, at), range(len(rows))))


@njit(cache=True, nogil=True)
def _distance_row(
    xyz: Coordinates, low: Coordinates, high: Coordinates, first: Indices, count: Indices,
    rows: Indices, where: Indices, distances: NDArray[np.float64], at: int,
) -> int:  # fmt: skip
    """One row; a pair of two rows is computed by the earlier one."""
    row, pairs = rows[at], 0
    for other in range(len(count)):
        if other == row:
            distances[at, other] = 0.0
        elif where[other] < 0 or where[other] > at:
            value = (
                directed_sum(xyz, low, high, first, count, row, other, np.inf)[0] / count[row]
                + directed_sum(xyz, low, high, first, count, other, row, np.inf)[0] / count[other]
            )
            distances[at, other] = value
            if where[other] >= 0:
                distances[where[other], row] = value
            pairs += 1
    return pairs
