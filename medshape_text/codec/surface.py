"""The columns ``points`` and ``normals``: fixed-point numbers without a header.

``points`` are N x 3 little-endian int16, in 1/32767 canonical units; ``normals`` are N x 3 int8, in 1/127,
to be divided by their length. Without this package::

    points = np.frombuffer(row["points"], "<i2").reshape(-1, 3) / np.float32(32767)
    normals = np.frombuffer(row["normals"], "i1").reshape(-1, 3).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)

**Loss.** Coordinates: at most half a step, 0.0005 voxels. Normals: at most 0.4 degrees.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medshape_text.codec.cells import CellError, binary

_POINT_STEPS = 32767
_NORMAL_STEPS = 127


def encode_points(points: ArrayLike) -> bytes:
    """Cell of (N, 3) points in canonical coordinates.

    Raises:
        ValueError: for another shape or points outside the box [-1, 1]^3.
    """
    return _fixed(points, _POINT_STEPS, "<i2")


def encode_normals(normals: ArrayLike) -> bytes:
    """Cell of (N, 3) unit normals.

    Raises:
        ValueError: for another shape or components beyond ±1.
    """
    return _fixed(normals, _NORMAL_STEPS, "i1")


def decode_surface(row: Mapping[str, Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Points and unit normals of a row of ``surface``: both (N, 3) float32, canonical coordinates.

    Raises:
        CellError: if the two cells do not go together, or a normal has no direction.
    """
    points = np.frombuffer(binary(row, "points", 6), "<i2").reshape(-1, 3).astype(np.float32) / _POINT_STEPS
    normals = np.frombuffer(binary(row, "normals", 3), "i1").reshape(-1, 3).astype(np.float32)
    if len(points) != len(normals):
        raise CellError(f'column "points" holds {len(points)} points, "normals" {len(normals)}')
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    if not length.all():
        raise CellError('column "normals" holds a normal of length 0')
    return np.asarray(points, dtype=np.float32), np.asarray(normals / length, dtype=np.float32)


def _fixed(vectors: ArrayLike, steps: int, dtype: str) -> bytes:
    numbers = np.asarray(vectors, dtype=np.float64)
    if numbers.ndim != 2 or numbers.shape[1] != 3:
        raise ValueError(f"expected vectors of shape (N, 3), got {numbers.shape}")
    if not (np.abs(numbers) <= 1 + 1e-6).all():  # NaN is refused too; rounding may leave a unit vector a little long
        raise ValueError("coordinates must be finite and lie in [-1, 1]")
    fixed: NDArray[np.integer[Any]] = np.rint(numbers.clip(-1, 1) * steps).astype(dtype)
    return fixed.tobytes()
