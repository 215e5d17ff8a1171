"""When two shapes are nearly the same, and how much surface one has."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from benchmark.contract import Volume
from medshape_text.frame import HALF_BOX_VOXELS

SHELL = 0.1
"""Canonical units (3.2 voxels) around the surface that differences are looked at in."""
SAME, SAME_SMOOTHED = 0.02, 0.01
"""Voxels of median difference below which two volumes are nearly the same: as they are, and after averaging boxes of
`_BOX` voxels, which noise does not survive. Of real predictions of four honest methods (from eight planes, or copies
that were barely damaged) none came nearer to the truth than 0.032 and 0.020."""
_BOX = 5
CROSSINGS = 200_000
"""Pairs of neighbouring voxels of which one is inside. Bones, and what ten methods made of them, have up to
12,000, random voxels 393,000; to score one takes a fifth of a second, or twenty."""


def crossings(volume: Volume) -> int:
    """How many pairs of neighbouring voxels have the surface between them."""
    inside = volume < 0
    return sum(int(np.count_nonzero(np.diff(inside, axis=axis))) for axis in range(inside.ndim))


def nearly_same(first: Volume, second: Volume) -> bool:
    """Whether two volumes tell the same surface, more precisely than by two methods' agreement.

    Equal masks are no proof: several honest methods recover the whole mask from a barely damaged copy. Their distances
    to the surface between the voxels still differ.
    """
    shell = np.abs(second) < SHELL
    if not shell.any():
        return bool(np.array_equal(first, second))
    difference = first - second
    if np.median(np.abs(difference[shell])) * HALF_BOX_VOXELS < SAME:
        return True
    smoothed = ndimage.uniform_filter(difference, _BOX)
    return bool(np.median(np.abs(smoothed[shell])) * HALF_BOX_VOXELS < SAME_SMOOTHED)
