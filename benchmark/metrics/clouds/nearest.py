"""Squared distances to the nearest point of another cloud, exactly what all pairs would give.

Squared distances are ``(dx*dx + dy*dy) + dz*dz`` of direct coordinate differences, in the precision of the
coordinates, without fused operations: the same bits as numpy's, on every machine. The lower bound of a
leaf's box is the same expression of differences that are never larger; rounding is monotone, so no bound
exceeds a distance it stands for and skipping leaves cannot change a result.

Conditionals are written as ``a if a < b else b``, which compilers turn into vector minima; ``min`` has to
mind NaN and does not become one. Coordinates come as tuples of three one-dimensional arrays, whose
contiguity the compiler can see.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from benchmark.metrics.clouds.trees import LEAF, Coordinates, Indices, Vector

Axes = tuple[Vector, Vector, Vector]


@njit(cache=True, nogil=True)
def _scan(query: Axes, best: Vector, leaf: Axes) -> None:
    """Lower ``best`` by the distances of 32 queries to the 32 points of a leaf."""
    x, y, z = query
    tx, ty, tz = leaf
    for t in range(0, LEAF, 4):
        # Four points at a time: the queries are read a quarter as often.
        x0, y0, z0, x1, y1, z1 = tx[t], ty[t], tz[t], tx[t + 1], ty[t + 1], tz[t + 1]
        x2, y2, z2, x3, y3, z3 = tx[t + 2], ty[t + 2], tz[t + 2], tx[t + 3], ty[t + 3], tz[t + 3]
        for q in range(LEAF):
            px, py, pz = x[q], y[q], z[q]
            dx, dy, dz = px - x0, py - y0, pz - z0
            d0 = (dx * dx + dy * dy) + dz * dz
            dx, dy, dz = px - x1, py - y1, pz - z1
            d1 = (dx * dx + dy * dy) + dz * dz
            dx, dy, dz = px - x2, py - y2, pz - z2
            d2 = (dx * dx + dy * dy) + dz * dz
            dx, dy, dz = px - x3, py - y3, pz - z3
            d3 = (dx * dx + dy * dy) + dz * dz
            d0 = d0 if d0 < d1 else d1
            d2 = d2 if d2 < d3 else d3
            d0 = d0 if d0 < d2 else d2
            best[q] = d0 if d0 < best[q] else best[q]


@njit(cache=True, nogil=True)
def _bound_leaves(low: Axes, high: Axes, box: Vector, bounds: Vector, centres: Vector) -> None:
    """Squared distances between a query box (low, high) and every leaf: of the boxes, and of their doubled centres."""
    zero = box.dtype.type(0)
    lx, ly, lz = low
    hx, hy, hz = high
    sx, sy, sz = box[0] + box[3], box[1] + box[4], box[2] + box[5]
    for leaf in range(len(bounds)):
        dx, ex = lx[leaf] - box[3], box[0] - hx[leaf]
        dx = dx if dx > ex else ex
        dx = dx if dx > zero else zero
        dy, ey = ly[leaf] - box[4], box[1] - hy[leaf]
        dy = dy if dy > ey else ey
        dy = dy if dy > zero else zero
        dz, ez = lz[leaf] - box[5], box[2] - hz[leaf]
        dz = dz if dz > ez else ez
        dz = dz if dz > zero else zero
        bounds[leaf] = (dx * dx + dy * dy) + dz * dz
        cx, cy, cz = (lx[leaf] + hx[leaf]) - sx, (ly[leaf] + hy[leaf]) - sy, (lz[leaf] + hz[leaf]) - sz
        centres[leaf] = cx * cx + cy * cy + cz * cz


@njit(cache=True, nogil=True)
def _reaches(query: Axes, best: Vector, low: Axes, high: Axes, leaf: int) -> bool:
    """Whether any of 32 queries is closer to the box of a leaf than to its best point so far."""
    zero = best.dtype.type(0)
    x, y, z = query
    lx, ly, lz = low[0][leaf], low[1][leaf], low[2][leaf]
    hx, hy, hz = high[0][leaf], high[1][leaf], high[2][leaf]
    found = 0
    for q in range(LEAF):
        dx, ex = lx - x[q], x[q] - hx
        dx = dx if dx > ex else ex
        dx = dx if dx > zero else zero
        dy, ey = ly - y[q], y[q] - hy
        dy = dy if dy > ey else ey
        dy = dy if dy > zero else zero
        dz, ez = lz - z[q], z[q] - hz
        dz = dz if dz > ez else ez
        dz = dz if dz > zero else zero
        found |= ((dx * dx + dy * dy) + dz * dz) < best[q]
    return found != 0


@njit(cache=True, nogil=True)
def _largest(values: Vector) -> float:
    most = values[0]
    for index in range(LEAF):
        most = values[index] if values[index] > most else most
    return most  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)
def part(axes: Coordinates, start: int, end: int) -> Axes:
    """Columns of a (3, N) array as three contiguous vectors."""
    return axes[0, start:end], axes[1, start:end], axes[2, start:end]


@njit(cache=True, nogil=True)
def query_leaf(
    query: Axes, box: Vector, points: Axes, low: Axes, high: Axes, best: Vector, bounds: Vector, centres: Vector
) -> None:
    """Squared distance of 32 queries to the nearest point of one cloud.

    Args:
        query: three (32,) coordinates.
        box: (6,) their bounding box, low then high.
        points: three (32 n,) coordinates of the cloud's n leaves.
        low: three (n,) lower corners of the leaves.
        high: three (n,) upper corners.
        best: (32,) result.
        bounds: (n,) scratch.
        centres: (n,) scratch.
    """
    _bound_leaves(low, high, box, bounds, centres)
    closest = 0
    for leaf in range(1, len(centres)):
        if centres[leaf] < centres[closest]:
            closest = leaf
    best[:] = np.inf
    at = closest * LEAF
    _scan(query, best, (points[0][at : at + LEAF], points[1][at : at + LEAF], points[2][at : at + LEAF]))
    bounds[closest] = np.inf
    farthest = _largest(best)
    for leaf in range(len(bounds)):
        if bounds[leaf] < farthest and _reaches(query, best, low, high, leaf):
            at = leaf * LEAF
            _scan(query, best, (points[0][at : at + LEAF], points[1][at : at + LEAF], points[2][at : at + LEAF]))
            farthest = _largest(best)


@njit(cache=True, nogil=True)
def directed_sum(
    xyz: Coordinates, low: Coordinates, high: Coordinates, first: Indices, count: Indices,
    source: int, target: int, limit: float,
) -> tuple[float, int]:  # fmt: skip
    """Sum over the points of cloud ``source`` of the squared distance to cloud ``target``, in float64.

    Stops as soon as the sum exceeds ``limit``; what it returns then is a lower bound above the limit. The other
    number is how many leaves of ``source`` were looked up.
    """
    begin, end = first[target], first[target + 1]
    points, own_low, own_high = part(xyz, begin * LEAF, end * LEAF), part(low, begin, end), part(high, begin, end)
    best, box = np.empty(LEAF, xyz.dtype), np.empty(6, xyz.dtype)
    bounds, centres = np.empty(end - begin, xyz.dtype), np.empty(end - begin, xyz.dtype)
    total, left = 0.0, count[source]
    for leaf in range(first[source], first[source + 1]):
        for axis in range(3):
            box[axis], box[3 + axis] = low[axis, leaf], high[axis, leaf]
        query = part(xyz, leaf * LEAF, (leaf + 1) * LEAF)
        query_leaf(query, box, points, own_low, own_high, best, bounds, centres)
        for index in range(min(LEAF, left)):
            total += best[index]
        left -= LEAF
        if total > limit:
            return total, leaf + 1 - first[source]
    return total, first[source + 1] - first[source]


@njit(cache=True, nogil=True)
def fill_nearest_squared(
    xyz: Coordinates, low: Coordinates, high: Coordinates, first: Indices, order: Indices,
    source: int, target: int, squared: Vector,
) -> None:  # fmt: skip
    """Write into ``squared`` the distance of every point of cloud ``source``, in its original order, to ``target``."""
    begin, end = first[target], first[target + 1]
    points, own_low, own_high = part(xyz, begin * LEAF, end * LEAF), part(low, begin, end), part(high, begin, end)
    best, box = np.empty(LEAF, xyz.dtype), np.empty(6, xyz.dtype)
    bounds, centres = np.empty(end - begin, xyz.dtype), np.empty(end - begin, xyz.dtype)
    for leaf in range(first[source], first[source + 1]):
        for axis in range(3):
            box[axis], box[3 + axis] = low[axis, leaf], high[axis, leaf]
        query_leaf(part(xyz, leaf * LEAF, (leaf + 1) * LEAF), box, points, own_low, own_high, best, bounds, centres)
        for index in range(LEAF):
            squared[order[leaf * LEAF + index]] = best[index]
