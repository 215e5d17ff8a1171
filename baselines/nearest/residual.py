"""How badly a candidate explains an observation, beyond counting voxels."""

from __future__ import annotations

import numpy as np

from benchmark.contract import Observation, Volume
from benchmark.observations.agreement import observed_inside
from medshape_text.frame import HALF_BOX_VOXELS

TOLERANCE = 1.5 / HALF_BOX_VOXELS
"""Deviations from a corrupted prompt beyond 1.5 voxels count as damage, all alike."""


def residual(candidate: Volume, observation: Observation) -> float:
    """Misfit of a candidate SDF, smaller is better.

    What is exact: the published soft loss, the summed depth by which observed voxels lie on the wrong side.
    What may be damaged: mean absolute SDF difference with differences capped at ``TOLERANCE``, so that a
    damaged region costs every candidate the same.

    Raises:
        UnsupportedObservationError: see `observed_inside`.
    """
    inside = observed_inside(observation)
    if observation.exact:
        observed = observation.mask
        signed = np.where(inside, candidate, -candidate)[observed]
        return float(np.maximum(signed, 0).sum(dtype=np.float64) / max(1, observed.sum()))
    return float(np.minimum(np.abs(candidate - observation.value), TOLERANCE).mean(dtype=np.float64))
