"""Physical facts of a mesh that is still in millimetres."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from medshape_text.curate.inspect import signed_volume
from medshape_text.records import Shape
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


STAGE = Stage("measure", "2", measure)
