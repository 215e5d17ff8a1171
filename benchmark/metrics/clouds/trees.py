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
Vector = NDArray[np.floating[Any]]
Indices = NDArray[np.int64]


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
    order: Indices
    low: Coordinates
    high: Coordinates
    first: Indices
    count: Indices

    def __len__(self) -> int:
        """How many clouds."""
        return len(self.count)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        return self.xyz.nbytes + self.order.nbytes + self.low.nbytes + self.high.nbytes


def build_trees(clouds: Sequence[Coordinates]) -> Trees:
    """Order clouds (P_i, 3), all float32 or all float64, finite and with at least one point each."""
    count = np.array([len(cloud) for cloud in clouds], dtype=np.int64)
    first = np.concatenate([[0], np.cumsum(-(-count // LEAF))]).astype(np.int64)
    dtype = clouds[0].dtype if len(clouds) else np.dtype(np.float32)
    xyz = np.empty((3, int(first[-1]) * LEAF), dtype=dtype)
    order = np.empty(xyz.shape[1], dtype=np.int64)
    low, high = np.empty((3, int(first[-1])), dtype=dtype), np.empty((3, int(first[-1])), dtype=dtype)
    for cloud, start, end in zip(clouds, first[:-1], first[1:], strict=True):
        own, leaves = slice(start * LEAF, end * LEAF), slice(start, end)
        x, y, z = xyz[:, own]
        _build(np.ascontiguousarray(cloud), x, y, z, order[own], low[:, leaves], high[:, leaves])
    return Trees(xyz, order, low, high, first, count)


@njit(cache=True, nogil=True)
def _build(
    points: Coordinates, x: Vector, y: Vector, z: Vector, order: Indices, low: Coordinates, high: Coordinates
) -> None:
    """Fill the arrays of one cloud, halving the widest axis at a leaf boundary again and again."""
    count = len(points)
    for index in range(len(order)):
        order[index] = min(index, count - 1)
    scratch = np.empty(count, np.int64)
    starts, ends = np.empty(64, np.int64), np.empty(64, np.int64)  # of open ranges: as many as the tree is deep
    starts[0], ends[0], depth = 0, count, 1
    while depth:
        depth -= 1
        start, end = starts[depth], ends[depth]
        if end - start <= LEAF:
            continue
        axis = _widest_axis(points, order[start:end])
        half = (end - start + LEAF - 1) // LEAF // 2 * LEAF
        _halve(points[:, axis], order[start:end], half, scratch)
        starts[depth], ends[depth] = start, start + half
        starts[depth + 1], ends[depth + 1] = start + half, end
        depth += 2
    order[count:] = order[count - 1]
    for index in range(len(order)):
        x[index], y[index], z[index] = points[order[index], 0], points[order[index], 1], points[order[index], 2]
    for leaf in range(low.shape[1]):
        own = slice(leaf * LEAF, (leaf + 1) * LEAF)
        low[0, leaf], high[0, leaf] = x[own].min(), x[own].max()
        low[1, leaf], high[1, leaf] = y[own].min(), y[own].max()
        low[2, leaf], high[2, leaf] = z[own].min(), z[own].max()


@njit(cache=True, nogil=True)
def _widest_axis(points: Coordinates, order: Indices) -> int:
    ax = bx = points[order[0], 0]
    ay = by = points[order[0], 1]
    az = bz = points[order[0], 2]
    for index in order:
        px, py, pz = points[index, 0], points[index, 1], points[index, 2]
        ax, bx = (px if px < ax else ax), (px if px > bx else bx)
        ay, by = (py if py < ay else ay), (py if py > by else by)
        az, bz = (pz if pz < az else az), (pz if pz > bz else bz)
    wx, wy, wz = bx - ax, by - ay, bz - az
    return 0 if wx >= wy and wx >= wz else (1 if wy >= wz else 2)


@njit(cache=True, nogil=True)
def _halve(keys: Vector, order: Indices, wanted: int, scratch: Indices) -> None:
    """Arrange ``order`` so that the keys before position ``wanted`` are at most those from there on.

    Keys fall into buckets, whole buckets to one side, and only the bucket in the middle is sorted. No branch
    depends on the data until then: branches guessed wrong are most of what a quickselect costs.
    """
    count = len(order)
    least = most = np.float64(keys[order[0]])
    for index in order:
        key = np.float64(keys[index])
        least, most = (key if key < least else least), (key if key > most else most)
    if not most > least:
        return
    buckets = max(8, count // 8)
    scale = (buckets - 0.5) / (most - least)
    sizes = np.zeros(buckets, np.int64)
    for index in order:
        sizes[int((np.float64(keys[index]) - least) * scale)] += 1
    middle, before = 0, 0
    while before + sizes[middle] <= wanted:
        before += sizes[middle]
        middle += 1
    ends = np.array([0, before, before + sizes[middle]])
    for index in order:
        bucket = int((np.float64(keys[index]) - least) * scale)
        side = np.int64(bucket >= middle) + np.int64(bucket > middle)
        scratch[ends[side]] = index
        ends[side] += 1
    order[:] = scratch[:count]
    inside = order[before : before + sizes[middle]]
    inside[:] = inside[np.argsort(keys[inside], kind="mergesort")]
