"""Nearest neighbours among shapes under the Earth Mover's Distance: best first, and only as far as needed.

What is known of a pair is one number: its distance, or minus a lower bound of it that is greater than zero.
The candidate with the least number is looked at more closely, step by step: the mean distance to the nearest
point (every point is matched to one at least that far), potentials from means of 16 points, from means of 4,
and at last the matching itself, which stops once its own potentials prove it too long. The search ends when
the least number exceeds what has been found. A pair is left out only when its distance is certainly larger,
and equal distances go to the lower index.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmark.metrics.clouds.nearest import fill_nearest_squared
from benchmark.metrics.clouds.trees import Coordinates, Indices
from benchmark.metrics.generation.nearest_shapes import insert_sorted
from benchmark.metrics.matching.optimal import cost_bound, optimal_cost

Floats = NDArray[np.float64]
Steps = NDArray[np.int8]

GROUPS = (16, 4)
"""Points per mean of the two refinements: 3 and 7 ms at 2048 points, where a matching takes 40."""
_LAST = len(GROUPS)
_SMALL = 64  # with so few points a matching takes no longer than its bounds
_LEAST = 1e-300
# Squares of float32 carry five roundings, 3e-7, and lose at most 1e-22 of a distance to underflow.
_SHRINK, _UNDERFLOW = 1 - 1e-6, 1e-22


@njit(cache=True, nogil=True)
def bound_row(
    xyz: Coordinates, low: Coordinates, high: Coordinates, first: Indices, order: Indices, count: Indices,
    rows: Indices, where: Indices, known: Floats, at: int,
) -> None:  # fmt: skip
    """Write the first bounds of one row into ``known`` (R, M); a pair of two rows is bounded by the earlier one."""
    row = rows[at]
    for other in range(known.shape[1]):
        if other == row:
            known[at, other] = 0.0
        elif where[other] < 0 or where[other] > at:
            forth = _mean_nearest(xyz, low, high, first, order, row, other, count[row])
            back = _mean_nearest(xyz, low, high, first, order, other, row, count[other])
            known[at, other] = -max(max(forth, back) * _SHRINK - _UNDERFLOW, _LEAST)
            if where[other] >= 0:
                known[where[other], row] = known[at, other]


@njit(cache=True, nogil=True)
def _mean_nearest(
    xyz: Coordinates, low: Coordinates, high: Coordinates, first: Indices, order: Indices,
    source: int, target: int, count: int,
) -> float:  # fmt: skip
    squared = np.empty(count, xyz.dtype)
    fill_nearest_squared(xyz, low, high, first, order, source, target, squared)
    total = 0.0
    for index in range(count):
        total += math.sqrt(np.float64(squared[index]))
    return total / count


@njit(cache=True, nogil=True)
def distance_row(clouds: Floats, rows: Indices, where: Indices, known: Floats, at: int) -> int:
    """Write the distances of one row into ``known`` (R, M); returns how many that took."""
    row, pairs = rows[at], 0
    for other in range(len(clouds)):
        if other == row:
            known[at, other] = 0.0
        elif where[other] < 0 or where[other] > at:
            known[at, other] = optimal_cost(clouds[row], clouds[other], np.inf)
            pairs += 1
            if where[other] >= 0:
                known[where[other], row] = known[at, other]
    return pairs


@njit(cache=True, nogil=True)
def search_row(
    clouds: Floats, row: int, at: int, candidates: Indices, labels: Indices, alone: bool,
    known: Floats, step: Steps, where: Indices, stop_below: float, values: Floats, nearest: Indices, done: Indices,
) -> None:  # fmt: skip
    """The nearest of some candidates to one cloud.

    Args:
        clouds: (M, 3, P) arranged clouds.
        row: the cloud.
        at: its row in the matrices.
        candidates: (C,) clouds.
        labels: (C,) what candidates are called in the result; equal distances go to the lower label.
        alone: whether the cloud is no candidate of its own.
        known: (R, M) see the module. Updated.
        step: (R, M) how many refinements of the bounds are done. Updated.
        where: (M,) the row of a cloud, or -1; what is learnt of a pair is noted in both of its rows.
        stop_below: stop at the first distance below this; minus infinity searches to the end.
        values: (k,) result: distances, ascending; inf where candidates run out.
        nearest: (k,) result: their labels; -1 there.
        done: (2,) pairs finished and pairs abandoned, counted up.
    """
    values[:], nearest[:] = np.inf, -1
    bounds = np.empty(len(candidates))
    for position in range(len(candidates)):
        other = candidates[position]
        bounds[position] = np.inf if other == row and alone else abs(known[at, other])
    while True:
        position = int(np.argmin(bounds))
        limit = values[-1] if stop_below == -np.inf else min(values[-1], stop_below)
        if bounds[position] == np.inf or bounds[position] > limit:
            return
        other = candidates[position]
        value = known[at, other]
        if value < 0:
            if clouds.shape[2] > _SMALL and step[at, other] < _LAST:
                value = -max(cost_bound(clouds[row], clouds[other], GROUPS[step[at, other]]), -value)
                step[at, other] += 1
            else:
                value = optimal_cost(clouds[row], clouds[other], limit)
                done[0 if value >= 0 else 1] += 1
            known[at, other] = value
            if where[other] >= 0:
                known[where[other], row], step[where[other], row] = value, step[at, other]
        if value < 0:
            bounds[position] = -value
            continue
        bounds[position] = np.inf
        insert_sorted(values, nearest, value, labels[position])
        if values[0] < stop_below:
            return
