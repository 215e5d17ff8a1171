"""Large triangles cut into small equal ones."""

from __future__ import annotations

import numpy as np
from numba import njit

from medshape_text.curate.sdf.crossings import Points
from medshape_text.curate.sdf.edges import Faces


def subdivide(points: Points, faces: Faces, longest: float, most: int) -> Points:
    """Corners (T, 3, 3) of the triangles, those with longer sides cut into k * k equal ones; coarser if above ``most``.

    ``most`` is at least the number of faces.
    """
    corners = points[faces]
    side = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=-1).max(axis=1)
    pieces = np.clip(np.ceil(side / longest), 1, 256).astype(np.int64)
    while (pieces**2).sum() > most:
        pieces = (pieces + 1) // 2
    return np.asarray(_subdivide(corners, pieces, int((pieces**2).sum())))


@njit(cache=True, nogil=True, error_model="numpy")
def _subdivide(corners: Points, pieces: Faces, total: int) -> Points:
    out = np.empty((total, 3, 3))
    count = 0
    for face in range(len(corners)):
        k = pieces[face]
        a = corners[face, 0]
        u, v = (corners[face, 1] - a) / k, (corners[face, 2] - a) / k
        for i in range(k):
            for j in range(k - i):
                p = a + i * u + j * v
                out[count, 0], out[count, 1], out[count, 2] = p, p + u, p + v
                count += 1
                if i + j < k - 1:
                    out[count, 0], out[count, 1], out[count, 2] = p + u, p + u + v, p + v
                    count += 1
    return out
