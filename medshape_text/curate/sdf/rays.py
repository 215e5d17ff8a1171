"""Where axis-parallel rays cross triangles, counted exactly; and which triangles lie along a ray.

A ray crosses a triangle where its foot lies in the shadow of it, and the shadows of two triangles that
share a side never overlap nor leave a gap: the crossing of a row by the side is computed from its lower end in both.
So crossings of a mesh without border add up to its winding number, whatever the rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from medshape_text.curate.sdf.connectivity import Faces, Labels

Points = NDArray[np.float64]
_LEAST_BINS, _MOST_BINS = 8, 256
_MOST_PLACES = 4_000_000


@njit(cache=True, nogil=True, error_model="numpy")
def _cut(points: Points, faces: Faces, face: int, axis: int, row: float) -> tuple[float, float, float, float]:
    """Column and depth where a triangle's rising and falling side cross a row; equal columns if it has none there."""
    b, c = (axis + 1) % 3, (axis + 2) % 3
    up, down, x_up, x_down = 0.0, 0.0, 0.0, 0.0
    for corner in range(3):
        start, end = faces[face, corner], faces[face, (corner + 1) % 3]
        rises = points[start, b] <= row
        if rises == (points[end, b] <= row):
            continue
        low, high = (start, end) if rises else (end, start)
        share = (row - points[low, b]) / (points[high, b] - points[low, b])
        at = points[low, c] + share * (points[high, c] - points[low, c])
        x = points[low, axis] + share * (points[high, axis] - points[low, axis])
        if rises:
            up, x_up = at, x
        else:
            down, x_down = at, x
    return up, x_up, down, x_down


@njit(cache=True, nogil=True, error_model="numpy")
def crossing(points: Points, faces: Faces, face: int, axis: int, row: float, column: float) -> tuple[float, int]:
    """Where the line at (row, column) crosses a triangle; and +1 if it enters there, -1 if it leaves, 0 for a miss."""
    up, x_up, down, x_down = _cut(points, faces, face, axis, row)
    if (up <= column) == (down <= column):
        return 0.0, 0
    return x_up + (column - up) / (down - up) * (x_down - x_up), (-1 if up < down else 1)


@njit(cache=True, nogil=True, error_model="numpy")
def count_crossings(points: Points, faces: Faces, axis: int, n: int, signed: bool, out: Labels) -> None:
    """Crossings of the lines through the centres of an n^3 grid, along one axis.

    Args:
        points: (V, 3), in voxels: the centre of voxel (i, j, k) is the point (i, j, k).
        faces: (F, 3).
        axis: 0, 1 or 2.
        n: voxels per edge.
        signed: add +1 where the line enters, -1 where it leaves; else 1 for both.
        out: (n * n * n,) whole numbers, added to at the first voxel behind the crossing.
    """
    b, c = (axis + 1) % 3, (axis + 2) % 3
    steps = (n * n, n, 1)
    for face in range(len(faces)):
        p, q, r = faces[face, 0], faces[face, 1], faces[face, 2]
        least = max(min(points[p, b], points[q, b], points[r, b]), -1.0)
        most = min(max(points[p, b], points[q, b], points[r, b]), float(n))
        for row in range(int(np.ceil(least)), min(int(np.ceil(most)), n)):
            if row < 0:
                continue
            up, x_up, down, x_down = _cut(points, faces, face, axis, row)
            if up == down:
                continue
            weight = -1 if signed and up < down else 1
            left, right = max(min(up, down), -1.0), min(max(up, down), float(n))
            slope = (x_down - x_up) / (down - up)
            for column in range(max(int(np.ceil(left)), 0), min(int(np.ceil(right)), n)):
                x = min(max(x_up + (column - up) * slope, -1.0), float(n))
                behind = int(np.floor(x)) + 1
                if behind < n:
                    out[behind * steps[axis] + row * steps[b] + column * steps[c]] += weight


Bins = tuple[Points, float, int, Faces, Labels]


@dataclass(frozen=True, eq=False)
class RayIndex:
    """Triangles by the columns along ``axis`` that their boxes touch.

    Bin (b, c) has ``items`` from start[b * n + c] to the next bin's. ``low`` (2,) is the corner of the
    first bin in the two other axes (in cyclic order), ``per_unit`` bins make a unit.
    """

    points: Points
    faces: Faces
    axis: int
    low: Points
    per_unit: float
    n: int
    start: NDArray[np.int64]
    items: NDArray[np.int32]

    @property
    def crowd(self) -> float:
        """Mean number of triangles in a bin."""
        return len(self.items) / self.n**2

    def winding(self, queries: Points) -> NDArray[np.int64]:
        """Whole winding numbers (Q,) of (Q, 3) points about a mesh without border."""
        box = self.low, self.per_unit, self.n, self.start, self.items
        return np.asarray(_winding(self.points, self.faces, self.axis, box, queries))

    def add_sides(self, queries: Points, label: NDArray[np.int32], votes: NDArray[np.int32]) -> None:
        """Add to ``votes`` (Q, G) how many of the two half-rays of a point see a surplus of one side of group g."""
        box = self.low, self.per_unit, self.n, self.start, self.items
        _add_sides(self.points, self.faces, self.axis, box, queries, label, votes)


def ray_index(points: Points, faces: Faces, axis: int) -> RayIndex:
    """Sort triangles (at least one) into at most 256 x 256 bins seen along an axis."""
    box = boxes(points, faces, np.zeros(len(faces), np.int32), 1)[0]
    low, high = box[:3], box[3:]
    n = int(np.clip(np.sqrt(len(faces)), _LEAST_BINS, _MOST_BINS))
    corner = low[[(axis + 1) % 3, (axis + 2) % 3]]
    while True:
        per_unit = n / max(float((high - low).max()), 1e-300)
        if n <= _LEAST_BINS or _places(points, faces, axis, corner, per_unit, n) <= _MOST_PLACES + 8 * len(faces):
            break
        n //= 2  # large triangles lie in many bins
    start, items = _fill(points, faces, axis, corner, per_unit, n)
    return RayIndex(points, faces, axis, corner, per_unit, n, start, items)


@njit(cache=True, nogil=True, error_model="numpy")
def boxes(points: Points, faces: Faces, label: Labels, count: int) -> Points:
    """Lower and upper corner (count, 6) of the box of the faces with each label (F,)."""
    box = np.empty((count, 6))
    box[:, :3], box[:, 3:] = np.inf, -np.inf
    for face in range(len(faces)):
        for corner in range(3):
            for axis in range(3):
                value = points[faces[face, corner], axis]
                box[label[face], axis] = min(box[label[face], axis], value)
                box[label[face], 3 + axis] = max(box[label[face], 3 + axis], value)
    return box


@njit(cache=True, nogil=True, error_model="numpy")
def _bin(value: float, low: float, per_unit: float, n: int) -> int:
    return min(max(int((value - low) * per_unit), 0), n - 1)


@njit(cache=True, nogil=True, error_model="numpy")
def _places(points: Points, faces: Faces, axis: int, low: Points, per_unit: float, n: int) -> int:
    """How many (triangle, bin) pairs there are."""
    total = 0
    for face in range(len(faces)):
        spans = 1
        for other in range(2):
            k = (axis + 1 + other) % 3
            a, b, c = points[faces[face, 0], k], points[faces[face, 1], k], points[faces[face, 2], k]
            last = _bin(max(a, b, c), low[other], per_unit, n)
            spans *= last - _bin(min(a, b, c), low[other], per_unit, n) + 1
        total += spans
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _fill(points: Points, faces: Faces, axis: int, low: Points, per_unit: float, n: int) -> tuple[Faces, Labels]:
    b, c = (axis + 1) % 3, (axis + 2) % 3
    start = np.zeros(n * n + 1, np.int64)
    items = np.empty(0, np.int32)
    for filling in range(2):
        for face in range(len(faces)):
            p, q, r = faces[face, 0], faces[face, 1], faces[face, 2]
            first = _bin(min(points[p, b], points[q, b], points[r, b]), low[0], per_unit, n)
            last = _bin(max(points[p, b], points[q, b], points[r, b]), low[0], per_unit, n)
            left = _bin(min(points[p, c], points[q, c], points[r, c]), low[1], per_unit, n)
            right = _bin(max(points[p, c], points[q, c], points[r, c]), low[1], per_unit, n)
            for row in range(first, last + 1):
                for column in range(left, right + 1):
                    if filling:
                        items[start[row * n + column]] = face
                    start[row * n + column] += 1
        if not filling:  # counts become first places
            before = 0
            for place in range(n * n + 1):
                start[place], before = before, before + start[place]
            items = np.empty(before, np.int32)
        else:  # every start moved on to the next one's place
            for place in range(n * n, 0, -1):
                start[place] = start[place - 1]
            start[0] = 0
    return start, items


@njit(cache=True, nogil=True, error_model="numpy")
def _winding(points: Points, faces: Faces, axis: int, box: Bins, queries: Points) -> Faces:
    low, per_unit, n, start, items = box
    b, c = (axis + 1) % 3, (axis + 2) % 3
    winding = np.zeros(len(queries), np.int64)
    for query in range(len(queries)):
        row, column = queries[query, b], queries[query, c]
        place = _bin(row, low[0], per_unit, n) * n + _bin(column, low[1], per_unit, n)
        for item in range(start[place], start[place + 1]):
            face = items[item]
            p, q, r = points[faces[face, 0], b], points[faces[face, 1], b], points[faces[face, 2], b]
            if (p <= row) == (q <= row) and (q <= row) == (r <= row):
                continue
            x, sign = crossing(points, faces, face, axis, row, column)
            if x < queries[query, axis]:
                winding[query] += sign
    return winding


@njit(cache=True, nogil=True, error_model="numpy")
def _add_sides(
    points: Points, faces: Faces, axis: int, box: Bins, queries: Points, label: Labels, votes: Labels
) -> None:
    low, per_unit, n, start, items = box
    b, c = (axis + 1) % 3, (axis + 2) % 3
    sums = np.zeros((votes.shape[1], 2), np.int64)
    for query in range(len(queries)):
        row, column = queries[query, b], queries[query, c]
        place = _bin(row, low[0], per_unit, n) * n + _bin(column, low[1], per_unit, n)
        for item in range(start[place], start[place + 1]):
            group = label[items[item]]
            if group >= 0:
                x, sign = crossing(points, faces, items[item], axis, row, column)
                sums[group, 0 if x < queries[query, axis] else 1] += sign
        for item in range(start[place], start[place + 1]):
            group = label[items[item]]
            if group >= 0:
                votes[query, group] += (sums[group, 0] != 0) + (sums[group, 1] != 0)
                sums[group, 0] = sums[group, 1] = 0
