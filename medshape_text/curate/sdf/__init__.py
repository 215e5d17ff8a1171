"""Signed distance fields on the canonical grid: from a mesh (sub-voxel) and from a voxel mask (published form)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from medshape_text.frame import HALF_BOX_VOXELS, RESOLUTION, TRUNCATION

__all__ = ["sdf_from_mask", "sdf_from_mesh"]


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
    """Truncated SDF of a triangle mesh given in canonical coordinates ([-1, 1]^3); the mesh may be messy.

    The solid is where the generalised winding number exceeds 1/2, once equal vertices are merged and the
    triangles face outwards (:mod:`~medshape_text.curate.sdf.orient`): holes are closed, overlapping shells
    are a union, inward-facing inner shells are cavities. The distance is that to the border of this solid:
    walls inside it do not count, the surfaces that fill holes do. It is exact within one voxel of the
    surface; farther out the closest triangle is searched among those of the neighbouring voxels, which errs
    by less than 0.01 voxel in the mean. One thread; the same bytes on every run.

    Args:
        vertices: (V, 3) float.
        faces: (F, 3) int.
        resolution: voxels per edge.

    Returns:
        (R, R, R) float32, negative inside, index order (x, y, z), clipped to +-0.2 units.

    Raises:
        ValueError: if the mesh has no faces, non-finite vertices, faces of missing vertices, or no surface
            inside the box.

    Source: winding numbers Jacobson et al. 2013 and Barill et al. 2018; propagation of closest triangles
    as in Tsai 2002 and Bridson's level sets; surface nets Gibson 1998.
    """
    points = np.ascontiguousarray(vertices, dtype=np.float64)
    triangles = np.ascontiguousarray(faces, dtype=np.int64)
    if not len(triangles) or not np.isfinite(points).all():
        raise ValueError(f"cannot make an SDF of {len(triangles)} faces with non-finite or missing vertices")
    if triangles.min() < 0 or triangles.max() >= len(points):
        raise ValueError(f"a face refers to a vertex outside 0..{len(points) - 1}")
    from medshape_text.curate.sdf.solid import signed_voxels  # compiled code: slow to import

    # From here on one unit is one voxel, and the centre of voxel (i, j, k) is the point (i, j, k).
    signed = signed_voxels((points + 1) * (resolution / 2) - 0.5, triangles, resolution, TRUNCATION * resolution / 2)
    signed *= np.float32(2 / resolution)
    return np.clip(signed, np.float32(-TRUNCATION), np.float32(TRUNCATION), out=signed)
