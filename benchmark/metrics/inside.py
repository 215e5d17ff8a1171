"""Which voxels are inside: masks and SDFs read by one rule, and floats refused unless they are said to be SDFs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.arrays import Array, as_numpy

Mask = NDArray[np.bool_]


def inside(array: Array, sdf: bool = False) -> Mask:
    """The inside of a shape as a bool array.

    Floats are inside where 1 if they are a mask and where negative if they are an SDF: guessing wrong turns a
    score into its opposite without a word, so nothing is guessed.

    Args:
        array: bool; or integer, inside = nonzero, so that all labels of a label map together are one mask
            (one structure is ``labels == 3``); or floating, with ``sdf``.
        sdf: floating-point values are signed distances, inside = strictly negative; bool and integer arrays
            are masks all the same.

    Raises:
        ValueError: for floating-point values without ``sdf``, an SDF with NaN (which is neither inside nor
            outside), or values that are not real numbers.

    >>> inside(np.array([-0.5, 0.0, 1.0]), sdf=True).tolist()
    [True, False, False]
    """
    values: NDArray[Any] = as_numpy(array)
    if values.dtype == bool:
        return values
    if np.issubdtype(values.dtype, np.integer):
        return np.asarray(values != 0)
    if not np.issubdtype(values.dtype, np.floating):
        raise ValueError(f"expected a mask of bool or integers, or an SDF of floats, got {values.dtype}")
    if not sdf:
        raise ValueError(
            f"{values.dtype} values may be a mask, probabilities or signed distances: make a mask with a threshold "
            "(array > 0.5; array < 0 for an SDF), or pass sdf=True to a function that has it"
        )
    if np.isnan(values).any():
        raise ValueError("an SDF must not contain NaN")
    return np.asarray(values < 0)
