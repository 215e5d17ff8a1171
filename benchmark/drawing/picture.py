"""A small picture of a case in slices: the coronal slice that is shown first, with the structures coloured in."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

from benchmark.drawing.slices import Bytes, Raster, Slices

STRUCTURE_COLOURS = (
    (242, 177, 52), (63, 181, 255), (123, 209, 72), (255, 111, 174), (181, 140, 255),
    (255, 127, 80), (47, 214, 195), (232, 224, 74), (159, 180, 255), (217, 136, 128),
)  # fmt: skip
"""Those of the style sheet (``--structure-0`` and so on)."""
_SHADE = 0.55
"""How much of a structure's colour covers the image."""
_HEIGHT = 64


def slice_picture(slices: Slices) -> str:
    """A PNG as a data address, seen from the front; empty if nothing is labelled. The same bytes for one zlib."""
    if not slices.truth.any():
        return ""
    labels = slices.truth[:, slices.start[1], :]
    grey = _grey(slices.image, slices.shape, slices.start[1]) if slices.image else np.full(labels.shape, 128, np.uint8)
    colours = np.repeat(grey[..., None].astype(np.float64), 3, axis=2)
    table = np.array([STRUCTURE_COLOURS[(each - 1) % len(STRUCTURE_COLOURS)] for each in range(256)], np.float64)
    inside = labels > 0
    colours[inside] = (1 - _SHADE) * colours[inside] + _SHADE * table[labels[inside]]
    # Rows run down from the top; the subject's right is on the left.
    picture = np.rint(colours).astype(np.uint8)[::-1, ::-1].transpose(1, 0, 2)
    steps = np.array(slices.spacing)[[0, 2]] if slices.spacing else np.ones(2)
    return "data:image/png;base64," + base64.b64encode(_png(_sized(picture, steps[1], steps[0]))).decode("ascii")


def _grey(image: Raster, shape: tuple[int, ...], y: int) -> Bytes:
    window = image.windows[0]
    span = image.high - image.low
    levels = image.low + (np.arange(256) - 1) * span / 254
    table = np.clip((levels - window.low) / (window.high - window.low) * 255, 0, 255).astype(np.uint8)
    table[0] = 0
    across = np.array(image.places[1])[y]
    x, z = (np.array(image.places[axis]) for axis in (0, 2))
    if across < 0:
        return np.zeros((shape[0], shape[2]), np.uint8)
    seen = table[image.values[:, across, :][np.ix_(np.maximum(x, 0), np.maximum(z, 0))]]
    return np.where((x >= 0)[:, None] & (z >= 0)[None, :], seen, 0).astype(np.uint8)


def _sized(picture: Bytes, height_mm: float, width_mm: float) -> Bytes:
    """A square of 64 pixels, by nearest neighbours, black beside the image."""
    tall, wide = picture.shape[0] * height_mm, picture.shape[1] * width_mm
    side = max(tall, wide)
    at = (np.arange(_HEIGHT) + 0.5) * side / _HEIGHT
    rows = np.floor((at - (side - tall) / 2) / height_mm).astype(int)
    columns = np.floor((at - (side - wide) / 2) / width_mm).astype(int)
    known = [(each >= 0) & (each < count) for each, count in ((rows, picture.shape[0]), (columns, picture.shape[1]))]
    found = picture[np.ix_(np.clip(rows, 0, picture.shape[0] - 1), np.clip(columns, 0, picture.shape[1] - 1))]
    return np.where(known[0][:, None, None] & known[1][None, :, None], found, 0).astype(np.uint8)


def _png(picture: Bytes) -> bytes:
    height, width, _ = picture.shape
    coarse = picture & np.uint8(0xF0) | np.uint8(0x08)  # packs in half the space
    rows = np.concatenate([np.zeros((height, 1), np.uint8), coarse.reshape(height, -1)], axis=1)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
              (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")]  # fmt: skip
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body
