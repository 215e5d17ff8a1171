"""An image registered onto another of any contrast: affine by mutual information, then demons with mapped intensities.

Demons compare intensities, so those of the moving image are first replaced by what the fixed image has where they lie:
the mean of the fixed image in each of `BINS` bins of the moving one, estimated anew as the alignment improves.

Sources: Mattes et al., IEEE TMI 22 (2003); Vercauteren et al., NeuroImage 45 (2009) for symmetric forces; Guimond et
al., IEEE TMI 20 (2001) for the mapping of intensities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk  # noqa: N813  (what everyone calls it)
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from baselines.registration.images import THREADS, extended, resampled, shrunken, to_array, to_image
from benchmark.contract import Mask, Volume

BINS = 48
_FEWEST = 32
"""Voxels that an axis must have for a coarser level."""


@dataclass(frozen=True)
class Demons:
    """How deformable registration goes.

    Attributes:
        stiffness: standard deviation, in voxels of the level, of the Gaussian that smooths the field after each step.
        levels: shrink factor and number of steps, coarse to fine.
        mappings: how often the intensities are mapped anew within a level.
    """

    stiffness: float
    levels: tuple[tuple[int, int], ...] = ((4, 42), (2, 42), (1, 30))
    mappings: int = 3


def affine(
    fixed: sitk.Image, moving: sitk.Image, shift_mm: tuple[float, float, float], seed: int, known: Mask | None = None
) -> sitk.Transform:
    """The affine map from fixed to moving points with the most mutual information.

    Args:
        fixed: values in 0 to 1.
        moving: the same.
        shift_mm: by which the moving image is moved at the start.
        seed: of the voxels that are looked at.
        known: (X, Y, Z), the voxels of the fixed image that were observed; None is all of them.
    """
    transform = sitk.AffineTransform(3)
    transform.SetTranslation([-step for step in shift_mm])
    if _constant(fixed) or _constant(moving):  # mutual information of a constant image is undefined
        return transform
    coarse = 4 if min(fixed.GetSize()) >= _FEWEST else 2
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(THREADS)
    method.SetMetricAsMattesMutualInformation(32)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(
        0.2 if known is None else 1.0, seed % (2**31 - 1) + 1
    )  # 0 would be the time of day
    if known is not None:
        method.SetMetricFixedMask(sitk.Cast(to_image(known.astype(np.float32), fixed.GetSpacing()), sitk.sitkUInt8))
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(2.0, 0.05, 100)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([coarse, coarse // 2])
    method.SetSmoothingSigmasPerLevel([1.0, 0.5])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
    method.SetInitialTransform(transform, True)
    try:
        method.Execute(fixed, moving)
    except RuntimeError:  # "all samples map outside moving image buffer": what was found before is no better
        transform = sitk.AffineTransform(3)
        transform.SetTranslation([-step for step in shift_mm])
    return transform


@dataclass(frozen=True, eq=False)
class Mapping:
    """Intensities of a moving image (0 to 1) -> those of the fixed one, at the middle of each of `BINS` bins."""

    table: NDArray[np.float64]

    @classmethod
    def of(cls, warped: Volume, fixed: Volume, known: Mask | None = None) -> Mapping:
        """What the fixed image has, in the mean, where the warped one has some intensity; of ``known`` voxels only."""
        if known is not None:
            warped, fixed = warped[known], fixed[known]
        bins = np.clip((warped * BINS).astype(np.int64), 0, BINS - 1).ravel()
        count = np.bincount(bins, minlength=BINS).astype(np.float64)
        total = np.bincount(bins, fixed.ravel(), minlength=BINS)
        # Bins that nothing fell into take the mean of their neighbours, in the end that of the image.
        count, total = gaussian_filter1d(count + 1e-3, 1.0), gaussian_filter1d(total + 1e-3 * float(fixed.mean()), 1.0)
        table = total / count
        # While the images are not aligned the means lie too close together; their spread is made that of the fixed one.
        middle, spread = float(table[bins].mean()), float(table[bins].std())
        return cls(middle + (table - middle) * float(fixed.std()) / max(spread, 1e-6))

    def __call__(self, moving: Volume) -> Volume:
        """An image with its intensities mapped."""
        return np.asarray(np.interp(moving * BINS - 0.5, np.arange(BINS), self.table), np.float32)


def deformable(
    fixed: sitk.Image, moving: sitk.Image, start: sitk.Transform, how: Demons, known: Mask | None = None
) -> sitk.Transform:
    """``start`` and a displacement field: the map from fixed to moving points that demons lead to.

    Where the fixed image is not ``known`` it is taken to be what the moving one is there, which exerts no force.
    """
    near = resampled(moving, fixed, start)
    near_values, fixed_values = to_array(near), to_array(fixed)
    field = _still(fixed)
    for factor, steps in how.levels:
        if factor > 1 and min(fixed.GetSize()) < _FEWEST * factor // 2:
            continue
        level = shrunken(fixed, factor)
        field = extended(field, level)
        for _ in range(how.mappings):
            whole = sitk.DisplacementFieldTransform(extended(field, fixed))
            warped = to_array(resampled(near, fixed, whole))
            table = Mapping.of(warped, fixed_values, known)
            if known is not None:
                filled = np.where(known, fixed_values, table(warped)).astype(np.float32)
                level = shrunken(to_image(filled, fixed.GetSpacing()), factor)
            alike = to_image(table(near_values), fixed.GetSpacing())
            field = _demons(level, shrunken(alike, factor), field, how.stiffness, steps // how.mappings)
    transform = sitk.CompositeTransform(3)
    transform.AddTransform(start)
    transform.AddTransform(sitk.DisplacementFieldTransform(extended(field, fixed)))  # the last is applied first
    return transform


def _demons(fixed: sitk.Image, moving: sitk.Image, field: sitk.Image, stiffness: float, steps: int) -> sitk.Image:
    demons = sitk.FastSymmetricForcesDemonsRegistrationFilter()
    demons.SetNumberOfThreads(THREADS)
    demons.SetNumberOfIterations(steps)
    demons.SetSmoothDisplacementField(True)
    demons.SetStandardDeviations(stiffness)
    found: sitk.Image = demons.Execute(fixed, moving, field)
    return found


def _still(like: sitk.Image) -> sitk.Image:
    field = sitk.Image(like.GetSize(), sitk.sitkVectorFloat64, 3)
    field.CopyInformation(like)
    return field


def _constant(image: sitk.Image) -> bool:
    values = sitk.GetArrayViewFromImage(image)
    return bool(values.min() == values.max())
