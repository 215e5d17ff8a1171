"""The one loop that goes over all pairs in all resamples, compiled."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.int32]
SAME = 1e-10
"""Two methods' difference varies at least by this share of their own variances: below it, rounding would decide."""


@numba.njit(cache=True)
def count_exceeding(
    products: Floats,
    means: Floats,
    first: Places,
    second: Places,
    observed: Floats,
    floor: float,
    exceeded: NDArray[np.int64],
) -> None:
    """Count, for every pair in ascending order, the boards on which it or a pair below it reaches what was observed.

    Args:
        products: (boards, methods, methods) inner products of the methods' centred values.
        means: (boards, methods).
        first: (pairs,) one method of each pair.
        second: (pairs,) the other one.
        observed: (pairs,) ascending, squared difference of means over summed squares.
        floor: least summed squares.
        exceeded: (pairs,) counts that are added to.
    """
    for board in range(len(products)):
        largest = 0.0
        squares = np.diag(products[board]).copy()
        for pair in range(len(first)):
            one, other = first[pair], second[pair]
            own = squares[one] + squares[other]
            spread = max(own - 2.0 * products[board, one, other], SAME * own, floor)
            gap = means[board, one] - means[board, other]
            if gap * gap > largest * spread:  # divide only where there is something new
                largest = gap * gap / spread
            if largest >= observed[pair]:
                exceeded[pair] += 1
