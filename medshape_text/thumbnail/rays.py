"""The compiled inner loop of a thumbnail: parallel rays walk through an SDF until they meet the surface."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_STEP = 0.25
"""Voxels a ray goes on at least, so that it ends; walls thinner than this may be missed."""
_HALVINGS = 6
_PROBE = 1.0
"""Voxels either side of a point over which the gradient is taken: enough to hide the grid."""
_AMBIENT, _DIFFUSE, _SKY = 0.22, 0.62, 0.16
_REACHES = (1.5, 3.0, 5.0)
"""Voxels along the normal at which is asked how near something else is, for the shade in hollows."""


@njit(cache=True, nogil=True)
def value_at(field: NDArray[np.float32], x: float, y: float, z: float) -> float:
    """Trilinear value of ``field`` at voxel indices (x, y, z); beyond the border that of the border."""
    nx, ny, nz = field.shape
    x = min(max(x, 0.0), nx - 1.0)
    y = min(max(y, 0.0), ny - 1.0)
    z = min(max(z, 0.0), nz - 1.0)
    i, j, k = min(int(x), nx - 2), min(int(y), ny - 2), min(int(z), nz - 2)
    u, v, w = x - i, y - j, z - k
    c00 = field[i, j, k] * (1 - w) + field[i, j, k + 1] * w
    c01 = field[i, j + 1, k] * (1 - w) + field[i, j + 1, k + 1] * w
    c10 = field[i + 1, j, k] * (1 - w) + field[i + 1, j, k + 1] * w
    c11 = field[i + 1, j + 1, k] * (1 - w) + field[i + 1, j + 1, k + 1] * w
    value: float = (c00 * (1 - v) + c01 * v) * (1 - u) + (c10 * (1 - v) + c11 * v) * u
    return value


@njit(cache=True, nogil=True)
def shade_rays(
    field: NDArray[np.float32], box: Floats, axes: Floats, reach: float, light: Floats, out: NDArray[np.float32]
) -> None:
    """Fill ``out`` (N, N) with the brightness 0..1 of what each ray meets first, -1 where it meets nothing.

    Args:
        field: (64, 64, 64) SDF in voxels, negative inside.
        box: (2, 3) voxel indices, lowest and highest, between which all of the shape lies.
        axes: (3, 3) orthonormal rows: right and up in the picture, and back towards the eye.
        reach: voxels from the centre of the grid to the border of the picture.
        light: (3,) unit vector towards the light, in the same coordinates as ``axes``.
        out: row 0 is the top.
    """
    size = out.shape[0]
    origin = np.empty(3)
    for row in range(size):
        v = reach * (1 - (2 * row + 1) / size)
        for column in range(size):
            u = reach * ((2 * column + 1) / size - 1)
            for axis in range(3):
                origin[axis] = 0.5 * (field.shape[axis] - 1) + u * axes[0, axis] + v * axes[1, axis]
            depth = _first_hit(field, box, origin, axes[2])
            out[row, column] = -1.0 if np.isnan(depth) else _brightness(field, origin, axes, depth, light)


@njit(cache=True, nogil=True)
def _first_hit(field: NDArray[np.float32], box: Floats, origin: Floats, back: Floats) -> float:
    """Where a ray from the eye enters the shape, in voxels from ``origin`` towards the eye; NaN if nowhere."""
    start, end = 1e9, -1e9  # where the ray enters and leaves the box
    for axis in range(3):
        low, high = box[0, axis] - origin[axis], box[1, axis] - origin[axis]
        if abs(back[axis]) < 1e-12:
            if low > 0 or high < 0:
                return np.nan
            continue
        low, high = low / back[axis], high / back[axis]
        start, end = min(start, max(low, high)), max(end, min(low, high))
    at, before = start, start
    while at >= end:
        distance = value_at(field, origin[0] + at * back[0], origin[1] + at * back[1], origin[2] + at * back[2])
        if distance < 0:
            outside, inside = before, at
            for _ in range(_HALVINGS):
                middle = 0.5 * (outside + inside)
                x, y, z = origin[0] + middle * back[0], origin[1] + middle * back[1], origin[2] + middle * back[2]
                if value_at(field, x, y, z) < 0:
                    inside = middle
                else:
                    outside = middle
            return 0.5 * (outside + inside)
        before = at
        at -= max(distance, LEAST_STEP)
    return np.nan


@njit(cache=True, nogil=True)
def _brightness(field: NDArray[np.float32], origin: Floats, axes: Floats, depth: float, light: Floats) -> float:
    x, y, z = origin[0] + depth * axes[2, 0], origin[1] + depth * axes[2, 1], origin[2] + depth * axes[2, 2]
    a = value_at(field, x + _PROBE, y, z) - value_at(field, x - _PROBE, y, z)
    b = value_at(field, x, y + _PROBE, z) - value_at(field, x, y - _PROBE, z)
    c = value_at(field, x, y, z + _PROBE) - value_at(field, x, y, z - _PROBE)
    length = np.sqrt(a * a + b * b + c * c)
    if length < 1e-9:  # flat there, as where a shape is cut by the border of the grid: it faces the eye
        a, b, c = axes[2, 0], axes[2, 1], axes[2, 2]
    else:
        a, b, c = a / length, b / length, c / length
    hidden = 0.0
    for reach in _REACHES:
        free = value_at(field, x + reach * a, y + reach * b, z + reach * c)
        hidden += min(max((reach - free) / reach, 0.0), 1.0) / len(_REACHES)
    open_sky = 1 - 0.75 * hidden
    diffuse = max(a * light[0] + b * light[1] + c * light[2], 0.0)
    sky = 0.5 + 0.5 * (a * axes[1, 0] + b * axes[1, 1] + c * axes[1, 2])
    brightness: float = min((_AMBIENT + _SKY * sky) * open_sky + _DIFFUSE * diffuse * (0.5 + 0.5 * open_sky), 1.0)
    return brightness
