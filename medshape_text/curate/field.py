"""The signed distance field of a shape on the canonical grid."""

from __future__ import annotations

from dataclasses import replace

from medshape_text.curate.sdf import sdf_from_mesh
from medshape_text.frame import RESOLUTION
from medshape_text.records import Shape
from medshape_text.stage import Drop, Stage


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


STAGE = Stage("sdf", "2", add_sdf, {"resolution": RESOLUTION})
