"""Point clouds and SDF grids from text, .npy and .npz; pickled objects are never loaded."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from benchmark.data.clouds.shapes import Grid
from medshape_text.reading.headers import check_lines, describe
from medshape_text.reading.limits import MAX_BYTES, MAX_POINTS, MAX_VOXELS, BadShapeError, check_size
from medshape_text.reading.meshes import Cloud

ARRAY_SUFFIXES = (".npy", ".npz")
TEXT_SUFFIXES = (".pts", ".xyz")
_LEAST_SIDE = 8
_HEADER_READERS: Mapping[tuple[int, int], Any] = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
}


def parse_text(data: bytes) -> Cloud:
    """Points, one a line: x, y, z first (normals, colours or intensities may follow), by blanks or commas.

    A first line that is a single integer is the number of points, as .pts files have it. ``#`` starts a comment.

    Raises:
        BadShapeError: if that is not what the file holds.
    """
    check_lines(data)
    try:
        lines = data.decode("ascii").replace(",", " ").splitlines()
    except UnicodeDecodeError as error:
        raise BadShapeError("unreadable", "not a text file of numbers") from error
    lines = [kept for line in lines if (kept := line.partition("#")[0].strip())]
    declared = int(lines.pop(0)) if lines and lines[0].isdigit() and len(lines[0]) < 19 else None
    check_size("points", len(lines), MAX_POINTS)
    if not lines:
        raise BadShapeError("no points")
    if declared is not None and declared != len(lines):
        raise BadShapeError("truncated", f"the first line declares {declared} points, there are {len(lines)}")
    try:
        rows = np.loadtxt(lines, dtype=np.float64, ndmin=2, comments=None)
    except ValueError as error:
        raise BadShapeError("unreadable", describe(error)) from error
    if rows.shape[1] < 3:
        raise BadShapeError("wrong array", f"{rows.shape[1]} numbers a line, at least x, y and z are needed")
    return Cloud(rows[:, :3].copy())


def parse_npy(data: bytes) -> Cloud | Grid:
    """One array: (P, 3) is a cloud, (X, Y, Z) of floating point an SDF.

    Raises:
        BadShapeError: if it is neither, holds Python objects, or is cut short.
    """
    return _shape_of(_load(io.BytesIO(data), len(data)), None)


def parse_npz(data: bytes) -> Cloud | Grid:
    """The array called ``points`` (a cloud) or ``sdf`` (a grid), or the only one.

    Raises:
        BadShapeError: if there is no such array, or it is not sound.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            key = _key(list(members))
            check_size("bytes", members[key].file_size, MAX_BYTES)
            with archive.open(members[key]) as stream:
                return _shape_of(_load(stream, members[key].file_size), key if len(members) > 1 else None)
    except BadShapeError:
        raise
    except Exception as error:  # zipfile and zlib raise anything from NotImplementedError to EOFError
        raise BadShapeError("unreadable", describe(error)) from error


def _key(names: list[str]) -> str:
    known = [name for name in ("points", "sdf") if name in names]
    if len(known) == 1:
        return known[0]
    if not known and len(names) == 1:
        return names[0]
    listed = ", ".join(sorted(names)[:6]) or "nothing"
    raise BadShapeError("wrong array", f"one array, or one called points or sdf, is needed; it holds {listed}")


def _load(stream: IO[bytes], size: int) -> NDArray[Any]:
    try:
        version = npy.read_magic(stream)
        if version not in _HEADER_READERS:
            raise BadShapeError("unreadable", f"format version {version} of .npy")
        shape, fortran, dtype = _HEADER_READERS[version](stream)
    except BadShapeError:
        raise
    except Exception as error:
        raise BadShapeError("unreadable", describe(error)) from error
    if dtype.hasobject:
        raise BadShapeError("pickled", "it holds Python objects, which are never loaded")
    if dtype.kind not in "fiu":
        raise BadShapeError("wrong array", f"it holds {dtype}, not numbers")
    count = 1
    for side in shape:
        count *= int(side)
    if min(shape, default=0) < 0 or count * dtype.itemsize > size:
        raise BadShapeError("truncated", f"the header declares an array of shape {shape}, the file is smaller")
    body = stream.read(count * dtype.itemsize)
    if len(body) != count * dtype.itemsize:
        raise BadShapeError("truncated", f"the header declares an array of shape {shape}, the file is smaller")
    flat = np.frombuffer(body, dtype=dtype)
    return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)


def _shape_of(array: NDArray[Any], key: str | None) -> Cloud | Grid:
    if array.ndim == 2 and array.shape[1] == 3 and key != "sdf":
        check_size("points", len(array), MAX_POINTS)
        return Cloud(array.astype(np.float64))
    if array.ndim == 3 and array.dtype.kind == "f" and min(array.shape) >= _LEAST_SIDE and key != "points":
        check_size("voxels", array.size, MAX_VOXELS)
        return Grid(np.ascontiguousarray(array, dtype=np.float32))
    raise BadShapeError(
        "wrong array",
        f"{array.dtype} of shape {array.shape} is neither points (P, 3) nor an SDF (X, Y, Z) of floating point, "
        f"{_LEAST_SIDE} voxels a side at least",
    )
