"""Errors of a synthesised image within a mask: MAE, PSNR and SSIM as SynthRAD2023 defines them.

Huijben et al., "Generating synthetic computed tomography for radiotherapy: SynthRAD2023 challenge report"
(Medical Image Analysis 2024); code at SynthRAD2023/metrics. What changes a number (the interval clipped to, the data
range) has no default.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.arrays import Array, as_numpy, like
from benchmark.metrics.inside import inside

Floats = NDArray[np.float64]
Interval = tuple[float, float]
SYNTHRAD2023_CLIP: Interval = (-1024.0, 3000.0)
"""Lowest and highest HU that PSNR and SSIM look at."""
SYNTHRAD2023_DATA_RANGE = 4024.0
_SIDE = 7  # voxels of the SSIM window along every axis
_STABLE = (0.01, 0.03)  # K1 and K2 of Wang et al. 2004


def mae(prediction: Array, truth: Array, mask: Array | None) -> Array:
    """Mean absolute error over the mask, Σ|truth − prediction|·mask / Σmask, nothing clipped.

    Args:
        prediction: (X, Y, Z) or (X, Y) intensities (HU for CT).
        truth: the same shape and unit.
        mask: the same shape, bool or integer, counted where nonzero; None counts every voxel.

    Returns:
        float64 of shape (), in the unit of the images, of the library of ``prediction``.

    Raises:
        ValueError: if shapes differ, the mask is empty or floating-point, or a voxel in it is not finite.

    >>> float(mae(np.array([[0.0, 5], [9, 9]]), np.array([[2.0, 1], [0, 0]]), np.array([[1, 1], [0, 0]])))
    3.0
    """
    predicted, true, counted = _checked(prediction, truth, mask)
    return like(np.asarray(np.abs(true[counted] - predicted[counted]).mean()), prediction)


def psnr(prediction: Array, truth: Array, mask: Array | None, *, clip: Interval | None, data_range: float) -> Array:
    """Peak signal-to-noise ratio over the mask, 10 log10(data_range² / mean squared error), in dB.

    Args:
        prediction: (X, Y, Z) or (X, Y) intensities.
        truth: the same shape and unit.
        mask: the same shape, bool or integer, counted where nonzero; None counts every voxel.
        clip: lowest and highest intensity both images are limited to first, or None for no limits;
            SynthRAD2023: (-1024, 3000).
        data_range: the peak; SynthRAD2023: 4024.

    Returns:
        float64 of shape (); infinite where the clipped images agree on the whole mask.

    Raises:
        ValueError: as :func:`mae`; for a clip that is not an interval, or a data range that is not positive.
    """
    predicted, true, counted = _checked(prediction, truth, mask)
    _check_range(data_range)
    predicted, true = predicted[counted], true[counted]
    if clip is not None:
        predicted, true = _clipped(predicted, clip), _clipped(true, clip)
    error = np.square(true - predicted).mean()
    value = 10 * np.log10(data_range**2 / error) if error > 0 else np.inf
    return like(np.asarray(value, dtype=np.float64), prediction)


def ssim(prediction: Array, truth: Array, mask: Array | None, *, clip: Interval, data_range: float) -> Array:
    """Structural similarity (Wang et al. 2004) averaged over the mask.

    Both images are clipped, set to the lower limit outside the mask and shifted so that the limit is 0; the local
    statistics are of uniform windows of 7 voxels along every axis with the sample covariance, and the
    outermost 3 voxels, where a window would leave the image, do not count.

    Args:
        prediction: (X, Y, Z) or (X, Y) intensities, at least 7 voxels along every axis.
        truth: the same shape and unit.
        mask: the same shape, bool or integer, counted where nonzero; None counts every voxel.
        clip: lowest and highest intensity; SynthRAD2023: (-1024, 3000).
        data_range: scale of the stabilising constants; SynthRAD2023: 4024.

    Returns:
        float64 of shape (), in [-1, 1].

    Raises:
        ValueError: as :func:`psnr`; for an image smaller than the window, or a mask without a voxel that counts.
    """
    predicted, true, counted = _checked(prediction, truth, mask)
    _check_range(data_range)
    if min(counted.shape) < _SIDE:
        raise ValueError(f"an image of shape {counted.shape} has no window of {_SIDE} voxels along every axis")
    inner = (slice(_SIDE // 2, -(_SIDE // 2)),) * counted.ndim
    if not counted[inner].any():
        raise ValueError(f"no voxel of the mask is {_SIDE // 2} voxels away from the border of the image")
    x, y = (np.where(counted, _clipped(image, clip), clip[0]) - clip[0] for image in (predicted, true))
    return like(np.asarray(_similarity(x, y, data_range)[inner][counted[inner]].mean()), prediction)


def _similarity(x: Floats, y: Floats, data_range: float) -> Floats:
    """SSIM at every voxel; right only where the window lies inside the image."""
    from scipy.ndimage import uniform_filter

    def local_mean(image: Floats) -> Floats:
        return np.asarray(uniform_filter(image, _SIDE), dtype=np.float64)

    sample = _SIDE**x.ndim / (_SIDE**x.ndim - 1)
    mean_x, mean_y = local_mean(x), local_mean(y)
    covariance = sample * (local_mean(x * y) - mean_x * mean_y)
    variances = sample * (local_mean(x * x) - mean_x**2 + local_mean(y * y) - mean_y**2)
    of_means, of_variances = ((k * data_range) ** 2 for k in _STABLE)
    luminance = (2 * mean_x * mean_y + of_means) / (mean_x**2 + mean_y**2 + of_means)
    return np.asarray(luminance * (2 * covariance + of_variances) / (variances + of_variances), dtype=np.float64)


def _checked(prediction: Array, truth: Array, mask: Array | None) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    predicted, true = (np.asarray(as_numpy(image), dtype=np.float64) for image in (prediction, truth))
    counted = np.ones(true.shape, dtype=bool) if mask is None else inside(mask)
    if not predicted.shape == true.shape == counted.shape:
        raise ValueError(f"shapes differ: prediction {predicted.shape}, truth {true.shape}, mask {counted.shape}")
    if true.ndim not in (2, 3):
        raise ValueError(f"expected images of shape (X, Y, Z) or (X, Y), got {true.shape}")
    if not counted.any():
        raise ValueError("the mask is empty: there is nothing to score")
    for name, image in (("prediction", predicted), ("truth", true)):
        if not np.isfinite(image[counted]).all():
            raise ValueError(f"the {name} has NaN or infinite voxels inside the mask")
    return predicted, true, counted


def _check_range(data_range: float) -> None:
    if not 0 < data_range < np.inf:
        raise ValueError(f"data_range must be finite and positive, got {data_range}")


def _clipped(image: Floats, clip: Interval) -> Floats:
    low, high = clip
    if not -np.inf < low < high < np.inf:
        raise ValueError(f"clip must be a finite interval (low, high), got {clip}")
    return np.clip(image, low, high)
