"""Nearest neighbours among shapes under the squared Chamfer distance: best first, and only as far as needed.

Candidates are evaluated in the order of their lower bounds until a bound exceeds what has been found. A
pair is abandoned as soon as the sum so far, plus the bound of the direction not yet begun, exceeds it too;
what was learnt is remembered as a better bound. Nothing here is approximate: a pair is left out only when
its distance is certainly larger, and equal distances go to the lower index.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmark.metrics.clouds.nearest import directed_sum
from benchmark.metrics.clouds.trees import Coordinates, Indices

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

# Thresholds are widened by more than any rounding of the sums they are compared with.
_ABOVE = 1 + 1e-9
_BELOW = 1 - 1e-9


@njit(cache=True, nogil=True)
def chamfer_below(
    xyz: Coordinates, low: Coordinates, high: Coordinates, first: Indices, count: Indices,
    a: int, b: int, bound_ab: float, bound_ba: float, limit: float, done: Indices,
) -> float:  # fmt: skip
    """The Chamfer distance of clouds ``a`` and ``b`` (mean squared distance each way, summed) if it is <= ``limit``.

    Otherwise a negative number, minus a lower bound of it that exceeds ``limit``. ``bound_ab`` and ``bound_ba``
    bound the directions. ``done`` counts pairs finished [0] and abandoned [1], and leaves looked up [2].
    """
    if bound_ab > bound_ba:  # the direction with the smaller bound first: it has more to tell
        a, b, bound_ab, bound_ba = b, a, bound_ba, bound_ab
    wide = limit * _ABOVE
    total, leaves = directed_sum(xyz, low, high, first, count, a, b, (wide - bound_ba) * _ABOVE * count[a])
    mean_ab: float = total / count[a]
    done[2] += leaves
    if mean_ab + bound_ba > wide:
        done[1] += 1
        return -(mean_ab + bound_ba) * _BELOW
    total, leaves = directed_sum(xyz, low, high, first, count, b, a, (wide - mean_ab) * _ABOVE * count[b])
    mean_ba: float = total / count[b]
    done[2] += leaves
    if mean_ab + mean_ba > wide:
        done[1] += 1
        return -(mean_ab + mean_ba) * _BELOW
    done[0] += 1
    return mean_ab + mean_ba


@njit(cache=True, nogil=True)
def search_rows(
    xyz: Coordinates, low: Coordinates, high: Coordinates, first: Indices, count: Indices,
    rows: Indices, begin: int, end: int, candidates: Indices, labels: Indices, alone: NDArray[np.bool_],
    forth: Singles, back: Singles, known: Floats, where: Indices, stop_below: Floats,
    values: Floats, nearest: Indices, done: Indices,
) -> None:  # fmt: skip
    """The nearest of some candidates to each of some clouds.

    Args:
        xyz: as ``low``, ``high``, ``first`` and ``count`` of :class:`Trees`.
        low: see there.
        high: see there.
        first: see there.
        count: see there.
        rows: (R,) clouds; those from ``begin`` to ``end`` are searched.
        begin: first row searched.
        end: one past the last.
        candidates: (C,) clouds.
        labels: (C,) what candidates are called in the result; equal distances go to the lower label.
        alone: (M,) whether a cloud is no candidate of its own.
        forth: (R, M) lower bounds of the mean squared distances to every cloud.
        back: (R, M) and from every cloud.
        known: (R, M) what is known already: distances, NaN where nothing is, minus a lower bound where only
            that is. Updated.
        where: (M,) the row of a cloud, or -1; what is learnt of a pair is noted in both of its rows.
        stop_below: (R,) stop at the first distance below this (1-NNA only asks whether there is one);
            minus infinity searches to the end.
        values: (R, k) result: distances, ascending; inf where candidates run out.
        nearest: (R, k) result: their labels; -1 there.
        done: (3,) see :func:`chamfer_below`.
    """
    bounds = np.empty(len(candidates))
    for at in range(begin, end):
        row = rows[at]
        skip = row if alone[row] else -1
        for position in range(len(candidates)):
            other = candidates[position]
            bound = np.float64(forth[at, other]) + np.float64(back[at, other])
            exact = known[at, other]
            bounds[position] = bound if np.isnan(exact) else max(bound, abs(exact))
            if other == skip:
                bounds[position] = np.nan
        _search_row(
            xyz, low, high, first, count, row, at, candidates, labels, bounds, forth[at], back[at], known, where,
            stop_below[at], values[at], nearest[at], done,
        )  # fmt: skip


@njit(cache=True, nogil=True)
def _search_row(
    xyz: Coordinates, low: Coordinates, high: Coordinates, first: Indices, count: Indices,
    row: int, at: int, candidates: Indices, labels: Indices, bounds: Floats, forth: Singles, back: Singles,
    known: Floats, where: Indices, stop_below: float, values: Floats, nearest: Indices, done: Indices,
) -> None:  # fmt: skip
    """One row; bounds of NaN are no candidates."""
    wanted = len(values)
    values[:], nearest[:] = np.inf, -1
    real = bounds[~np.isnan(bounds)]
    if len(real) == 0:
        return
    decide = stop_below > -np.inf
    # First as many of the best bounds as are wanted, which gives a threshold; then, sorted, what lies below it.
    kth = min(wanted, len(real)) - 1
    lower, upper = -np.inf, np.partition(real, kth)[kth]
    for _ in range(2):
        chosen = np.flatnonzero((bounds > lower) & (bounds <= upper))
        for position in chosen[np.argsort(bounds[chosen], kind="mergesort")]:
            limit = min(values[wanted - 1], stop_below) if decide else values[wanted - 1]
            if bounds[position] > limit:
                return
            other = candidates[position]
            value = known[at, other]
            if not value >= 0:
                value = chamfer_below(xyz, low, high, first, count, row, other, forth[other], back[other], limit, done)
                known[at, other] = value
                if where[other] >= 0:
                    known[where[other], row] = value
            if value >= 0:
                insert_sorted(values, nearest, value, labels[position])
                if decide and values[0] < stop_below:
                    return
        lower = upper
        upper = min(values[wanted - 1], stop_below) if decide else values[wanted - 1]


@njit(cache=True, nogil=True)
def insert_sorted(values: Floats, indices: Indices, value: float, index: int) -> None:
    """Insert into a list ascending by value, then index; the last falls out."""
    last = len(values) - 1
    if value > values[last] or (value == values[last] and indices[last] >= 0 and index > indices[last]):
        return
    at = last
    while at > 0 and (values[at - 1] > value or (values[at - 1] == value and indices[at - 1] > index)):
        values[at], indices[at] = values[at - 1], indices[at - 1]
        at -= 1
    values[at], indices[at] = value, index
