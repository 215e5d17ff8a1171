"""Headers of NIfTI-1 and NIfTI-2 files, single-file form, plain or packed with gzip."""

from __future__ import annotations

import logging
import zlib
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from medshape_text.reading.headers import describe
from medshape_text.reading.limits import BadShapeError
from medshape_text.reading.volume_files import PACKED_WHOLE, PLAIN, Header, Unpacked

_SIZES = {348: ("Nifti1Header", 344, b"n+1\0"), 540: ("Nifti2Header", 4, b"n+2\0")}
"""Name of the header of each length, and where which magic bytes of the single-file form stand in it."""
_MAX_OFFSET = 2**20
_MAX_DIMENSIONS = 7
_TO_MILLIMETRES = {"mm": 1.0, "unknown": 1.0, "meter": 1000.0, "micron": 0.001}
_TO_LEFT_BACK_UP = np.array([[-1.0], [-1.0], [1.0]])
_SAME_SIZE = 0.01
"""How much a length may differ between the places of a file that tell it."""


def nifti_header(stream: IO[bytes], *, packed: bool, exact: bool = False) -> Header:
    """What the first bytes of a file declare; ``exact`` refuses further dimensions even if they are of one voxel.

    Raises:
        BadShapeError: if they are no such header, or the file does not say where its voxels are.
    """
    try:
        start = Unpacked(stream).read(540) if packed else stream.read(540)
    except (EOFError, zlib.error) as error:
        raise BadShapeError("unreadable", describe(error)) from error
    header = _parse(start)
    try:
        shape = tuple(int(side) for side in header.get_data_shape())
        dtype = header.get_data_dtype()
        slope, intercept = header.get_slope_inter()
        offset = int(header["vox_offset"])
        unit = header.get_xyzt_units()[0]
        codes = int(header["sform_code"]), int(header["qform_code"])
        affine = np.asarray(header.get_best_affine(), dtype=np.float64)[:3]
        untouched = type(header)(start[: int(header["sizeof_hdr"])], header.endianness, check=False)  # else 0 is 1
        sides = np.abs(np.asarray(untouched["pixdim"][1:4], dtype=np.float64))
        other = np.asarray(header.get_qform(), dtype=np.float64)[:3] if min(codes) > 0 else affine
    except Exception as error:  # the library raises several kinds of its own on odd headers
        raise BadShapeError("unreadable", describe(error)) from error
    while not exact and len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != 3 or min(shape) < 1 or int(header["dim"][0]) > _MAX_DIMENSIONS:
        raise BadShapeError("unreadable", f"dimensions {shape}, a volume has three")
    if not min(_SIZES) <= offset <= _MAX_OFFSET:
        raise BadShapeError("unreadable", f"its voxels begin after {offset} bytes")
    if max(codes) <= 0 or unit not in _TO_MILLIMETRES:
        raise BadShapeError("no geometry", "it does not say where its voxels are, or in an unknown unit")
    # A size of 0 is one that is not told.
    if (np.abs(np.linalg.norm(affine[:, :3], axis=0) - sides)[sides > 0] > _SAME_SIZE * sides[sides > 0]).any():
        raise BadShapeError("no geometry", "its voxels have one size in its sform and another in its pixdim")
    if not _one_shape(affine[:, :3], other[:, :3]):
        raise BadShapeError("no geometry", "its sform and its qform are sheared or mirrored against each other")
    affine = affine * _TO_MILLIMETRES[unit] * _TO_LEFT_BACK_UP
    packing = PACKED_WHOLE if packed else PLAIN
    # The library gives None for a slope that means that there is no scale, such as 0.
    scale = (1.0, 0.0) if slope is None else (float(slope), float(intercept or 0.0))
    return Header((shape[0], shape[1], shape[2]), dtype, offset, affine, packing, scale=scale)


def _one_shape(first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    """Whether voxels make the same shape along both (3, 3) axes, which may be turned against each other.

    Readers disagree on which transform of a file holds, so where they make two shapes nobody can say which is meant.
    Origins are often left at 0 in one of them and do not matter to a shape.
    """
    if not np.isfinite([first, second]).all() or np.linalg.det(first) == 0 or np.linalg.det(second) == 0:
        return True  # at most one is usable; whoever goes on checks that one
    change = first @ np.linalg.inv(second)
    sizes = np.linalg.svd(change, compute_uv=False)
    return bool(np.linalg.det(change) > 0 and (np.abs(sizes - 1) <= _SAME_SIZE).all())


def _parse(start: bytes) -> Any:  # noqa: ANN401 - nibabel publishes no types for its headers
    import nibabel

    logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)  # what is wrong is raised
    for symbol in "<>":
        size = int.from_bytes(start[:4], "little" if symbol == "<" else "big")
        if size not in _SIZES or len(start) < size:
            continue
        name, magic_at, magic = _SIZES[size]
        if start[magic_at : magic_at + 4] != magic:
            raise BadShapeError("external data", "a NIfTI header whose voxels are in another file")
        try:
            return getattr(nibabel, name)(start[:size], symbol)
        except Exception as error:
            raise BadShapeError("unreadable", describe(error)) from error
    raise BadShapeError("unreadable", "no NIfTI header")
