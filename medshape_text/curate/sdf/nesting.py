"""Which patches of a mesh lie inside which."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medshape_text.curate.sdf.crossings import Points
from medshape_text.curate.sdf.edges import Faces
from medshape_text.curate.sdf.rays import boxes, ray_index

_PROBES = 32
_SEEN = 4
"""A patch is round a point if at least so many of the six axis-parallel half-rays from it see a surplus of one side."""


def containers(
    points: Points, faces: Faces, label: NDArray[np.int32], count: int, large: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which of the ``large`` (G,) patches each patch lies in, with all of 32 points of its surface.

    Two shells that cross are inside neither; the odd crossing between the points goes unnoticed.

    Args:
        points: (V, 3).
        faces: (F, 3), consistent within each patch.
        label: (F,) patch of every face, below ``count``.
        count: number of patches, P.
        large: (G,) the patches to look into.

    Returns:
        (P, G) bool.
    """
    box = boxes(points, faces, label, count)
    low, high = box[:, :3], box[:, 3:]
    below, above = low[:, None] < low[large], high[:, None] > high[large]
    inside = np.asarray(~(below | above).any(axis=-1), dtype=bool)
    inside[large, np.arange(len(large))] = False
    asked = np.flatnonzero(inside.any(axis=1))
    if not len(asked):
        return inside
    order = np.argsort(label, kind="stable")
    first = np.searchsorted(label[order], asked)
    size = np.bincount(label, minlength=count)[asked]
    offset = (np.arange(_PROBES)[None] * size[:, None]) // _PROBES
    probes = points[faces[order[(first[:, None] + offset).ravel()]]].mean(axis=1)
    group = np.full(count, -1, np.int32)
    group[large] = np.arange(len(large))
    holding = np.isin(label, large[inside.any(axis=0)])
    votes = np.zeros((len(probes), len(large)), np.int32)
    for axis in range(3):
        ray_index(points, faces[holding], axis).add_sides(probes, group[label[holding]], votes)
    inside[asked] &= (votes >= _SEEN).reshape(len(asked), _PROBES, -1).all(axis=1)
    return inside
