"""The picture of a shape: where one looks from, pixels with soft edges, and a small PNG of a few bone colours."""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medshape_text.frame import HALF_BOX_VOXELS, TRUNCATION
from medshape_text.thumbnail.rays import shade_rays

SHADES = 48
EDGE_SHADES, EDGE_STEPS = 8, 3
"""Where a pixel is covered in part: shades, and quarters of coverage."""
_BONE = ((30, 24, 22), (168, 146, 116), (255, 246, 226))
"""Dark, middle, light."""
_MARGIN_VOXELS = 3.5
_RAYS = 2
"""Rays along each side of a pixel."""
_LIGHT = (-0.5, 0.62, 0.6)
"""Towards the light: right, up, back towards the eye. It turns with the eye."""


def encode(brightness: NDArray[np.float32], coverage: NDArray[np.float32]) -> bytes:
    """PNG of an (H, W) picture; both arrays in 0..1. The same bytes for one version of zlib.

    Colour type 3: index 0 is transparent, then come the edges by coverage and shade, then the opaque shades.
    """
    height, width = brightness.shape
    shade = np.clip(np.rint(brightness * (SHADES - 1)), 0, SHADES - 1).astype(np.int64)
    edge_shade = np.clip(np.rint(brightness * (EDGE_SHADES - 1)), 0, EDGE_SHADES - 1).astype(np.int64)
    step = np.clip(np.rint(coverage * (EDGE_STEPS + 1)), 0, EDGE_STEPS + 1).astype(np.int64)
    edges = 1 + (np.minimum(step, EDGE_STEPS) - 1) * EDGE_SHADES + edge_shade
    index = np.where(step > EDGE_STEPS, 1 + EDGE_STEPS * EDGE_SHADES + shade, np.where(step > 0, edges, 0))
    rows = np.concatenate([np.zeros((height, 1), np.uint8), index.astype(np.uint8)], axis=1)
    colours, opacity = _palette()
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"PLTE", colours), (b"tRNS", opacity)]
    chunks += [(b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def _palette() -> tuple[bytes, bytes]:
    """Red, green, blue of every index; opacity of the first ones, the rest being opaque."""
    ramp = np.array(_BONE)

    def colours(count: int) -> NDArray[np.uint8]:
        place = np.linspace(0, 1, count)
        return np.stack([np.interp(place, [0, 0.5, 1], ramp[:, k]) for k in range(3)], axis=1).round().astype(np.uint8)

    parts = [np.zeros((1, 3), np.uint8), *([colours(EDGE_SHADES)] * EDGE_STEPS), colours(SHADES)]
    steps = np.repeat(np.arange(1, EDGE_STEPS + 1) * 255 // (EDGE_STEPS + 1), EDGE_SHADES)
    return np.concatenate(parts).tobytes(), bytes([0, *steps.tolist()])


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
