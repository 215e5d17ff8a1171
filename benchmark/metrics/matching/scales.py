"""A cloud at several scales: neighbours side by side, so that means of 2, 4, 8, ... of them are its coarser selves."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmark.metrics.clouds.trees import halve, widest_axis

Cloud = NDArray[np.float64]
"""(3, P) coordinates, arranged."""


@njit(cache=True, nogil=True)
def arrange(points: NDArray[np.float64]) -> Cloud:
    """Points (P, 3) as coordinates (3, P), halved along their widest axis again and again until all are apart.

    Every first half holds a power of two of points, so any aligned 2, 4, 8, ... points are a cell of the
    k-d tree. Points are not changed.
    """
    count = len(points)
    order, scratch = np.arange(count), np.empty((2, count + 1), np.int64)
    starts, ends = np.empty(64, np.int64), np.empty(64, np.int64)
    starts[0], ends[0], depth = 0, count, 1
    while depth:
        depth -= 1
        start, end = starts[depth], ends[depth]
        if end - start <= 1:
            continue
        half = 1
        while 2 * half < end - start:
            half *= 2
        axis, least, most = widest_axis(points, order[start:end])
        halve(points[:, axis], order[start:end], half, least, most, scratch)
        starts[depth], ends[depth] = start, start + half
        starts[depth + 1], ends[depth + 1] = start + half, end
        depth += 2
    arranged = np.empty((3, count))
    for index in range(count):
        for axis in range(3):
            arranged[axis, index] = points[order[index], axis]
    return arranged


@njit(cache=True, nogil=True)
def coarsen(cloud: Cloud, group: int) -> Cloud:
    """Means of every ``group`` consecutive points; the last group may be smaller."""
    count = cloud.shape[1]
    means = np.empty((3, (count + group - 1) // group))
    for axis in range(3):
        for at in range(means.shape[1]):
            start, end = at * group, min(count, (at + 1) * group)
            total = 0.0
            for index in range(start, end):
                total += cloud[axis, index]
            means[axis, at] = total / (end - start)
    return means


@njit(cache=True, nogil=True)
def compare(a: Cloud, b: Cloud) -> int:
    """-1, 0 or 1: which of two clouds of one size comes first in lexicographic order of their coordinates."""
    for axis in range(3):
        for index in range(a.shape[1]):
            if a[axis, index] != b[axis, index]:
                return -1 if a[axis, index] < b[axis, index] else 1
    return 0
