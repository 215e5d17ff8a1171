"""Signed distances of label maps in the published form, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmark.contract import Volume
from medshape_text.frame import HALF_BOX_VOXELS, TRUNCATION


def distances_of_labels(labels: NDArray[np.integer], count: int) -> Volume:
    """``clip((EDT(outside) - EDT(inside)) / 32, +-0.2)`` of each structure, in voxels whatever their size.

    Args:
        labels: (X, Y, Z), 0 is background.
        count: of structures, C; label i + 1 is structure i.

    Returns:
        (C, X, Y, Z) float32, negative inside; +0.2 everywhere for a structure that is not there.

    Source: kanydao/GenMed utils/sdf_fn.py, M3DV/DiffAtlas (one distance per class).
    """
    distances = np.full((count, *labels.shape), TRUNCATION, np.float32)
    for index in range(count):
        inside = labels == index + 1
        if inside.any():
            distances[index] = _signed(inside)
    return distances


def labels_of_distances(distances: NDArray[np.floating]) -> NDArray[np.uint8]:
    """The deepest structure of every voxel, 0 outside of all: (C, X, Y, Z), negative inside -> (X, Y, Z).

    >>> labels_of_distances(np.array([[0.1, -0.1, -0.2], [0.2, -0.2, -0.1]])).tolist()
    [0, 2, 1]
    """
    return np.where(distances.min(axis=0) < 0, distances.argmin(axis=0) + 1, 0).astype(np.uint8)


def _signed(inside: NDArray[np.bool_]) -> Volume:
    if inside.all():
        return np.full(inside.shape, -TRUNCATION, np.float32)
    signed = ndimage.distance_transform_edt(~inside) - ndimage.distance_transform_edt(inside)
    return np.asarray(np.clip(signed / HALF_BOX_VOXELS, -TRUNCATION, TRUNCATION), np.float32)
