"""Points spread evenly over a surface, with normals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from medshape_text.records import Shape
from medshape_text.seeds import generator_for
from medshape_text.stage import Drop, Stage


def sample_surface(
    vertices: NDArray[np.float64], faces: NDArray[np.int64], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Area-uniform points (count, 3) on a triangle mesh and the unit normals (count, 3) of their triangles.

    Raises:
        ValueError: if the mesh has no area.
    """
    corners = vertices[faces]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normals = np.cross(first, second)
    doubled_area = np.linalg.norm(normals, axis=1)
    cumulative = np.cumsum(doubled_area)
    if not len(faces) or not cumulative[-1] > 0:
        raise ValueError("cannot sample a mesh without area")
    chosen = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right")
    u, v = rng.random((2, count, 1))
    outside = u + v > 1  # fold the other half of the parallelogram back onto the triangle
    u, v = np.where(outside, 1 - u, u), np.where(outside, 1 - v, v)
    points = corners[chosen, 0] + u * first[chosen] + v * second[chosen]
    return points, normals[chosen] / doubled_area[chosen, None]


def add_samples(shape: Shape, *, count: int) -> Shape | Drop:
    """Fill in points and normals in canonical units, seeded by the shape's id."""
    rng = generator_for(shape.id, "surface-samples")
    points, normals = sample_surface(shape.vertices, shape.faces, count, rng)
    return replace(shape, points=points.astype(np.float32), normals=normals.astype(np.float32))


STAGE = Stage("surface", "1", add_samples, {"count": 8192})
