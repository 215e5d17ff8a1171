"""Smooth random fields: the texture of tissue, the wander of a thickness, the bias of a coil."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Field = NDArray[np.float32]


def smooth_field(rng: np.random.Generator, side: int, voxel_mm: float, scale_mm: float) -> Field:
    """White noise smoothed by a Gaussian of ``scale_mm``: (side, side, side), mean 0 and standard deviation 1.

    Drawn on a coarser grid where the scale allows it, and interpolated linearly.
    """
    factor = max(1, min(8, int(scale_mm / voxel_mm / 1.5)))
    while side % factor:
        factor -= 1
    coarse = side // factor + 2  # one voxel more at each end, to interpolate from
    noise = rng.standard_normal((coarse,) * 3).astype(np.float32)
    noise = ndimage.gaussian_filter(noise, scale_mm / (voxel_mm * factor), mode="wrap")
    if factor > 1:
        at = np.asarray((np.arange(side) + 0.5) / factor + 0.5, np.float32)
        for axis in range(3):
            noise = _interpolated(noise, at, axis)
    else:
        noise = noise[1:-1, 1:-1, 1:-1]
    noise = noise - np.float32(noise.mean(dtype=np.float64))
    return np.asarray(noise / np.float32(max(float(noise.std(dtype=np.float64)), 1e-6)), np.float32)


def exponential(field: Field) -> Field:
    """Of a field, by way of double precision.

    Numpy's transcendental functions of float32 differ in the last bit between kinds of processors; enough, over
    millions of voxels, for some to be rounded to another whole number. In double precision that is one in a billion.
    """
    return np.asarray(np.exp(field.astype(np.float64)), np.float32)


def _interpolated(values: Field, at: Field, axis: int) -> Field:
    below = np.floor(at).astype(int)
    share = (at - below).reshape([-1 if k == axis else 1 for k in range(3)])
    low, high = values.take(below, axis), values.take(below + 1, axis)
    return np.asarray(low + share * (high - low), np.float32)


def ramp(distances: Field, width: float) -> Field:
    """How much of a voxel of this width lies inside a surface at this signed distance: 1 inside, 0 outside."""
    return np.asarray(np.clip(0.5 - distances / np.float32(width), 0, 1), np.float32)
