"""The columns ``mesh``, ``points`` and ``normals``, and what all decoders check before anything is made of a cell.

``mesh``: the bytes of a PLY file, and its name, in a struct that any Parquet reader shows. The files say
``datasets.Mesh()`` of it, so that ``datasets`` opens it with trimesh. What is stored is a struct of ``bytes`` (binary)
and ``path`` (string): readers that know no such feature get both. The mesh is exact to float32.

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

_PLY_FACE = np.dtype([("count", "u1"), ("corners", "<i4", (3,))])
_LONGEST_HEADER = 300
_POINT_STEPS = 32767
_NORMAL_STEPS = 127


class CellError(ValueError):
    """A binary cell is not what its column should hold."""


def binary(row: Mapping[str, Any], column: str, whole: int) -> bytes:
    """The bytes of a column that holds a whole number of ``whole`` bytes.

    Raises:
        CellError: if it does not.
        KeyError: if the row lacks the column.
    """
    data = row[column]
    if not isinstance(data, bytes | bytearray | memoryview) or len(data) == 0 or len(data) % whole:
        found = f"{len(data)} bytes" if isinstance(data, bytes | bytearray | memoryview) else type(data).__name__
        raise CellError(
            f'column "{column}" holds {found}, expected a multiple of {whole} bytes. The "numpy" format of datasets '
            "cuts trailing zero bytes off binary columns: use the plain format."
        )
    return bytes(data)


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
        CellError: if the bytes are not such a PLY file, or a face has a corner that does not exist.
    """
    value = row["mesh"]
    if not isinstance(value, Mapping) or not isinstance(value.get("bytes"), bytes):
        raise TypeError(
            f"expected undecoded mesh bytes, got {type(value).__name__}; load with medshape_text.load or "
            'cast_column("mesh", datasets.Mesh(decode=False))'
        )
    data = value["bytes"]
    end = data.find(b"end_header\n", 0, _LONGEST_HEADER)
    lines = data[: max(end, 0)].decode("ascii", "replace").splitlines()
    sizes = [line.split()[-1] for line in lines if line.startswith("element ")]
    counts = [int(size) for size in sizes if size.isascii() and size.isdigit()]
    body = memoryview(data)[end + len(b"end_header\n") :]
    if end < 0 or len(counts) != 2 or len(body) != counts[0] * 12 + counts[1] * _PLY_FACE.itemsize:
        raise CellError(f"{value.get('path')} is not a binary triangle PLY as this package writes it")
    vertices = np.frombuffer(body, "<f4", counts[0] * 3).reshape(-1, 3)
    records = np.frombuffer(body, _PLY_FACE, counts[1], offset=counts[0] * 12)
    faces = records["corners"]
    if counts[1] and (faces.min() < 0 or faces.max() >= counts[0] or (records["count"] != 3).any()):
        raise CellError(f"{value.get('path')} is damaged: a face has corners that do not exist")
    return vertices.astype(np.float64), faces.astype(np.int64)


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
