"""The two sides of a triangle and what is upright on them, for kernels that look at one triangle after the other."""

from __future__ import annotations

from numba import njit

from medshape_text.curate.sdf.crossings import Points
from medshape_text.curate.sdf.edges import Faces

Six = tuple[float, float, float, float, float, float]


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
