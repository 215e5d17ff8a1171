"""Shape-based interpolation of a stack of parallel sections (Raya & Udupa, IEEE TMI 9(1), 1990).

Between two sections with foreground, their signed distance maps are averaged linearly. Sections of
oblique or curved anatomy do not overlap, so both maps are first carried to the interpolated centroid and
second moments (the object-alignment refinement of Higgins et al., IEEE TMI 12(3), 1993, done with moments).
Beyond the outermost section with foreground the shape closes in a rounded cap.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from baselines.interpolation.sections import FloatArray, Section
from medshape_text.frame import RESOLUTION

CAP_FRACTION = 0.5
"""A cap reaches at most this share of the way to the next, empty section."""
CAP_SCALE, CAP_POWER = 4.0, 0.85
"""Nor farther than ``4 * depth**0.85`` voxels where the section is ``depth`` pixels deep (tuned on training data)."""
_OUTSIDE = 12.0


def interpolate_stack(sections: list[Section]) -> FloatArray:
    """Signed distance in voxels (64, 64, 64), with the stack's axis moved to the front; +12 where nothing is known.

    Args:
        sections: parallel sections in ascending index.
    """
    volume = np.full((RESOLUTION,) * 3, _OUTSIDE)
    for position in range(RESOLUTION):
        below = next((section for section in reversed(sections) if section.index <= position), None)
        above = next((section for section in sections if section.index >= position), None)
        volume[position] = _slice_at(position, below, above)
    return volume


def _slice_at(position: int, below: Section | None, above: Section | None) -> FloatArray:
    lower = below if below is not None and not below.empty else None
    upper = above if above is not None and not above.empty else None
    if lower is not None and upper is not None:
        return _between(lower, upper, position)
    if lower is not None:
        return _cap(lower, position - lower.index, above.index - lower.index if above else None)
    if upper is not None:
        return _cap(upper, upper.index - position, upper.index - below.index if below else None)
    return np.full((RESOLUTION,) * 2, _OUTSIDE)


def _between(lower: Section, upper: Section, position: int) -> FloatArray:
    if lower.index == upper.index:
        return lower.distance
    share = (position - lower.index) / (upper.index - lower.index)
    centre = (1 - share) * lower.centre + share * upper.centre
    spread = (1 - share) * lower.spread + share * upper.spread
    return (1 - share) * _carried(lower, centre, spread) + share * _carried(upper, centre, spread)


def _carried(section: Section, centre: FloatArray, spread: FloatArray) -> FloatArray:
    """The section's distance map moved and stretched so that its moments become ``centre`` and ``spread``."""
    stretch = section.spread @ np.linalg.inv(spread)
    pulled = ndimage.affine_transform(
        section.distance, stretch, section.centre - stretch @ centre, order=1, mode="nearest"
    )
    return np.asarray(pulled / np.sqrt(np.linalg.det(stretch)))


def _cap(section: Section, steps: int, gap: int | None) -> FloatArray:
    """``steps`` voxels beyond ``section``, with an empty section ``gap`` voxels away or None up to the box."""
    depth = np.maximum(-section.distance, 0.0)
    reach = CAP_SCALE * depth**CAP_POWER
    if gap is not None:
        reach = np.minimum(reach, CAP_FRACTION * gap * np.sqrt(depth / depth.max()))
    return np.maximum(section.distance, steps - reach) if steps else section.distance
