"""Point clouds in k-d order, cut into leaves with bounding boxes.

Points are neither moved nor rounded; only their order changes. The last leaf of a cloud is filled up with
copies of its own last point, which change no minimum and are never summed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

LEAF = 32
"""Points of a leaf: four vectors of eight floats; 16 and 8 were slower."""

Coordinates = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Trees:
    """M clouds in one set of arrays.

    Attributes:
        xyz: (3, T) coordinates, leaf after leaf, cloud after cloud; T is a multiple of 32.
        order: (T,) index in its own cloud of every point, for undoing the order.
        low, high: (3, T / 32) corners of the leaves' bounding boxes.
        first: (M + 1,) first leaf of every cloud.
        count: (M,) points of every cloud.
    """

    xyz: Coordinates
    order: NDArray[np.int64]
    low: Coordinates
    high: Coordinates
    first: NDArray[np.int64]
    count: NDArray[np.int64]

    def __len__(self) -> int:
        """How many clouds."""
        return len(self.count)


def build_trees(clouds: Sequence[Coordinates]) -> Trees:
    """Order clouds (P_i, 3), all float32 or all float64, finite and with at least one point each."""
    count = np.array([len(cloud) for cloud in clouds], dtype=np.int64)
    first = np.concatenate([[0], np.cumsum(-(-count // LEAF))]).astype(np.int64)
    dtype = clouds[0].dtype if len(clouds) else np.dtype(np.float32)
    xyz = np.empty((3, int(first[-1]) * LEAF), dtype=dtype)
    order = np.empty(xyz.shape[1], dtype=np.int64)
    low, high = np.empty((3, int(first[-1])), dtype=dtype), np.empty((3, int(first[-1])), dtype=dtype)
    for cloud, start, end in zip(clouds, first[:-1], first[1:], strict=True):
        own = slice(start * LEAF, end * LEAF)
        _order(np.ascontiguousarray(cloud), order[own])
        xyz[:, own] = cloud[order[own]].T
        leaves = xyz[:, own].reshape(3, -1, LEAF)
        low[:, start:end], high[:, start:end] = leaves.min(axis=2), leaves.max(axis=2)
    return Trees(xyz, order, low, high, first, count)


@njit(cache=True, nogil=True)
def _order(points: Coordinates, order: NDArray[np.int64]) -> None:
    """Fill ``order`` (a whole number of leaves) by halving the widest axis at a leaf boundary."""
    count = len(points)
    for index in range(len(order)):
        order[index] = min(index, count - 1)
    # A stack of open ranges is as deep as the tree, not as long.
    starts, ends = np.empty(64, np.int64), np.empty(64, np.int64)
    starts[0], ends[0], depth = 0, count, 1
    while depth:
        depth -= 1
        start, end = starts[depth], ends[depth]
        if end - start <= LEAF:
            continue
        axis, widest = 0, -1.0
        for candidate in range(3):
            least = most = points[order[start], candidate]
            for index in range(start + 1, end):
                value = points[order[index], candidate]
                least, most = min(least, value), max(most, value)
            if most - least > widest:
                axis, widest = candidate, most - least
        middle = start + (end - start + LEAF - 1) // LEAF // 2 * LEAF
        _select(points, order, axis, start, end - 1, middle)
        starts[depth], ends[depth] = start, middle
        starts[depth + 1], ends[depth + 1] = middle, end
        depth += 2
    for index in range(count, len(order)):
        order[index] = order[count - 1]


@njit(cache=True, nogil=True)
def _select(points: Coordinates, order: NDArray[np.int64], axis: int, left: int, right: int, wanted: int) -> None:
    """Hoare's selection: everything before position ``wanted`` is at most, everything after at least, what is there."""
    while left < right:
        pivot = points[order[(left + right) // 2], axis]
        low, high = left, right
        while low <= high:
            while points[order[low], axis] < pivot:
                low += 1
            while pivot < points[order[high], axis]:
                high -= 1
            if low <= high:
                order[low], order[high] = order[high], order[low]
                low += 1
                high -= 1
        if wanted <= high:
            right = high
        elif wanted >= low:
            left = low
        else:
            return
