"""An image without the slow changes of brightness that a coil leaves (N4; Tustison et al., IEEE TMI 29, 2010)."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk  # noqa: N813  (what everyone calls it)

from baselines.registration.images import THREADS, to_array, to_image
from baselines.segmenting import stretched

_ITERATIONS = (30, 30, 20)
_BODY = 0.1
"""Values below are air, of which the bias cannot be told."""
_FLOOR = 0.02
_SMALLEST_SIDE = 16


def without_bias(image: sitk.Image) -> sitk.Image:
    """The corrected image, its values in 0 to 1 again; an image that is too small or empty as it is.

    Args:
        image: values in 0 to 1.
    """
    values = to_array(image)
    if min(values.shape) < _SMALLEST_SIDE or not (values > _BODY).any():
        return image
    correction = sitk.N4BiasFieldCorrectionImageFilter()
    correction.SetNumberOfThreads(THREADS)
    correction.SetMaximumNumberOfIterations(list(_ITERATIONS))
    small = sitk.Shrink(image, [2] * 3)
    correction.Execute(small + _FLOOR, sitk.Cast(small > _BODY, sitk.sitkUInt8))
    bias = np.exp(to_array(correction.GetLogBiasFieldAsImage(image)))
    return to_image(stretched(np.asarray(values / bias, np.float32)), image.GetSpacing())
