"""The compiled inner loop of :func:`medshape_text.codec.sdf.decode_sdf`."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

_SIDE = 64
_HIGHEST = 410
_HALF, _STEP, _TRUNCATION = np.float32(0.5), np.float32(2.0**-11), np.float32(0.2)


@njit(cache=True, nogil=True)
def unpack(planes: NDArray[np.uint8], out: NDArray[np.float32]) -> bool:
    """Fill ``out`` (64**3,) from byte planes (2 * 64**3,); False if a level does not exist.

    The numbers of the numpy version in :mod:`medshape_text.codec.sdf` in one pass over the memory. All loops
    over z but the one that adds up are independent steps, so that the compiler makes vector instructions of them.
    """
    voxels = _SIDE**3
    levels = np.zeros(_SIDE * _SIDE, dtype=np.int16)  # of the plane (x - 1, :, :) until a row is reached
    steps = np.empty(_SIDE, dtype=np.int16)
    lowest = highest = np.int16(0)
    for start in range(0, voxels, _SIDE):
        row = start % (_SIDE * _SIDE)
        changes = np.uint8(0)
        for z in range(_SIDE):
            changes |= planes[start + z] | planes[voxels + start + z]
        if changes:  # most rows lie in the truncated part and repeat the row before
            for z in range(_SIDE):
                code = np.uint16(planes[start + z]) | (np.uint16(planes[voxels + start + z]) << np.uint16(8))
                steps[z] = np.int16(code >> np.uint16(1)) ^ -np.int16(code & np.uint16(1))
            total = np.int16(0)
            for z in range(_SIDE):
                total = np.int16(total + steps[z])
                steps[z] = total
            for z in range(_SIDE):
                levels[row + z] = np.int16(levels[row + z] + steps[z])
                lowest, highest = min(lowest, levels[row + z]), max(highest, levels[row + z])
        for z in range(_SIDE):
            value = (np.float32(levels[row + z]) + _HALF) * _STEP
            out[start + z] = min(max(value, -_TRUNCATION), _TRUNCATION)
    return bool(lowest >= -_HIGHEST - 1 and highest <= _HIGHEST)
