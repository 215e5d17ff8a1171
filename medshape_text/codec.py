"""Geometry to bytes and back: the binary columns of the data set, each with its decoder.

All arrays are little-endian and C-ordered. Decoders take a row (a mapping of column names to values)
as the plain or the Arrow format of ``datasets`` gives it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medshape_text.frame import RESOLUTION

_GRID = (RESOLUTION,) * 3
_SMALLEST_HALF = np.float16(2.0**-24)
_PLY_FACE = np.dtype([("count", "u1"), ("corners", "<i4", (3,))])


def encode_sdf(sdf: NDArray[np.float32]) -> bytes:
    """(64, 64, 64) float32 SDF as float16, x slowest. A value keeps its sign even where it underflows.

    Loss: below 1e-4 units, i.e. 0.004 voxels, everywhere.
    """
    half = sdf.astype("<f2")
    half[(sdf < 0) & ~(half < 0)] = -_SMALLEST_HALF  # else a point just inside would round to -0.0, i.e. outside
    return half.tobytes()


def decode_sdf(row: Mapping[str, Any]) -> NDArray[np.float32]:
    """Mesh SDF of a row of ``sdf64``: (64, 64, 64) float32, index order (x, y, z), negative inside."""
    return _numbers(row, "sdf", "<f2", RESOLUTION**3).reshape(_GRID).astype(np.float32)


def encode_mask(mask: NDArray[np.bool_]) -> bytes:
    """(64, 64, 64) bool, eight voxels a byte, x slowest, first voxel in the highest bit (``np.packbits``)."""
    return np.packbits(mask).tobytes()


def decode_mask(row: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Occupancy of a row of ``sdf64``: (64, 64, 64) bool, True inside; equals ``decode_sdf(row) < 0``."""
    return np.unpackbits(_numbers(row, "mask", "u1", RESOLUTION**3 // 8)).astype(bool).reshape(_GRID)


def published_sdf(row: Mapping[str, Any]) -> NDArray[np.float32]:
    """Published-form SDF of a row of ``sdf64``, (64, 64, 64) float32: exactly ``sdf_from_mask(decode_mask(row))``."""
    from medshape_text.curate.sdf import sdf_from_mask  # scipy and libigl: slow to import for those who only load

    return sdf_from_mask(decode_mask(row))


def encode_vectors(vectors: ArrayLike, dtype: str) -> bytes:
    """(N, 3) numbers in the given little-endian dtype."""
    return np.asarray(vectors, dtype=dtype).tobytes()


def decode_surface(row: Mapping[str, Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Points and unit normals of a row of ``surface``: both (N, 3) float32, canonical coordinates."""
    points = _numbers(row, "points", "<f4").reshape(-1, 3).astype(np.float32)
    normals = _numbers(row, "normals", "<f2", points.size).reshape(-1, 3).astype(np.float32)
    return points, normals / np.linalg.norm(normals, axis=1, keepdims=True)


def encode_ply(vertices: ArrayLike, faces: ArrayLike) -> bytes:
    """Binary little-endian PLY of (V, 3) float32 vertices and (F, 3) int32 triangles, written here for stable bytes."""
    points, corners = np.asarray(vertices, dtype="<f4"), np.asarray(faces, dtype="<i4")
    header = (
        "ply\nformat binary_little_endian 1.0\n"
        f"element vertex {len(points)}\nproperty float x\nproperty float y\nproperty float z\n"
        f"element face {len(corners)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    records = np.empty(len(corners), dtype=_PLY_FACE)
    records["count"], records["corners"] = 3, corners
    return header.encode("ascii") + points.tobytes() + records.tobytes()


def decode_mesh(row: Mapping[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Canonical vertices (V, 3) and faces (F, 3) of a row of ``mesh``, in the stored vertex order.

    Reads what :func:`encode_ply` wrote. ``datasets`` would decode the column with trimesh, which may
    merge and renumber vertices; :func:`medshape_text.load` therefore leaves it undecoded.

    Raises:
        TypeError: if the column was decoded already.
        ValueError: if the bytes are not such a PLY file.
    """
    value = row["mesh"]
    if not isinstance(value, Mapping) or not isinstance(value.get("bytes"), bytes):
        raise TypeError(
            f"expected undecoded mesh bytes, got {type(value).__name__}; load with medshape_text.load or "
            'cast_column("mesh", datasets.Mesh(decode=False))'
        )
    header, found, body = value["bytes"].partition(b"end_header\n")
    counts = [int(line.split()[2]) for line in header.decode("ascii", "replace").splitlines()
              if line.startswith("element ")]  # fmt: skip
    if not found or len(counts) != 2 or len(body) != counts[0] * 12 + counts[1] * _PLY_FACE.itemsize:
        raise ValueError(f"{value.get('path')} is not a binary triangle PLY as this package writes it")
    vertices = np.frombuffer(body, "<f4", counts[0] * 3).reshape(-1, 3)
    faces = np.frombuffer(body, _PLY_FACE, counts[1], offset=counts[0] * 12)["corners"]
    return vertices.astype(np.float64), faces.astype(np.int64)


def _numbers(row: Mapping[str, Any], column: str, dtype: str, expected: int | None = None) -> NDArray[Any]:
    data = row[column]
    numbers = np.frombuffer(data, dtype=dtype)
    if expected is not None and numbers.size != expected:
        raise ValueError(
            f'column "{column}" holds {numbers.size} numbers, expected {expected}. The "numpy" format of datasets '
            "cuts trailing zero bytes off binary columns: use the plain format."
        )
    return numbers
