"""How badly a candidate explains an observation, beyond counting voxels."""

from __future__ import annotations

import numpy as np

from benchmark.contract import Mask, Observation, Volume
from medshape_text.frame import HALF_BOX_VOXELS

TOLERANCE = 1.5 / HALF_BOX_VOXELS
"""Deviations from a corrupted prompt beyond 1.5 voxels count as damage, all alike."""


def foreground(observation: Observation) -> Mask:
    """Observed foreground, (64, 64, 64) bool: occupancy of a plane prompt, negative SDF of a corrupted one."""
    inside = observation.value > 0.5 if observation.kind == "planes" else observation.value < 0
    return np.asarray(inside & observation.observed)


def residual(candidate: Volume, observation: Observation) -> float:
    """Misfit of a candidate SDF, smaller is better.

    Planes: the published soft loss, the summed depth by which observed voxels lie on the wrong side.
    Corrupted: mean absolute SDF difference with differences capped at ``TOLERANCE``, so that a damaged
    region costs every candidate the same.
    """
    if observation.kind == "planes":
        observed = observation.observed
        signed = np.where(foreground(observation), candidate, -candidate)[observed]
        return float(np.maximum(signed, 0).sum(dtype=np.float64) / max(1, observed.sum()))
    return float(np.minimum(np.abs(candidate - observation.value), TOLERANCE).mean(dtype=np.float64))
