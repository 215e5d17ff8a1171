"""Signed distance fields on the canonical grid: from a mesh (sub-voxel) and from a voxel mask (published form)."""

from __future__ import annotations

from functools import lru_cache

import igl
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from medshape_text.frame import HALF_BOX_VOXELS, RESOLUTION, TRUNCATION, voxel_centres

_BLOCK = 4
"""Edge, in voxels, of the blocks whose sign is decided by one winding number when no surface is near."""


def sdf_from_mask(mask: ArrayLike) -> NDArray[np.float32]:
    """Published-form SDF of a voxel mask: ``clip((EDT(outside) - EDT(inside)) / 32, +-0.2)``.

    Args:
        mask: (64, 64, 64) bool, True inside, index order (x, y, z).

    Returns:
        (64, 64, 64) float32, negative inside, one unit = 32 voxels. An empty mask gives +0.2
        everywhere, a full one -0.2. The smallest magnitude is 1/32: there is no sub-voxel zero level.

    Raises:
        ValueError: if the mask is not a cubic three-dimensional array.

    Source: kanydao/GenMed utils/sdf_fn.py ``compute_sdf``.
    """
    inside = np.asarray(mask, dtype=bool)
    if inside.ndim != 3 or len(set(inside.shape)) != 1:
        raise ValueError(f"expected a cubic three-dimensional mask, got shape {inside.shape}")
    if not inside.any():
        return np.full(inside.shape, TRUNCATION, dtype=np.float32)
    if inside.all():
        return np.full(inside.shape, -TRUNCATION, dtype=np.float32)
    signed = ndimage.distance_transform_edt(~inside) - ndimage.distance_transform_edt(inside)
    half_box = HALF_BOX_VOXELS * inside.shape[0] / RESOLUTION
    return np.asarray(np.clip(signed / half_box, -TRUNCATION, TRUNCATION), dtype=np.float32)


def sdf_from_mesh(vertices: ArrayLike, faces: ArrayLike, resolution: int = RESOLUTION) -> NDArray[np.float32]:
    """Truncated SDF of a triangle mesh given in canonical coordinates ([-1, 1]^3).

    The distance is exact for voxels within about one voxel of the surface; farther out it is the
    distance to the closest surface point of the nearest such voxel (mean error below 0.1 voxel).
    The sign is the generalised winding number, which stays right across holes and overlaps.

    Args:
        vertices: (V, 3) float.
        faces: (F, 3) int, consistently oriented.
        resolution: voxels per edge.

    Returns:
        (R, R, R) float32, negative inside, index order (x, y, z), clipped to +-0.2 units.

    Raises:
        ValueError: if the mesh has no faces, non-finite vertices, or no surface inside the box.
    """
    points = np.ascontiguousarray(vertices, dtype=np.float64)
    triangles = np.ascontiguousarray(faces, dtype=np.int64)
    if not len(triangles) or not np.isfinite(points).all():
        raise ValueError(f"cannot make an SDF of {len(triangles)} faces with non-finite or missing vertices")
    centres = _centres(resolution)
    band = _near_surface(points, triangles, resolution)
    if not band.any():
        raise ValueError("the mesh has no surface inside the canonical box [-1, 1]^3; normalise it first")
    band_index = np.flatnonzero(band)
    squared, _, closest = igl.point_mesh_squared_distance(centres[band_index], points, triangles)

    distance = np.full(resolution**3, np.inf)
    distance[band_index] = np.sqrt(squared)
    steps, nearest = ndimage.distance_transform_edt(~band, return_indices=True)
    reach = TRUNCATION * resolution / 2 + 2  # beyond this many voxels the value is truncated anyway
    far = np.flatnonzero((steps.ravel() > 0) & (steps.ravel() < reach))
    flat_nearest = np.ravel_multi_index(tuple(axis.ravel()[far] for axis in nearest), band.shape)
    row = np.empty(resolution**3, dtype=np.int64)
    row[band_index] = np.arange(len(band_index))
    distance[far] = np.linalg.norm(centres[far] - closest[row[flat_nearest]], axis=1)

    unsigned = distance.reshape(band.shape)
    signed = np.where(_inside(points, triangles, band), -unsigned, unsigned)
    return np.clip(signed, -TRUNCATION, TRUNCATION).astype(np.float32)


@lru_cache(maxsize=4)
def _centres(resolution: int) -> NDArray[np.float64]:
    centres = np.ascontiguousarray(voxel_centres(resolution))
    centres.setflags(write=False)
    return centres


def _near_surface(points: NDArray[np.float64], triangles: NDArray[np.int64], resolution: int) -> NDArray[np.bool_]:
    """Voxels the surface passes through, dilated once; triangles are sampled at half a voxel, so none is missed."""
    corners = points[triangles]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=-1).max(axis=1)
    pieces = np.maximum(1, np.ceil(longest * resolution)).astype(int)
    mask = np.zeros((resolution,) * 3, dtype=bool)
    for count in np.unique(pieces):
        weights = np.array([(i, j, count - i - j) for i in range(count + 1) for j in range(count + 1 - i)]) / count
        samples = np.einsum("bk,fkd->fbd", weights, corners[pieces == count]).reshape(-1, 3)
        index = np.floor((samples + 1) * (resolution / 2)).astype(int)
        index = index[((index >= 0) & (index < resolution)).all(axis=1)]
        mask[tuple(index.T)] = True
    return ndimage.binary_dilation(mask, np.ones((3, 3, 3), dtype=bool))


def _inside(points: NDArray[np.float64], triangles: NDArray[np.int64], band: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Winding number > 1/2, evaluated per voxel near the surface or where blocks are undecided, per block elsewhere."""
    resolution = band.shape[0]
    if resolution % _BLOCK:
        winding = igl.fast_winding_number(points, triangles, _centres(resolution).copy())
        return np.asarray(winding > 0.5).reshape(band.shape)
    n = resolution // _BLOCK
    touched = band.reshape(n, _BLOCK, n, _BLOCK, n, _BLOCK).any(axis=(1, 3, 5))
    block_winding = np.zeros((n, n, n))
    block_winding[~touched] = igl.fast_winding_number(points, triangles, _centres(n)[~touched.ravel()])
    # A block far from 0 and 1 lies near a hole of the mesh: refine it and its neighbours.
    unsure = ~touched & (np.abs(np.abs(block_winding) - 0.5) < 0.35)
    fine = _upsample(touched | ndimage.binary_dilation(unsure))
    winding = _upsample(block_winding)
    winding[fine] = igl.fast_winding_number(points, triangles, _centres(resolution)[fine.ravel()])
    return np.asarray(winding > 0.5)


def _upsample(blocks: NDArray) -> NDArray:  # type: ignore[type-arg]
    return blocks.repeat(_BLOCK, axis=0).repeat(_BLOCK, axis=1).repeat(_BLOCK, axis=2)
