"""From millimetres to what is published: measured, in the canonical frame, as distances and as points."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from medshape_text.curate.inspect import signed_volume
from medshape_text.curate.sdf import sdf_from_mesh
from medshape_text.frame import RESOLUTION, canonical_similarity
from medshape_text.records import Shape
from medshape_text.seeds import generator_for
from medshape_text.stage import Drop, Stage


def measure(shape: Shape) -> Shape | Drop:
    """Fill in volume, area and extent where the source has a physical scale; leave them None elsewhere.

    The volume is that of the closed surface; an open one has none.

    Raises:
        ValueError: if the shape was not inspected.
    """
    if shape.facts is None:
        raise ValueError(f"{shape.id} has to be inspected before it is measured")
    if not shape.millimetres:
        return shape
    corners = shape.vertices[shape.faces]
    doubled_area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    extent = np.ptp(shape.vertices[np.unique(shape.faces)], axis=0)
    facts = replace(
        shape.facts,
        volume_mm3=signed_volume(shape.vertices, shape.faces) if shape.facts.watertight else None,
        area_mm2=float(doubled_area.sum() / 2),
        extent_mm=(float(extent[0]), float(extent[1]), float(extent[2])),
    )
    return replace(shape, facts=facts)


def normalise(shape: Shape) -> Shape | Drop:
    """Centre the bounding box, scale its longest side to 56 voxels; reason ``no-extent`` where that is impossible."""
    try:
        similarity = canonical_similarity(shape.vertices)
    except ValueError as error:
        return Drop("no-extent", str(error))
    return replace(shape, vertices=similarity.apply(shape.vertices), transform=similarity)


def add_sdf(shape: Shape, *, resolution: int) -> Shape | Drop:
    """Fill in the mesh SDF; reasons ``sdf-failed`` and ``no-voxels`` (thinner than the grid can show).

    The published form needs no column of its own: it is a function of the sign, which is stored exactly.
    """
    try:
        sdf = sdf_from_mesh(shape.vertices, shape.faces, resolution)
    except ValueError as error:
        return Drop("sdf-failed", str(error))
    if not (sdf < 0).any():
        return Drop("no-voxels", "no voxel centre lies inside the shape")
    return replace(shape, sdf=sdf)


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
    chosen = np.minimum(chosen, len(faces) - 1)  # a number just below 1 may be rounded up to the whole area
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


MEASURE = Stage("measure", "2", measure)
NORMALISE = Stage("normalise", "2", normalise)
SDF = Stage("sdf", "2", add_sdf, {"resolution": RESOLUTION})
SURFACE = Stage("surface", "1", add_samples, {"count": 8192})
