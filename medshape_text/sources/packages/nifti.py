"""Label maps in the NIfTI-1 format: single file, gzip, unsigned bytes. Nothing else is let through."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medshape_text.sources.errors import SourceError

_HEADER = 352
_MAX_VOXELS = 512 * 512 * 512
_UINT8 = 2


@dataclass(frozen=True, eq=False)
class LabelMap:
    """``labels`` is (I, J, K) uint8; ``affine`` (3, 4) maps array indices of voxel centres to millimetres.

    In millimetres x points to the subject's left, y backwards and z upwards (the format itself has x to the
    right and y forwards).
    """

    labels: NDArray[np.uint8]
    affine: NDArray[np.float64]


def read_label_map(data: bytes, name: str) -> LabelMap:
    """Parse the bytes of a ``.nii.gz`` file; ``name`` is for messages.

    Raises:
        SourceError: for anything but a three-dimensional uint8 volume with an sform, and for a stream that does
            not hold exactly the voxels its header declares.
    """
    stream = zlib.decompressobj(wbits=31)
    try:
        header = stream.decompress(data, _HEADER)
    except zlib.error as error:
        raise SourceError(f"{name} is not gzip: {error}.") from error
    if len(header) < _HEADER or struct.unpack_from("<i", header)[0] != 348 or header[344:348] != b"n+1\0":
        raise SourceError(f"{name} is not a little-endian single-file NIfTI-1 image.")
    n_dimensions, *shape = struct.unpack_from("<4h", header, 40)
    datatype, bits = struct.unpack_from("<2h", header, 70)
    offset, slope, intercept = struct.unpack_from("<3f", header, 108)
    if n_dimensions != 3 or min(shape) < 1 or int(np.prod(shape, dtype=np.int64)) > _MAX_VOXELS:
        raise SourceError(f"{name} declares {n_dimensions} dimensions {shape}, a volume of at most 512^3 was expected.")
    if (datatype, bits, offset) != (_UINT8, 8, _HEADER) or (slope, intercept) not in {(1.0, 0.0), (0.0, 0.0)}:
        raise SourceError(f"{name} does not hold plain unsigned bytes.")
    affine = np.array(struct.unpack_from("<12f", header, 280), dtype=np.float64).reshape(3, 4)
    if struct.unpack_from("<h", header, 254)[0] <= 0 or abs(np.linalg.det(affine[:, :3])) < 1e-9:
        raise SourceError(f"{name} does not say where its voxels are.")
    size = int(np.prod(shape, dtype=np.int64))
    try:
        voxels = stream.decompress(stream.unconsumed_tail, size + 1)
    except zlib.error as error:
        raise SourceError(f"{name} is damaged: {error}.") from error
    if len(voxels) != size or not stream.eof:
        raise SourceError(f"{name} does not hold the {size} voxels it declares.")
    labels = np.frombuffer(voxels, dtype=np.uint8).reshape(shape, order="F")
    return LabelMap(labels, affine * np.array([[-1.0], [-1.0], [1.0]]))
