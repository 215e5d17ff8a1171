"""A triangle mesh, however messy, as signed distances at the voxels of a grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medshape_text.curate.sdf import clean
from medshape_text.curate.sdf.connectivity import Faces, beside, find_edges, is_balanced
from medshape_text.curate.sdf.distance import distances
from medshape_text.curate.sdf.hole_filling import border_of_solid, cone_winding, cones, filled_holes
from medshape_text.curate.sdf.orient import orient
from medshape_text.curate.sdf.rays import Points, count_crossings

_EXACT = 1.0
"""Voxels up to this far from a triangle are compared with every triangle in that reach."""
_DEGENERATE = "the mesh has no surface: all of its triangles are degenerate"


def signed_voxels(points: Points, faces: Faces, resolution: int, limit: float) -> NDArray[np.float32]:
    """Signed distances in voxels, negative inside, of (V, 3) vertices in voxels (voxel centres are whole numbers).

    Returns:
        (R, R, R) float32; beyond ``limit`` only the sign means something.

    Raises:
        ValueError: if there is no surface, or none inside the box.
    """
    faces = outward_faces(points, faces)
    everything, cone, cones_winding = points, faces[:0], None
    crossings = np.zeros(resolution**3, np.int32)
    count_crossings(points, faces, 0, resolution, True, crossings)
    if not is_balanced(faces):
        everything, cone = cones(points, find_edges(faces))
        count_crossings(everything, cone, 0, resolution, True, crossings)
        cones_winding = cone_winding(everything, cone, resolution)
    whole = np.cumsum(crossings.reshape((resolution,) * 3), axis=0, dtype=np.int32)
    inside = whole > 0 if cones_winding is None else whole - cones_winding > 0.5

    surface, pieces = faces[~clean.pinched(points, faces)], [np.empty((0, 3, 3))]
    if not len(surface):
        raise ValueError(_DEGENERATE)
    if whole.min() < 0 or whole.max() > 1:
        left, cut = border_of_solid(everything, surface, cone, whole, cones_winding)
        if len(left) + len(cut):  # else a mesh without a solid: sheets that overlap
            surface, pieces = left, [cut]
    if cones_winding is not None:
        pieces.append(filled_holes(points, faces, whole - cones_winding))
    loose = np.concatenate(pieces)
    neighbours = np.concatenate([beside(find_edges(surface)), np.full((len(loose), 3), -1, np.int32)])
    unsigned = distances(np.concatenate([points[surface], loose]), neighbours, resolution, _EXACT, limit)
    if not np.isfinite(unsigned).any():
        raise ValueError("the mesh has no surface inside the canonical box [-1, 1]^3; normalise it first")
    return np.where(inside, -unsigned, unsigned)


def outward_faces(points: Points, faces: Faces) -> Faces:
    """Faces over the same vertices with the solid behind them: cleaned if the mesh has borders, less buried shells."""
    if not is_balanced(faces):
        faces = clean.weld(points)[faces]
        faces = faces[~clean.pinched(points, faces)]
        faces = faces[~clean.repeated(faces)]
    if not len(faces):
        raise ValueError(_DEGENERATE)
    found = orient(points, faces)
    return found.faces[~found.buried] if found.buried.any() else found.faces
