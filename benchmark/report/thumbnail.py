"""A small shaded picture of a shape, drawn without any graphics library: the face of the case picker."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

_ENLARGE = 2


def thumbnail(sdf: ArrayLike) -> str:
    """The shape seen from the front (+x right, +z up) as a PNG data URL of 128 x 128 grey pixels with alpha.

    Args:
        sdf: (64, 64, 64) canonical SDF, negative inside.
    """
    field = ndimage.zoom(np.asarray(sdf, dtype=np.float32), _ENLARGE, order=1, grid_mode=True, mode="nearest")
    inside = field < 0
    hit = inside.any(axis=1)
    depth = inside.argmax(axis=1)
    x, z = np.nonzero(hit)
    y = depth[x, z]
    smooth = ndimage.gaussian_filter(field, 1.2)
    gradient = np.stack([np.gradient(smooth, axis=axis)[x, y, z] for axis in range(3)], axis=1)
    normal = gradient / np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-9)
    light = np.array([-0.5, -0.6, 0.65]) / np.linalg.norm([-0.5, -0.6, 0.65])
    shade = np.zeros((*hit.shape, 2), dtype=np.uint8)
    shade[x, z, 0] = np.rint(255 * np.clip(0.38 + 0.6 * np.clip(normal @ light, 0, 1), 0, 1))
    shade[x, z, 1] = 255
    return "data:image/png;base64," + base64.b64encode(_png(shade.transpose(1, 0, 2)[::-1])).decode("ascii")


def _png(grey_alpha: NDArray[np.uint8]) -> bytes:
    """Encode (H, W, 2) grey and alpha."""
    height, width, _ = grey_alpha.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), grey_alpha.reshape(height, -1)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 4, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body
