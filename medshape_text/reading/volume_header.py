"""What a volume file declares before a single voxel is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

PLAIN, PACKED_VOXELS, PACKED_WHOLE = "plain", "packed voxels", "packed whole"
"""Whether gzip packs nothing, the voxels behind a plain header, or the file as a whole."""


@dataclass(frozen=True, eq=False)
class Header:
    """Voxels of ``dtype`` in Fortran order, ``shape`` (I, J, K), that begin after ``offset`` bytes.

    Of a file that is packed as a whole, ``offset`` counts unpacked bytes. ``affine`` (3, 4) maps indices of voxel
    centres to millimetres; x points to the subject's left, y backwards and z upwards. ``names`` are what the file
    calls its labels, if it does.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[np.generic]
    offset: int
    affine: NDArray[np.float64]
    packing: str
    names: Mapping[int, str] = field(default_factory=dict)
