"""Making an SDF agree with voxels that are known."""

from __future__ import annotations

import numpy as np

from benchmark.contract import Mask, Volume
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
