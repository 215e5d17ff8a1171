"""Into the canonical frame, keeping the way back to source units."""

from __future__ import annotations

from dataclasses import replace

from medshape_text.frame import canonical_similarity
from medshape_text.records import Shape
from medshape_text.stage import Drop, Stage


def normalise(shape: Shape) -> Shape | Drop:
    """Centre the bounding box, scale its longest side to 56 voxels; reason ``no-extent`` where that is impossible."""
    try:
        similarity = canonical_similarity(shape.vertices)
    except ValueError as error:
        return Drop("no-extent", str(error))
    return replace(shape, vertices=similarity.apply(shape.vertices), transform=similarity)


STAGE = Stage("normalise", "2", normalise)
