"""Where axis-parallel rays cross triangles, counted exactly.

A ray crosses a triangle where its foot lies in the triangle's shadow, and the shadows of two triangles that
share a side never overlap nor leave a gap: the side's crossing of a row is computed from its lower end in both.
So crossings of a mesh without border add up to its winding number, whatever the rounding.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from medshape_text.curate.sdf.edges import Faces, Labels

Points = NDArray[np.float64]


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
