"""Where the values of an observation lie in the part that was observed, found by asking its operator.

An operator that reads weighted means of voxels (the identity, slices, a crop, means of cubes, and any of these one
after another) gives, of an array that holds the index along an axis, the middle of each value's voxels; of the
squared index, how wide they spread. Nothing is asked for its name.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.contract import Operator

Places = tuple[tuple[int, ...], ...]
"""By axis: which value (an index along that axis of the observation) covers each voxel; -1: none does."""

_TINY = 1e-4


def places_of(operator: Operator, shape: Sequence[int], value_shape: Sequence[int]) -> Places | None:
    """Which value covers which voxel, axis by axis.

    Args:
        operator: what was measured.
        shape: (X, Y, Z) of the part.
        value_shape: of what was read.

    Returns:
        None if the operator reads no means of boxes of voxels that run along the axes.

    >>> from benchmark.observations.operators import AveragePool, Slices
    >>> places_of(AveragePool(2), (4, 2, 2), (2, 1, 1))
    ((0, 0, 1, 1), (0, 0), (0, 0))
    >>> places_of(Slices(2, (1, 3)), (2, 2, 4), (2, 2, 2))
    ((0, 1), (0, 1), (-1, 0, -1, 1))
    """
    if len(shape) != 3 or len(value_shape) != 3:
        return None
    found = []
    for axis, count in enumerate(shape):
        ramp = np.broadcast_to(np.arange(count, dtype=np.float64).reshape([-1 if a == axis else 1 for a in range(3)]),
                               tuple(shape))  # fmt: skip
        read = [_read(operator, values, value_shape) for values in (ramp, ramp + 1, ramp**2)]
        if any(each is None for each in read):
            return None
        middle, moved, square = (_along(each, axis) for each in read if each is not None)
        if middle is None or moved is None or square is None or np.abs(moved - middle - 1).max() > _TINY:
            return None  # no means of voxels
        spread = np.maximum(square - middle**2, 0)
        found.append(_cover(count, middle, np.sqrt(12 * spread + 1)))
    return tuple(found)


def _read(operator: Operator, values: NDArray[np.float64], shape: Sequence[int]) -> NDArray[np.float64] | None:
    import torch

    try:
        read = operator(torch.from_numpy(values.copy())).numpy()
    except ValueError:
        return None
    return np.asarray(read, np.float64) if read.shape == tuple(shape) and read.size else None


def _along(read: NDArray[np.float64], axis: int) -> NDArray[np.float64] | None:
    """The values along one axis, if they are the same all over the others."""
    others = tuple(each for each in range(3) if each != axis)
    line = read.mean(axis=others)
    return line if np.ptp(read, axis=others).max() < _TINY else None


def _cover(count: int, middle: NDArray[np.float64], width: NDArray[np.float64]) -> tuple[int, ...]:
    distance = np.abs(np.arange(count)[:, None] - middle)
    nearest = distance.argmin(axis=1)
    near = distance[np.arange(count), nearest] < width[nearest] / 2 + _TINY
    return tuple(int(each) for each in np.where(near, nearest, -1))
