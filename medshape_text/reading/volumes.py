"""Label maps from NIfTI and NRRD files: sizes are checked before anything is unpacked or allocated."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from medshape_text.reading.headers import describe
from medshape_text.reading.limits import MAX_BYTES, BadShapeError, check_size
from medshape_text.reading.nifti import nifti_header
from medshape_text.reading.nrrd import nrrd_header
from medshape_text.reading.unpacking import Unpacked
from medshape_text.reading.volume_header import PACKED_VOXELS, PLAIN, Header

VOLUME_SUFFIXES = (".nii", ".nii.gz", ".nrrd")
MAX_VOXELS = 2**28
MAX_UNPACKED = 2**29
"""Bytes of a volume once unpacked."""
MAX_LABELS = 1024
_SLAB = 2**22


@dataclass(frozen=True, eq=False)
class Volume:
    """A label map.

    Attributes:
        labels: (I, J, K), whole numbers of any type; 0 is background.
        affine: (3, 4), from indices of voxel centres to millimetres; x points to the subject's left, y backwards and
            z upwards.
        values: the labels there are besides 0, ascending.
        names: what the file itself calls them, if it does.
    """

    labels: NDArray[np.generic]
    affine: NDArray[np.float64]
    values: tuple[int, ...]
    names: Mapping[int, str] = field(default_factory=dict)


def volume_suffix(name: str) -> str:
    """The suffix of a volume file, one of `VOLUME_SUFFIXES`, or empty for other files."""
    return next((suffix for suffix in sorted(VOLUME_SUFFIXES, key=len, reverse=True)
                 if name.lower().endswith(suffix)), "")  # fmt: skip


def read_header(path: Path) -> Header:
    """What a volume file declares, without its voxels.

    Raises:
        BadShapeError: if it is none, or declares what is not read.
        OSError: if it cannot be read.
    """
    with path.open("rb") as stream:
        return _header(path, stream)


def read_volume(path: Path) -> Volume:
    """The label map in a file.

    Raises:
        BadShapeError: reasons ``unreadable``, ``too large``, ``truncated``, ``external data``, ``no geometry``,
            ``no voxels``, ``not a label map`` (values that are no whole numbers, negative, or too many different ones).
        OSError: if the file cannot be read.
    """
    with path.open("rb") as stream:
        header = _header(path, stream)
        size = int(np.prod(header.shape, dtype=np.int64)) * header.dtype.itemsize
        try:
            data = _body(stream, header, size)
        except (EOFError, zlib.error) as error:
            raise BadShapeError("truncated", describe(error)) from error
    if len(data) != size:
        raise BadShapeError("truncated", f"the header declares {size} bytes of voxels, there are {len(data)}")
    labels = np.frombuffer(data, header.dtype).reshape(header.shape, order="F")
    return Volume(labels, header.affine, _values(labels), header.names)


def _header(path: Path, stream: IO[bytes]) -> Header:
    check_size("bytes", path.stat().st_size, MAX_BYTES)
    suffix = volume_suffix(path.name)
    header = nrrd_header(stream) if suffix == ".nrrd" else nifti_header(stream, packed=suffix == ".nii.gz")
    check_size("voxels", int(np.prod(header.shape, dtype=object)), MAX_VOXELS)
    check_size("bytes of voxels", int(np.prod(header.shape, dtype=object)) * header.dtype.itemsize, MAX_UNPACKED)
    if not np.isfinite(header.affine).all() or abs(np.linalg.det(header.affine[:, :3])) < 1e-9:
        raise BadShapeError("no geometry", "its axes do not span space")
    if header.packing == PLAIN and path.stat().st_size < header.offset:
        raise BadShapeError("truncated", "the file ends before its voxels")
    return header


def _body(stream: IO[bytes], header: Header, size: int) -> bytes:
    """The voxels, and never more than was declared."""
    if header.packing == PLAIN:
        stream.seek(header.offset)
        return stream.read(size)
    start, skip = (header.offset, 0) if header.packing == PACKED_VOXELS else (0, header.offset)
    stream.seek(start)
    unpacked = Unpacked(stream)
    unpacked.read(skip)
    data = unpacked.read(size)
    unpacked.read(1)  # the end of the stream is where its checksum is compared
    return data


def _values(labels: NDArray[np.generic]) -> tuple[int, ...]:
    found: set[int] = set()
    step = max(1, _SLAB // max(1, labels.shape[0] * labels.shape[1]))
    for first in range(0, labels.shape[2], step):
        slab = labels[:, :, first : first + step]
        distinct = np.unique(slab)
        if len(distinct) > MAX_LABELS or not np.isfinite(distinct.astype(np.float64)).all():
            raise BadShapeError("not a label map", f"more than {MAX_LABELS} different values, or some not finite")
        numbers = cast(NDArray[np.float64], distinct.astype(np.float64))
        if (numbers != np.rint(numbers)).any() or (numbers < 0).any() or (numbers > 2**31).any():
            raise BadShapeError("not a label map", "values that are no whole numbers from 0 on")
        found.update(int(number) for number in numbers)
    check_size("labels", len(found), MAX_LABELS)
    found.discard(0)
    if not found:
        raise BadShapeError("no voxels", "every voxel is background")
    return tuple(sorted(found))
