"""The surface of an SDF grid as a triangle mesh, and exact distances to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medshape_text.frame import RESOLUTION, TRUNCATION

ROUNDING = 1e-9
"""Distances below this (voxels) are rounding noise of a point lying on the surface, and read as 0."""

Floats = NDArray[np.float64]


class NoSurfaceError(ValueError):
    """The volume is inside or outside everywhere."""


@dataclass(frozen=True, eq=False)
class Surface:
    """A triangle mesh in voxel-index coordinates: the centre of voxel (i, j, k) is the point (i, j, k)."""

    vertices: Floats
    faces: NDArray[np.int64]


def extract_surface(sdf: NDArray[np.floating], level: float = 0.0, close: bool = True) -> Surface:
    """Marching cubes (Lewiner) of an SDF, oriented outward (positive enclosed volume for negative inside).

    Args:
        sdf: (X, Y, Z), negative inside.
        level: iso-value.
        close: pad with one voxel of outside first, so that a shape cut by the box gets a cap instead of
            a hole. The published code does not.

    Returns:
        Vertices in voxel-index coordinates (x, y, z).

    Raises:
        NoSurfaceError: if the volume does not cross ``level``.
    """
    from skimage.measure import marching_cubes

    volume = np.array(sdf, dtype=np.float32)  # a copy, because skimage asks for a writable array
    if close:
        volume = np.pad(volume, 1, constant_values=max(TRUNCATION, level + TRUNCATION))
    if not volume.min() < level <= volume.max():
        raise NoSurfaceError(f"no surface at level {level}: values lie in [{volume.min()}, {volume.max()}]")
    try:
        vertices, faces, _, _ = marching_cubes(volume, level=level)  # type: ignore[no-untyped-call]
    except RuntimeError as error:  # skimage found no surface after all
        raise NoSurfaceError(str(error)) from error
    return Surface(vertices.astype(np.float64) - float(close), faces.astype(np.int64))


def point_to_surface(points: Floats, surface: Surface) -> Floats:
    """Exact Euclidean distance of every point to the closest point of a triangle mesh.

    Args:
        points: (P, 3) in the coordinates of the surface.
        surface: the mesh.

    Returns:
        (P,) float64; below 1e-9 exactly 0.
    """
    import igl

    squared = igl.point_mesh_squared_distance(np.ascontiguousarray(points), surface.vertices, surface.faces)[0]
    distance = np.sqrt(np.asarray(squared, dtype=np.float64))
    return np.where(distance < ROUNDING, 0.0, distance)


def box_diagonal() -> float:
    """Length of the diagonal of the 64-voxel box, in voxels: no two shapes in it are farther apart."""
    return float(np.sqrt(3.0) * RESOLUTION)
