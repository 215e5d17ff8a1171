"""The column ``mesh``: the bytes of a PLY file, and its name, in a struct that any Parquet reader shows.

The files say ``datasets.Mesh()`` of it, so that ``datasets`` opens it with trimesh. What is stored is a struct
of ``bytes`` (binary) and ``path`` (string): readers that know no such feature get both. The mesh is exact to float32.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medshape_text.codec.cells import CellError

_PLY_FACE = np.dtype([("count", "u1"), ("corners", "<i4", (3,))])
_LONGEST_HEADER = 300


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
