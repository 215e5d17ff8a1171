"""Making a completed SDF agree with what was observed, wherever the observation can be believed."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from benchmark.contract import CANONICAL, Mask, Observation, Volume
from medshape_text.frame import HALF_BOX_VOXELS

_HALF_VOXEL = np.float32(0.5 / HALF_BOX_VOXELS)


class UnsupportedObservationError(ValueError):
    """A method cannot use an observation of this form."""


def observed_inside(observation: Observation, shape: tuple[int, ...] = CANONICAL.shape) -> Mask:
    """Where something was read as inside, a bool for every voxel of a grid; False where nothing was observed.

    Raises:
        UnsupportedObservationError: if the observation has no value for every voxel (one of low resolution, say).
            A method that asks this question cannot use it; one that evaluates ``operator`` can.
    """
    if observation.value.shape != shape or observation.space.kind not in ("sdf", "occupancy"):
        raise UnsupportedObservationError(
            f"needs inside and outside of single voxels, got {observation.space.kind} of {observation.value.shape}"
        )
    inside = observation.value > 0.5 if observation.space.kind == "occupancy" else observation.value < 0
    return np.asarray(inside & observation.mask)


def impose(sdf: Volume, known: Mask, inside: Mask) -> Volume:
    """A copy of ``sdf`` whose sign is right on the ``known`` voxels: wrong ones become half a voxel in or out.

    All arguments are (64, 64, 64); ``inside`` is read on the known voxels only.

    >>> impose(np.full((1, 1, 2), 0.1, np.float32), np.array([[[True, False]]]), np.ones((1, 1, 2), bool)).tolist()
    [[[-0.015625, 0.10000000149011612]]]
    """
    wrong = known & ((sdf < 0) != inside)
    return np.where(wrong, np.where(inside, -_HALF_VOXEL, _HALF_VOXEL), sdf).astype(np.float32)


def reconcile(sdf: Volume, observation: Observation, contradiction: float, margin: float) -> Volume:
    """The SDF of a completion made to agree with every observed voxel that it does not expose as damage.

    What is exact is kept. A voxel that may be damaged is exposed where it lies more than ``contradiction``
    voxels on the wrong side of the completed surface; disagreement within ``margin`` voxels of such a
    voxel counts as the same damage.

    Args:
        sdf: (64, 64, 64) completion, not truncated below ``contradiction``.
        observation: what the completion was made from.
        contradiction: in voxels; how far off the completion is where it is wrong.
        margin: in voxels; how far around exposed voxels the same damage may reach.

    Raises:
        UnsupportedObservationError: see `observed_inside`.
    """
    inside = observed_inside(observation)
    if observation.exact:
        return impose(sdf, observation.mask, inside)
    core = (inside != (sdf < 0)) & (np.abs(sdf) > contradiction / HALF_BOX_VOXELS)
    # The distance to nothing is undefined, so an empty core must not reach the transform.
    damaged = ndimage.distance_transform_edt(~core) <= margin if core.any() else core
    return impose(sdf, observation.mask & ~damaged, inside)
