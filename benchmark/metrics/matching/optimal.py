"""The optimal mean distance of a one-to-one matching, from coarse to fine; and lower bounds of it.

Means of neighbouring points are matched first, which is quick; their potentials, carried over to twice as
many points by a c-transform, are nearly right there, and so on up to the clouds themselves. Only the last
scale decides the result; the coarser ones decide how long it takes.

The same potentials give bounds: for any numbers u of some points, v_j = min_i |a_i - b_j| - u_i and then
u_i = min_j |a_i - b_j| - v_j are feasible, and mean(u) + mean(v) is at most the cost of any matching.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from benchmark.metrics.matching.arcs import Floats, c_transform, distance
from benchmark.metrics.matching.paths import certain, solve
from benchmark.metrics.matching.scales import Cloud, coarsen, compare

COARSEST = 64
"""Points of the first scale at most; it starts from no potentials."""
_LEAST = 1e-300


@njit(cache=True, nogil=True)
def _potentials(a: Cloud, b: Cloud, finest: int) -> tuple[Cloud, Floats]:
    """The means of every ``finest`` points of a, and their optimal potentials against those of b."""
    group = finest
    while (a.shape[1] + group - 1) // group > COARSEST:
        group *= 2
    x, y = coarsen(a, group), coarsen(b, group)
    u = np.zeros(x.shape[1])
    v = c_transform(x, u, y)
    match = np.empty(len(u), np.int64)
    solve(x, y, u, v, match, np.inf)
    while group > finest:
        group //= 2
        y = coarsen(b, group)
        v = c_transform(x, u, y)
        x, u, match = coarsen(a, group), np.empty(len(v)), np.empty(len(v), np.int64)
        solve(x, y, u, v, match, np.inf)
    return x, u


@njit(cache=True, nogil=True)
def cost_bound(a: Cloud, b: Cloud, group: int) -> float:
    """A certain lower bound of the optimal cost of arranged clouds (3, P), from means of ``group`` points."""
    if compare(a, b) == 0:
        return 0.0
    x, coarse = _potentials(a, b, group)
    v = c_transform(x, coarse, b)
    u = c_transform(b, v, a)
    v = c_transform(a, u, b)
    bound: float = certain(u, v)
    return max(bound, 0.0)


@njit(cache=True, nogil=True)
def optimal_cost(a: Cloud, b: Cloud, limit: float) -> float:
    """The least mean distance of arranged clouds (3, P) of one size, if it is at most ``limit``.

    Otherwise a negative number, minus a lower bound of it that exceeds the limit. The result does not depend
    on the order of the arguments, and a limit decides only whether there is one.
    """
    order = compare(a, b)
    if order == 0:
        return 0.0
    if order > 0:
        a, b = b, a
    if a.shape[1] <= COARSEST:
        v = c_transform(a, np.zeros(a.shape[1]), b)
    else:
        x, coarse = _potentials(a, b, 2)
        v = c_transform(x, coarse, b)
    u, match = np.empty(len(v)), np.empty(len(v), np.int64)
    if not solve(a, b, u, v, match, limit):
        return -max(certain(u, v), _LEAST)
    costs = np.empty(len(u))
    for index in range(len(u)):
        costs[index] = distance(a, index, b, match[index])
    costs.sort()  # the order of the points must not show in the rounding of the sum
    return float(costs.sum()) / len(costs)
