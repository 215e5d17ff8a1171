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

_SHORT = 24
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
    scratch = np.empty((2, count + 1), np.int64)
    starts, ends = np.empty(64, np.int64), np.empty(64, np.int64)  # of open ranges: as many as the tree is deep
    starts[0], ends[0], depth = 0, count, 1
    while depth:
        depth -= 1
        start, end = starts[depth], ends[depth]
        if end - start <= LEAF:
            continue
        axis, least, most = widest_axis(points, order[start:end])
        half = (end - start + LEAF - 1) // LEAF // 2 * LEAF
        halve(points[:, axis], order[start:end], half, least, most, scratch)
        starts[depth], ends[depth] = start, start + half
        starts[depth + 1], ends[depth + 1] = start + half, end
        depth += 2
    order[count:] = order[count - 1]
    for index in range(len(order)):
        x[index], y[index], z[index] = points[order[index], 0], points[order[index], 1], points[order[index], 2]
    for leaf in range(low.shape[1]):
        own = slice(leaf * LEAF, (leaf + 1) * LEAF)
        low[0, leaf], high[0, leaf] = _range(x[own])
        low[1, leaf], high[1, leaf] = _range(y[own])
        low[2, leaf], high[2, leaf] = _range(z[own])


@njit(cache=True, nogil=True)
def _range(values: Vector) -> tuple[float, float]:
    least = most = values[0]
    for value in values:
        least, most = (value if value < least else least), (value if value > most else most)
    return least, most


@njit(cache=True, nogil=True)
def widest_axis(points: Coordinates, order: Indices) -> tuple[int, float, float]:
    """The axis along which some points spread the most, and their least and most there."""
    ax = bx = points[order[0], 0]
    ay = by = points[order[0], 1]
    az = bz = points[order[0], 2]
    for index in order:
        px, py, pz = points[index, 0], points[index, 1], points[index, 2]
        ax, bx = (px if px < ax else ax), (px if px > bx else bx)
        ay, by = (py if py < ay else ay), (py if py > by else by)
        az, bz = (pz if pz < az else az), (pz if pz > bz else bz)
    wx, wy, wz = bx - ax, by - ay, bz - az
    if wx >= wy and wx >= wz:
        return 0, np.float64(ax), np.float64(bx)
    if wy >= wz:
        return 1, np.float64(ay), np.float64(by)
    return 2, np.float64(az), np.float64(bz)


@njit(cache=True, nogil=True)
def halve(keys: Vector, order: Indices, wanted: int, least: float, most: float, scratch: Indices) -> None:
    """Arrange ``order`` so that the keys before position ``wanted`` are at most those from there on.

    Keys fall into buckets, whole buckets to one side, and only the bucket in the middle is sorted. No branch
    depends on the data until then: branches guessed wrong are most of what a quickselect costs.
    """
    count = len(order)
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
    # Everything is written to all three places, and only the place it belongs to moves on.
    low, high, kept = 0, count - 1, 0
    for index in order:
        bucket = int((np.float64(keys[index]) - least) * scale)
        scratch[0, low], scratch[0, high], scratch[1, kept] = index, index, index
        low += int(bucket < middle)
        high -= int(bucket > middle)
        kept += int(bucket == middle)
    scratch[0, low : high + 1] = scratch[1, :kept]
    order[:] = scratch[0, :count]
    inside = order[before : before + sizes[middle]]
    if len(inside) > _SHORT:
        inside[:] = inside[np.argsort(keys[inside], kind="mergesort")]
        return
    for place in range(1, len(inside)):  # as stable, and without the arrays a sort would make
        index, at = inside[place], place
        while at > 0 and keys[inside[at - 1]] > keys[index]:
            inside[at] = inside[at - 1]
            at -= 1
        inside[at] = index
