"""The picture of a shape: where one looks from, and pixels with soft edges."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medshape_text.frame import HALF_BOX_VOXELS, TRUNCATION
from medshape_text.thumbnail.png import encode
from medshape_text.thumbnail.rays import shade_rays

_MARGIN_VOXELS = 3.5
_RAYS = 2
"""Rays along each side of a pixel."""
_LIGHT = (-0.5, 0.62, 0.6)
"""Towards the light: right, up, back towards the eye. It turns with the eye."""


@dataclass(frozen=True)
class Direction:
    """Where one looks from, in radians; azimuth 0 and elevation 0 look at the front, along +y with +z up."""

    azimuth: float
    elevation: float

    def axes(self) -> NDArray[np.float64]:
        """(3, 3) orthonormal rows in (x, y, z): right and up in the picture, back towards the eye."""
        sa, ca, se, ce = (f(a) for a in (self.azimuth, self.elevation) for f in (np.sin, np.cos))
        return np.array([[ca, sa, 0.0], [-sa * se, ca * se, ce], [sa * ce, -ca * ce, se]])


FRONT = Direction(0.0, 0.0)
CORNER = Direction(0.6, 0.25)
"""From the front, a little from +x and from above: shows depth whichever way a source's axes point."""


def thumbnail(sdf: ArrayLike, size: int = 128, direction: Direction = FRONT) -> str:
    """The shape as a PNG data URL of ``size`` x ``size`` pixels, transparent beside it; empty if nothing is inside.

    A shape that lies in the canonical frame is as large as the picture less a margin of 4 voxels in
    views along an axis, and never cut off in others.

    Args:
        sdf: (64, 64, 64) canonical SDF, negative inside; values that are not finite count as outside.
        size: width and height in pixels.
        direction: where one looks from.
    """
    return "data:image/png;base64," + base64.b64encode(encode(*draw(sdf, size, direction))).decode("ascii")


def draw(sdf: ArrayLike, size: int, direction: Direction = FRONT) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Brightness and coverage, both (size, size) in 0..1, row 0 on top; see `thumbnail`."""
    field = np.nan_to_num(np.asarray(sdf, dtype=np.float32), nan=TRUNCATION, posinf=TRUNCATION, neginf=-TRUNCATION)
    inside = field < 0
    if not inside.any():
        return np.zeros((size, size), np.float32), np.zeros((size, size), np.float32)
    axes = direction.axes()
    box = _bounds(inside)
    light = np.asarray(_LIGHT) @ axes / np.linalg.norm(_LIGHT)
    rays = np.empty((size * _RAYS, size * _RAYS), dtype=np.float32)
    reach = _reach(box - (np.array(field.shape) - 1) / 2, axes[:2])
    shade_rays(field * np.float32(HALF_BOX_VOXELS), box, axes, reach, light, rays)
    blocks = rays.reshape(size, _RAYS, size, _RAYS)
    hit = blocks >= 0
    count = hit.sum(axis=(1, 3))
    brightness = np.where(hit, blocks, 0).sum(axis=(1, 3)) / np.maximum(count, 1)
    return brightness.astype(np.float32), (count / _RAYS**2).astype(np.float32)


def _bounds(inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(2, 3) lowest and highest voxel index at which something may be inside, half-way voxels included."""
    where = [np.flatnonzero(inside.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    box = np.array([[found[0] - 1, found[-1] + 1] for found in where], dtype=np.float64).T
    return np.clip(box, 0, np.array(inside.shape) - 1)


def _reach(box: NDArray[np.float64], plane: NDArray[np.float64]) -> float:
    """Half a picture that holds a (2, 3) box of voxels about the origin, seen along a direction, in voxels."""
    corners = np.array([(x, y, z) for x in box[:, 0] for y in box[:, 1] for z in box[:, 2]])
    return float(np.abs(corners @ plane.T).max()) + _MARGIN_VOXELS
