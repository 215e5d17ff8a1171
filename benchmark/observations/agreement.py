"""Making a completed SDF agree with what was observed, wherever the observation can be believed."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from benchmark.contract import Mask, Observation, Volume
from medshape_text.frame import HALF_BOX_VOXELS

_HALF_VOXEL = np.float32(0.5 / HALF_BOX_VOXELS)


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

    Planes are exact and are kept. A voxel of a corrupted prompt is exposed as damage where it lies more
    than ``contradiction`` voxels on the wrong side of the completed surface; disagreement within
    ``margin`` voxels of such a voxel counts as the same damage.

    Args:
        sdf: (64, 64, 64) completion, not truncated below ``contradiction``.
        observation: what the completion was made from.
        contradiction: in voxels; how far off the completion is where it is wrong.
        margin: in voxels; how far around exposed voxels the same damage may reach.
    """
    if observation.kind == "planes":
        return impose(sdf, observation.observed, observation.value > 0.5)
    inside = observation.value < 0
    core = (inside != (sdf < 0)) & (np.abs(sdf) > contradiction / HALF_BOX_VOXELS)
    # The distance to nothing is undefined, so an empty core must not reach the transform.
    damaged = ndimage.distance_transform_edt(~core) <= margin if core.any() else core
    return impose(sdf, observation.observed & ~damaged, inside)
