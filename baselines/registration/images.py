"""Arrays (X, Y, Z) as SimpleITK images in millimetres and back."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk  # noqa: N813  (what everyone calls it)
from numpy.typing import NDArray

from benchmark.contract import Grid, Volume
from benchmark.data.volumes import geometry

THREADS = 1
"""Of every filter: sums in another order would be other bytes."""


def spacing_of(grid: Grid | None) -> tuple[float, float, float]:
    """Millimetres between voxels along (x, y, z); 1 where nobody says."""
    if grid is None or grid.affine is None:
        return (1.0, 1.0, 1.0)
    x, y, z = geometry.spacing_of(grid)
    return float(x), float(y), float(z)


def to_image(array: NDArray[np.floating], spacing: tuple[float, float, float]) -> sitk.Image:
    """A float32 image of (X, Y, Z), centred at the origin, or of (C, X, Y, Z), with a vector at each voxel.

    Task grids run along right, front and up, so directions are left out; patients lie anywhere, so the origin is, too.
    """
    several = array.ndim == 4
    ordered = array.transpose(3, 2, 1, 0) if several else array.transpose(2, 1, 0)
    image = sitk.GetImageFromArray(np.ascontiguousarray(ordered, np.float32), isVector=several)
    image.SetSpacing(spacing)
    sides = array.shape[-3:]
    image.SetOrigin([-(side - 1) / 2 * step for side, step in zip(sides, spacing, strict=True)])
    return image


def to_array(image: sitk.Image) -> Volume:
    """(X, Y, Z) float32, or (C, X, Y, Z) of an image of vectors."""
    return np.ascontiguousarray(sitk.GetArrayFromImage(image).transpose(), np.float32)


def resampled(image: sitk.Image, like: sitk.Image, transform: sitk.Transform) -> sitk.Image:
    """An image on the voxels of another, which ``transform`` maps to its own; trilinear, beyond its border as there."""
    resampler = sitk.ResampleImageFilter()
    resampler.SetNumberOfThreads(THREADS)
    resampler.SetReferenceImage(like)
    resampler.SetTransform(transform)
    resampler.SetInterpolator(sitk.sitkLinear)
    resampler.SetUseNearestNeighborExtrapolator(True)
    found: sitk.Image = resampler.Execute(image)
    return found


def extended(field: sitk.Image, like: sitk.Image) -> sitk.Image:
    """A displacement field on the voxels of another image."""
    return resampled(field, like, sitk.Transform(3, sitk.sitkIdentity))


def shrunken(image: sitk.Image, factor: int) -> sitk.Image:
    """Every ``factor``-th voxel along each axis of an image that was smoothed before."""
    if factor == 1:
        return image
    smoothing = sitk.SmoothingRecursiveGaussianImageFilter()
    smoothing.SetNumberOfThreads(THREADS)
    smoothing.SetSigma([factor / 2 * step for step in image.GetSpacing()])
    shrink = sitk.ShrinkImageFilter()
    shrink.SetNumberOfThreads(THREADS)
    shrink.SetShrinkFactors([factor] * 3)
    found: sitk.Image = shrink.Execute(smoothing.Execute(image))
    return found
