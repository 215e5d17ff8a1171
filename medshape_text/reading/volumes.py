"""Label maps and images from NIfTI and NRRD files: sizes are checked before anything is unpacked or allocated."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from medshape_text.reading.headers import describe
from medshape_text.reading.limits import MAX_BYTES, BadShapeError, check_size
from medshape_text.reading.nifti import nifti_header
from medshape_text.reading.nrrd import nrrd_header
from medshape_text.reading.volume_files import PACKED_VOXELS, PLAIN, Header, Unpacked

VOLUME_SUFFIXES = (".nii", ".nii.gz", ".nrrd")
MAX_VOXELS = 2**28
MAX_UNPACKED = 2**29
"""Bytes of a volume once unpacked."""
MAX_LABELS = 1024
NO_LABELS = "not a label map"
_SLAB = 2**22
NEARLY_WHOLE = 0.05
"""How far from a whole number a scaled value may be and still be that label. Whoever stores labels in bytes with a
scale is off by up to half a step: the label 1 of four reads 0.996 or 1.004, as 64 of steps of 4/255."""


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


@dataclass(frozen=True, eq=False)
class Image:
    """``values`` (I, J, K) float32; ``affine`` as that of a `Volume`."""

    values: NDArray[np.float32]
    affine: NDArray[np.float64]


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
        return _header(stream, path)


def read_volume(path: Path) -> Volume:
    """The label map in a file. Values that the file scales are labels if they come out as whole numbers.

    Raises:
        BadShapeError: reasons ``unreadable``, ``too large``, ``truncated``, ``external data``, ``no geometry``,
            ``no voxels``, ``not a label map`` (values that are no whole numbers, negative, or too many different ones).
        OSError: if the file cannot be read.
    """
    with path.open("rb") as stream:
        return _volume(stream, _header(stream, path), exact=False)


def parse_volume(data: bytes) -> Volume:
    """The label map in the bytes of a ``.nii.gz`` file that holds nothing but the three dimensions it declares.

    Raises:
        BadShapeError: as `read_volume`, and for further dimensions and bytes.
    """
    stream = io.BytesIO(data)
    check_size("bytes", len(data), MAX_BYTES)
    header = _checked(nifti_header(stream, packed=True, exact=True), NO_LABELS)
    return _volume(stream, header, exact=True)


def read_image(path: Path) -> Image:
    """The values of all voxels in a file as the file scales them.

    Raises:
        BadShapeError: as `read_volume`; ``not an image`` for voxels that are no real numbers.
        OSError: if the file cannot be read.
    """
    with path.open("rb") as stream:
        header = _header(stream, path, otherwise="not an image")
        check_size("bytes of values", header.voxels * 4, MAX_UNPACKED)
        voxels = _voxels(stream, header, exact=False)
    values = np.empty(header.shape, np.float32, order="F")
    for slab in _slabs(header.shape):
        values[:, :, slab] = _scaled(voxels[:, :, slab], header)
    return Image(values, header.affine)


def _header(stream: IO[bytes], path: Path, otherwise: str = NO_LABELS) -> Header:
    """``otherwise`` is the reason to refuse voxels that are no real numbers."""
    size = path.stat().st_size
    check_size("bytes", size, MAX_BYTES)
    suffix = volume_suffix(path.name)
    header = nrrd_header(stream) if suffix == ".nrrd" else nifti_header(stream, packed=suffix == ".nii.gz")
    _checked(header, otherwise)
    if header.packing == PLAIN and size < header.offset:
        raise BadShapeError("truncated", "the file ends before its voxels")
    return header


def _checked(header: Header, otherwise: str) -> Header:
    if header.dtype.kind not in "uif":
        raise BadShapeError(otherwise, f"it holds {header.dtype}")
    check_size("voxels", header.voxels, MAX_VOXELS)
    check_size("bytes of voxels", header.voxels * header.dtype.itemsize, MAX_UNPACKED)
    if not np.isfinite(header.affine).all() or abs(np.linalg.det(header.affine[:, :3])) < 1e-9:
        raise BadShapeError("no geometry", "its axes do not span space")
    return header


def _volume(stream: IO[bytes], header: Header, *, exact: bool) -> Volume:
    scaled = header.scale != (1.0, 0.0)
    if scaled:
        check_size("bytes of labels", header.voxels * 4, MAX_UNPACKED)
    voxels = _voxels(stream, header, exact=exact)
    labels = _whole(voxels, header) if scaled else voxels
    return Volume(labels, header.affine, _values(labels), header.names)


def _voxels(stream: IO[bytes], header: Header, *, exact: bool) -> NDArray[np.generic]:
    """The voxels as they are stored; ``exact`` refuses a file that goes on behind them."""
    size = header.voxels * header.dtype.itemsize
    try:
        data, more = _body(stream, header, size)
    except (EOFError, zlib.error) as error:
        raise BadShapeError("truncated", describe(error)) from error
    if len(data) != size:
        raise BadShapeError("truncated", f"the header declares {size} bytes of voxels, there are {len(data)}")
    if exact and more:
        raise BadShapeError("unreadable", f"the header declares {size} bytes of voxels, there are more")
    return np.frombuffer(data, header.dtype).reshape(header.shape, order="F")


def _body(stream: IO[bytes], header: Header, size: int) -> tuple[bytes, bool]:
    """The voxels, never more than was declared, and whether there is more."""
    if header.packing == PLAIN:
        stream.seek(header.offset)
        return stream.read(size), bool(stream.read(1))
    start, skip = (header.offset, 0) if header.packing == PACKED_VOXELS else (0, header.offset)
    stream.seek(start)
    unpacked = Unpacked(stream)
    unpacked.read(skip)
    data = unpacked.read(size)
    return data, bool(unpacked.read(1))  # the end of the stream is where its checksum is compared


def _slabs(shape: tuple[int, ...]) -> Iterator[slice]:
    """Slices of the last axis, few enough voxels each to work on in double precision."""
    step = max(1, _SLAB // max(1, shape[0] * shape[1]))
    for first in range(0, shape[2], step):
        yield slice(first, first + step)


def _scaled(voxels: NDArray[np.generic], header: Header) -> NDArray[np.float64]:
    slope, intercept = header.scale
    return voxels.astype(np.float64) * slope + intercept


def _whole(voxels: NDArray[np.generic], header: Header) -> NDArray[np.int32]:
    """Scaled voxels as the whole numbers they stand for."""
    labels = np.empty(header.shape, np.int32, order="F")
    for slab in _slabs(header.shape):
        values = _scaled(voxels[:, :, slab], header)
        whole = np.rint(values)
        if not (np.abs(values - whole) <= NEARLY_WHOLE).all() or not (np.abs(whole) < 2**31).all():  # not of NaN either
            raise BadShapeError(NO_LABELS, "its values are scaled, as those of images are, and are no whole numbers")
        labels[:, :, slab] = whole
    return labels


def _values(labels: NDArray[np.generic]) -> tuple[int, ...]:
    found: set[int] = set()
    for slab in _slabs(labels.shape):
        distinct = np.unique(labels[:, :, slab])
        if len(distinct) > MAX_LABELS or not np.isfinite(distinct.astype(np.float64)).all():
            raise BadShapeError(NO_LABELS, f"more than {MAX_LABELS} different values, or some not finite")
        numbers = cast(NDArray[np.float64], distinct.astype(np.float64))
        if (numbers != np.rint(numbers)).any() or (numbers < 0).any() or (numbers > 2**31).any():
            raise BadShapeError(NO_LABELS, "values that are no whole numbers from 0 on")
        found.update(int(number) for number in numbers)
    check_size("labels", len(found), MAX_LABELS)
    found.discard(0)
    if not found:
        raise BadShapeError("no voxels", "every voxel is background")
    return tuple(sorted(found))
