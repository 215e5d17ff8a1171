"""The arcs a matching is likely to use: of every row the columns with the smallest cost minus price.

A row's ``floor`` is a lower bound of cost minus price over all columns not on its list. Prices ``v`` only ever
fall, so cost minus price only ever rises and a floor, once true, stays true. This is what lets a search use
short lists and still be exact: it looks beyond a list only when the floor says that it might matter.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmark.metrics.matching.scales import Cloud

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Columns = NDArray[np.int32]

WANTED = 24
"""Arcs on a list: with fewer the floors are reached more often, with more the lists take longer to read."""
CAPACITY = 48
_LANES = 64


@njit(cache=True, nogil=True)
def distance(a: Cloud, i: int, b: Cloud, j: int) -> float:
    """Euclidean distance of point i of a to point j of b; every cost of a matching is this expression."""
    dx, dy, dz = a[0, i] - b[0, j], a[1, i] - b[1, j], a[2, i] - b[2, j]
    return math.sqrt((dx * dx + dy * dy) + dz * dz)


@njit(cache=True, nogil=True)
def c_transform(a: Cloud, u: Floats, b: Cloud) -> Floats:
    """v_j = min_i |a_i - b_j| - u_i: the largest v that is feasible with u (u_i + v_j <= |a_i - b_j|)."""
    bx, by, bz = b[0], b[1], b[2]
    v = np.full(b.shape[1], np.inf)
    for i in range(a.shape[1]):
        px, py, pz, offset = a[0, i], a[1, i], a[2, i], u[i]
        for j in range(len(v)):
            dx, dy, dz = px - bx[j], py - by[j], pz - bz[j]
            value = math.sqrt((dx * dx + dy * dy) + dz * dz) - offset
            v[j] = value if value < v[j] else v[j]
    return v


@njit(cache=True, nogil=True)
def list_arcs(
    a: Cloud, row: int, b: Cloud, v: Floats, net: Floats, least: Floats,
    columns: Columns, costs: Floats, count: Indices, floor: Floats,
) -> None:  # fmt: skip
    """Write the list of a row anew.

    Args:
        a: (3, P) rows.
        row: which.
        b: (3, P) columns.
        v: (P,) prices.
        net: (P,) result: cost minus price of all columns.
        least: (64,) scratch.
        columns: (P, 48) columns of the lists; ``row`` is written.
        costs: (P, 48) their costs.
        count: (P,) lengths of the lists.
        floor: (P,) see the module.
    """
    bx, by, bz = b[0], b[1], b[2]
    px, py, pz = a[0, row], a[1, row], a[2, row]
    size = len(net)
    for j in range(size):
        dx, dy, dz = px - bx[j], py - by[j], pz - bz[j]
        net[j] = math.sqrt((dx * dx + dy * dy) + dz * dz) - v[j]
    # The 24th smallest of 64 interleaved minima: 24 values at least, seldom many more, are no larger.
    least[:] = np.inf
    whole = size // _LANES * _LANES
    for start in range(0, whole, _LANES):
        for lane in range(_LANES):
            value = net[start + lane]
            least[lane] = value if value < least[lane] else least[lane]
    for j in range(whole, size):
        least[j - whole] = min(least[j - whole], net[j])
    threshold = np.partition(least, WANTED - 1)[WANTED - 1]
    length, above = 0, np.inf
    for lane in range(min(_LANES, size)):
        if least[lane] > threshold:
            above = min(above, least[lane])
            continue
        for j in range(lane, size, _LANES):
            if net[j] <= threshold and length < CAPACITY:
                columns[row, length], costs[row, length] = j, distance(a, row, b, j)
                length += 1
            else:
                above = min(above, net[j])
    count[row], floor[row] = length, above
