"""Dice overlap."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.arrays import Array, like
from benchmark.metrics.inside import inside

EmptyRule = Literal["nan", 0, 1]


def dice(
    prediction: Array, truth: Array, empty: EmptyRule = "nan", batched: bool = False, *, sdf: bool = False
) -> Array:
    """Dice overlap ``2|A∩B| / (|A| + |B|)`` of two shapes.

    Args:
        prediction: mask (bool or integer, inside = nonzero: a label map counts as the union of its labels), or
            with ``sdf`` an SDF (floating, inside = strictly negative).
        truth: the same shape as ``prediction``; one may be a mask and the other an SDF.
        empty: the value when both are empty: NaN (to be counted, not averaged; nnU-Net), 1 (KiTS23,
            DiffAtlas) or 0 (GenMed). One of them empty is 0 in any case.
        batched: True treats the first axis as a batch.
        sdf: floating-point values are signed distances. Without it they are refused, 0.0 and 1.0 too.

    Returns:
        float64, shape () or (B,), of the library of ``prediction``.

    Raises:
        ValueError: if the shapes differ, values are floating-point without ``sdf``, or an SDF contains NaN (which
            is neither inside nor outside).

    >>> float(dice(np.array([1, 1, 0, 0]), np.array([0, 1, 1, 0])))
    0.5
    """
    a, b = inside(prediction, sdf), inside(truth, sdf)
    if a.shape != b.shape:
        raise ValueError(f"shapes differ: {a.shape} and {b.shape}")
    axes = tuple(range(1 if batched else 0, a.ndim))
    common = np.asarray(np.count_nonzero(a & b, axis=axes))
    total = np.asarray(np.count_nonzero(a, axis=axes) + np.count_nonzero(b, axis=axes))
    return like(dice_of_counts(common, total, empty), prediction)


def dice_of_counts(common: NDArray[np.integer], total: NDArray[np.integer], empty: EmptyRule) -> NDArray[np.float64]:
    """Dice from the voxels two shapes share and the sum of what each has, arrays of one shape."""
    both_empty = np.nan if empty == "nan" else float(empty)
    return np.asarray(np.where(total == 0, both_empty, 2.0 * common / np.maximum(total, 1)), dtype=np.float64)
