"""Surfaces as short text: quantised, delta-coded, byte planes apart, gzipped, base64.

Neighbouring vertices and faces follow each other in a marching-cubes mesh, so differences are small and
compress well: about 9 bytes a vertex, connectivity included. ``static/decode.js`` is the inverse.
"""

from __future__ import annotations

import base64
import gzip

import numpy as np
from numpy.typing import NDArray

from benchmark.drawing.surfaces import Surface

STEPS_PER_VOXEL = 64
"""Positions are int16 in 1/64 voxel, below what a screen shows; the grid needs +-33 * 64 = 2112."""


def pack(surface: Surface) -> dict[str, object]:
    """A JSON-ready record: ``vertices`` and ``faces`` (counts) and ``data`` (base64).

    The bytes, after gunzip, are columns one after another: x, y, z (int16), normal x, y, z (int8), openness,
    value (uint8), then the 3 F indices (uint16). Each column holds differences to the previous entry, modulo
    its width; 16-bit columns come as all low bytes, then all high bytes.
    """
    positions = np.rint(surface.vertices * STEPS_PER_VOXEL).astype(np.int16)
    normals = np.rint(surface.normals * 127).astype(np.int8)
    columns = [*positions.T, *normals.T, surface.openness, surface.value, surface.faces.ravel().astype(np.uint16)]
    raw = b"".join(_differences(column) for column in columns)
    return {
        "vertices": len(surface.vertices),
        "faces": len(surface.faces),
        "data": base64.b64encode(gzip.compress(raw, 9, mtime=0)).decode("ascii"),
    }


def unpack(record: dict[str, object]) -> tuple[NDArray[np.float32], NDArray[np.uint16], NDArray[np.uint8]]:
    """Vertices (V, 3) in voxels, faces (F, 3) and values (V,) of a packed record; for tests and other readers."""
    count, faces = int(str(record["vertices"])), int(str(record["faces"]))
    raw = gzip.decompress(base64.b64decode(str(record["data"])))
    positions = [_sums(raw[i * 2 * count : (i + 1) * 2 * count], "<i2") for i in range(3)]
    value = _sums(raw[10 * count : 11 * count], "u1")
    indices = _sums(raw[11 * count : 11 * count + 6 * faces], "<u2")
    vertices = np.stack(positions, axis=1).astype(np.float32) / np.float32(STEPS_PER_VOXEL)
    return vertices, indices.reshape(-1, 3), value


def _differences(column: NDArray[np.integer]) -> bytes:
    unsigned = np.ascontiguousarray(column).view(f"u{column.dtype.itemsize}")
    change = np.diff(unsigned, prepend=unsigned.dtype.type(0)).astype(unsigned.dtype.newbyteorder("<"))
    return change.view(np.uint8).reshape(-1, column.dtype.itemsize).T.tobytes()


def _sums(raw: bytes, kind: str) -> NDArray:  # type: ignore[type-arg]
    target = np.dtype(kind)
    planes = np.frombuffer(raw, dtype=np.uint8).reshape(target.itemsize, -1)
    change = np.ascontiguousarray(planes.T).view(f"<u{target.itemsize}").ravel()
    return np.cumsum(change, dtype=change.dtype).view(target)
