"""The nearest of the points of a packed mask, looked for column by column."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.voxels.surfaces import count
from benchmark.metrics.voxels.words import Words, compiled, unpack_rows

Floats = NDArray[np.float64]
_NEAR = 16  # voxels; with 8 or 12 more points are left to the tree, which costs more than it saves


def nearest(points: Words, others: Words, steps: Floats) -> Floats:
    """Distance in mm from every point, in C order, to the closest of the others; both (X, Y, W), not empty."""
    distances = np.empty(count(points))
    between = np.pad(others, ((0, 0), (0, 0), (1, 1)))
    compiled(_search_columns)(points, between, *_columns(points.shape, steps), distances)
    far = np.flatnonzero(np.isnan(distances))
    if len(far):
        from scipy.spatial import cKDTree  # half a second that `genmed-bench list` need not wait for

        start, end = np.argwhere(unpack_rows(points))[far], np.argwhere(unpack_rows(others))
        closest = cKDTree(end * steps, leafsize=32).query(start * steps)[1]
        # Whole numbers of steps: from coordinates 0.3 and 0.6 the distance would not come out as 0.3.
        distances[far] = np.sqrt((((start - end[closest]) * steps) ** 2).sum(axis=1))
    return distances


def _columns(shape: tuple[int, ...], steps: Floats) -> tuple[NDArray[np.int64], Floats, float, float]:
    """Which columns to search: offsets (C, 2), their squared distances, closest first; a limit; the step in them.

    Squared distances up to the limit are certain: no column left out and no point beyond the 31 voxels that
    are looked at in a column is as close.
    """
    radius = _NEAR * np.sqrt(steps[0] * steps[1]) if shape[0] > 1 else _NEAR * steps[1]
    reach = [min(int(radius / step), size - 1) for step, size in zip(steps[:2], shape[:2], strict=True)]
    offsets = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), axis=-1).reshape(-1, 2)
    squared = ((offsets * steps[:2]) ** 2).sum(axis=1)
    order = np.argsort(squared, kind="stable")
    order = order[squared[order] <= radius**2]
    return offsets[order], squared[order], float(min(radius, 31 * steps[2]) ** 2), float(steps[2])


def _search_columns(
    points: Words,
    others: Words,
    offsets: NDArray[np.int64],
    squared: Floats,
    limit: float,
    step: float,
    distances: Floats,
) -> None:
    """Distance from every point to the closest of the others, NaN if its square exceeds the limit.

    ``others`` has a word of zeros before and after every column. Around voxel z of a column, bits z - 32 to
    z + 31 become one word, and a mask of what would be closer than the best so far rejects most columns. An index
    of a bit is the exponent of a float in which it is the highest; what follows it is cleared lest it be rounded up.
    """
    one, half, last = np.uint64(1), np.uint64(32), np.uint64(63)
    slack = 1e-6  # a quotient that should be whole may come out below
    X, Y, W = points.shape
    n = 0
    for x in range(X):
        for y in range(Y):
            for w in range(W):
                bits = points[x, y, w]
                while bits:
                    z = (np.float64(bits & (~bits + one)).view(np.int64) >> 52) - 1023
                    bits &= bits - one
                    v = w + (z + 32) // 64
                    shift = np.uint64((z + 32) % 64)
                    best = np.inf
                    gap = np.uint64(np.sqrt(limit) / step + slack)
                    mask = ((one << (gap + gap + one)) - one) << (half - gap)
                    for c in range(len(squared)):
                        if squared[c] >= best:
                            break
                        i, j = x + offsets[c, 0], y + offsets[c, 1]
                        if i < 0 or j < 0 or i >= X or j >= Y:
                            continue
                        window = (others[i, j, v] >> shift) | (others[i, j, v + 1] << one << (last - shift))
                        if window & mask == 0:
                            continue
                        above, below = window >> half, window << (half - one)
                        away = np.int64(64)
                        if above:
                            away = (np.float64(above & (~above + one)).view(np.int64) >> 52) - 1023
                        if below:
                            back = 63 + 1023 - (np.float64(below & ~(below >> one)).view(np.int64) >> 52)
                            away = back if back < away else away
                        square = squared[c] + (away * step) ** 2
                        if square < best:
                            best = square
                            gap = np.uint64(np.sqrt(min(best, limit)) / step + slack)
                            mask = ((one << (gap + gap + one)) - one) << (half - gap)
                    distances[n] = np.sqrt(best) if best <= limit else np.nan
                    n += 1
