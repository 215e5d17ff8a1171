"""Images and labels from one grid onto another, through millimetres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmark.contract import Array, Grid, Volume


def index_map(source: Grid, target: Grid) -> NDArray[np.float64]:
    """(4, 4): voxel indices of ``target`` to those of ``source``.

    Raises:
        ValueError: if one of them has no affine, or one without inverse.
    """
    if source.affine is None or target.affine is None:
        raise ValueError("a grid without an affine has no place in space")
    mapping: NDArray[np.float64] = np.linalg.inv(np.asarray(source.affine)) @ np.asarray(target.affine)
    return mapping


def image_onto(image: Array, source: Grid, target: Grid, outside: float) -> Volume:
    """Trilinear values at the voxel centres of ``target``: float32 of its shape, ``outside`` beyond the source.

    Voxels whose centre lies up to half a voxel beyond the outermost centres of the source take the nearest value.
    """
    if _same(source, target):
        return np.array(image, np.float32)
    values = np.asarray(image, np.float32)
    return _sampled(values, index_map(source, target), target.shape, outside)


def labels_onto(labels: NDArray[np.uint8], source: Grid, target: Grid, count: int) -> NDArray[np.uint8]:
    """The label with the largest share at each voxel centre of ``target``, shares interpolated linearly.

    Background has what the structures leave; a tie goes to the lower label, so that nothing grows by being resampled.

    Args:
        labels: (X, Y, Z) on ``source``.
        source: where they are.
        target: where they go.
        count: of structures; labels go up to it.
    """
    if _same(source, target):
        return np.array(labels, np.uint8)
    mapping = index_map(source, target)
    best = np.zeros(target.shape, np.uint8)
    shares: list[tuple[int, Volume]] = []
    for label in range(1, count + 1):
        inside = labels == label
        if inside.any():
            shares.append((label, _sampled(inside.astype(np.float32), mapping, target.shape, 0.0)))
    most = 1 - sum((share for _, share in shares), np.zeros(target.shape, np.float32))
    for label, share in shares:
        more = share > most + 1e-6
        best[more], most = label, np.where(more, share, most)
    return best


def _same(source: Grid, target: Grid) -> bool:
    return source.shape == target.shape and source.affine == target.affine


def _sampled(values: Volume, mapping: NDArray[np.float64], shape: tuple[int, ...], outside: float) -> Volume:
    """Linear interpolation at ``mapping @ index``; half a voxel beyond the border the border goes on."""
    padded = np.pad(values, 1, mode="edge")
    offset = mapping[:3, 3] + 1
    found = ndimage.affine_transform(padded, mapping[:3, :3], offset, shape, order=1, mode="constant", cval=outside)
    # `constant` blends with cval between the last centre and the padding's; half a voxel of that is wanted, no more.
    inside = np.ones(shape, bool)
    index = [np.arange(side, dtype=np.float64).reshape([-1 if k == axis else 1 for k in range(3)])
             for axis, side in enumerate(shape)]  # fmt: skip
    for axis, side in enumerate(values.shape):
        at = mapping[axis, 3] + sum(mapping[axis, k] * index[k] for k in range(3))
        inside &= (at >= -0.5 - 1e-6) & (at <= side - 0.5 + 1e-6)
    return np.where(inside, found, np.float32(outside)).astype(np.float32)
