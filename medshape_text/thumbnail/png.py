"""Shaded pictures as small PNG files: a palette of bone colours, and soft edges in a few steps."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

SHADES = 48
EDGE_SHADES, EDGE_STEPS = 8, 3
"""Where a pixel is covered in part: shades, and quarters of coverage."""
_DARK, _MIDDLE, _LIGHT = (30, 24, 22), (168, 146, 116), (255, 246, 226)


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
    ramp = np.array([_DARK, _MIDDLE, _LIGHT])

    def colours(count: int) -> NDArray[np.uint8]:
        place = np.linspace(0, 1, count)
        return np.stack([np.interp(place, [0, 0.5, 1], ramp[:, k]) for k in range(3)], axis=1).round().astype(np.uint8)

    parts = [np.zeros((1, 3), np.uint8), *([colours(EDGE_SHADES)] * EDGE_STEPS), colours(SHADES)]
    steps = np.repeat(np.arange(1, EDGE_STEPS + 1) * 255 // (EDGE_STEPS + 1), EDGE_SHADES)
    return np.concatenate(parts).tobytes(), bytes([0, *steps.tolist()])
