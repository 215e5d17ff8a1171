"""Which voxels of an observation the shape model is fitted to."""

from __future__ import annotations

import numpy as np

from baselines.ssm.posterior import Measurement
from benchmark.contract import Observation, Volume
from benchmark.observations.agreement import observed_inside
from medshape_text.frame import HALF_BOX_VOXELS, TRUNCATION, voxel_centres

OUTLIERS = 0.02
"""Share of corrupted voxels the fit reckons with."""
_BAND_VOXELS = 2.5
_MOST_VOXELS = 6000


def measurement_of(observation: Observation, mean_sdf: Volume) -> Measurement:
    """Voxels that can inform a fit starting at the mean shape, whose SDF is ``mean_sdf``.

    What is exact: everything observed within the SDF's range of the mean, and all foreground. What may be
    damaged: a band around the mean and around the observed surface, thinned evenly to about 6000 voxels.
    """
    inside = observed_inside(observation)
    if observation.exact:
        chosen = np.flatnonzero(observation.mask & ((mean_sdf < 0.95 * TRUNCATION) | inside))
        outliers = 0.0
    else:
        surface = np.abs(observation.value) < 1.01 / HALF_BOX_VOXELS
        band = np.abs(mean_sdf) < _BAND_VOXELS / HALF_BOX_VOXELS
        chosen = np.flatnonzero(observation.mask & (surface | band))
        chosen = chosen[:: max(1, len(chosen) // _MOST_VOXELS)]
        outliers = OUTLIERS
    return Measurement(voxel_centres()[chosen], np.where(inside.ravel()[chosen], 1.0, -1.0), outliers)
