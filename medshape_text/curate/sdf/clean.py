"""Vertices that are the same, and faces that are none."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from medshape_text.curate.sdf.connectivity import Faces, Mask, mixed
from medshape_text.curate.sdf.rays import Points

Six = tuple[float, float, float, float, float, float]
WELD = 1e-7
"""Vertices are the same if they round to the same multiple of this share of the longest side: a bit less than the
resolution of the single precision that meshes are stored in."""


@njit(cache=True, nogil=True, error_model="numpy")
def sides(points: Points, faces: Faces, face: int) -> Six:
    """From the first corner to the second, and from the first to the third."""
    a, b, c = faces[face, 0], faces[face, 1], faces[face, 2]
    return (
        points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2],
        points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2],
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def cross(ux: float, uy: float, uz: float, vx: float, vy: float, vz: float) -> tuple[float, float, float]:
    """Upright on both, as long as the triangle's doubled area."""
    return uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx


def weld(points: Points) -> NDArray[np.int64]:
    """(V,) index of the first vertex at the same place, for finite (V, 3) vertices."""
    step = max(float(np.ptp(points, axis=0).max()) * WELD, 1e-300)
    return np.asarray(_first_equal(np.rint((points - points.min(axis=0)) / step).astype(np.int64)))


def pinched(points: Points, faces: Faces) -> Mask:
    """(F,) whether a face is no triangle: a vertex twice, or less high than :data:`WELD` of the longest side."""
    thinnest = float(np.ptp(points, axis=0).max()) * WELD
    return np.asarray(_pinched(points, faces, thinnest))


def without_area(points: Points, faces: Faces) -> Mask:
    """(F,) whether a face has no area to speak of: less than 1e-12 of the squared longest side."""
    used = points[faces.ravel()] if not np.isfinite(points).all() else points
    return np.asarray(_without_area(points, faces, 1e-12 * float(np.ptp(used, axis=0).max()) ** 2))


def collapsed(faces: Faces) -> Mask:
    """(F,) whether a face has a vertex twice."""
    a, b, c = faces[:, 0], faces[:, 1], faces[:, 2]
    return np.asarray((a == b) | (b == c) | (c == a))


def repeated(faces: Faces) -> Mask:
    """(F,) whether an earlier face has the same three vertices, in whatever order."""
    a, b, c = faces[:, 0], faces[:, 1], faces[:, 2]
    low, high = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
    ordered = np.column_stack([low, a + b + c - low - high, high])
    return np.asarray(_first_equal(ordered) != np.arange(len(faces)))


@njit(cache=True, nogil=True)
def _first_equal(rows: Faces) -> Faces:
    """Index of the first equal row, for (N, 3) whole numbers."""
    size = 16
    while size < 2 * len(rows):
        size *= 2
    table = np.full(size, -1, np.int64)
    first = np.empty(len(rows), np.int64)
    for row in range(len(rows)):
        a, b, c = rows[row, 0], rows[row, 1], rows[row, 2]
        slot = np.int64(mixed(mixed(a, b), c) & np.uint64(size - 1))
        while True:
            other = table[slot]
            if other < 0:
                table[slot] = first[row] = row
                break
            if rows[other, 0] == a and rows[other, 1] == b and rows[other, 2] == c:
                first[row] = other
                break
            slot = (slot + 1) & (size - 1)
    return first


@njit(cache=True, nogil=True, error_model="numpy")
def _pinched(points: Points, faces: Faces, thinnest: float) -> Mask:
    found = np.zeros(len(faces), np.bool_)
    for face in range(len(faces)):
        ux, uy, uz, vx, vy, vz = sides(points, faces, face)
        wx, wy, wz = vx - ux, vy - uy, vz - uz
        nx, ny, nz = cross(ux, uy, uz, vx, vy, vz)
        longest = max(ux * ux + uy * uy + uz * uz, vx * vx + vy * vy + vz * vz, wx * wx + wy * wy + wz * wz)
        # The height over the longest side is the doubled area divided by it.
        found[face] = nx * nx + ny * ny + nz * nz <= thinnest * thinnest * longest
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def _without_area(points: Points, faces: Faces, least: float) -> Mask:
    found = np.zeros(len(faces), np.bool_)
    for face in range(len(faces)):
        ux, uy, uz, vx, vy, vz = sides(points, faces, face)
        nx, ny, nz = cross(ux, uy, uz, vx, vy, vz)
        found[face] = nx * nx + ny * ny + nz * nz <= least * least
    return found
