"""What hangs together: sets of faces or edges that share vertices, and faces joined over edges."""

from __future__ import annotations

import numpy as np
from numba import njit

from medshape_text.curate.sdf.edges import Faces, Labels, Mask


def components(rows: Faces, n_vertices: int) -> tuple[Labels, int]:
    """Number (N,) of the vertex-connected part every face (or edge) belongs to, in order of appearance, and how many.

    ``rows`` (N, K) are the vertices of each.
    """
    label, count = _components(rows, n_vertices)
    return label, int(count)


@njit(cache=True, nogil=True)
def _root_of(parent: Labels, item: int) -> int:
    """Representative of an item's set, halving the path on the way."""
    while parent[item] != item:
        parent[item] = parent[parent[item]]
        item = parent[item]
    return item


@njit(cache=True, nogil=True)
def _components(rows: Faces, n_vertices: int) -> tuple[Labels, int]:
    parent = np.arange(n_vertices).astype(np.int32)
    for row in range(len(rows)):
        first = _root_of(parent, rows[row, 0])
        for place in range(1, rows.shape[1]):
            other = _root_of(parent, rows[row, place])
            if other != first:
                parent[max(first, other)] = min(first, other)
                first = min(first, other)
    number = np.full(n_vertices, -1, np.int32)
    label = np.empty(len(rows), np.int32)
    count = 0
    for row in range(len(rows)):
        root = _root_of(parent, rows[row, 0])
        if number[root] < 0:
            number[root] = count
            count += 1
        label[row] = number[root]
    return label, count


@njit(cache=True, nogil=True)
def patches_of(of: Labels, faces: Faces, pairs: Mask) -> tuple[Labels, Mask, int, int]:
    """Join faces over edges of exactly two faces, noting who has to turn.

    Args:
        of: (F, 3) edge of every side.
        faces: (F, 3).
        pairs: (E,) bool, the edges of two faces.

    Returns:
        label (F,) int32 in order of appearance, turned (F,) bool relative to the patch's first face, the number
        of patches, and that of edges over which a patch disagrees with itself (it is one-sided).
    """
    parent = np.arange(len(faces)).astype(np.int32)
    parity = np.zeros(len(faces), np.int64)  # against the parent
    seen = np.full(len(pairs), -1, np.int64)
    contradictions = 0
    for side in range(3 * len(faces)):
        edge = of[side // 3, side % 3]
        if not pairs[edge]:
            continue
        if seen[edge] < 0:
            seen[edge] = side
            continue
        other = seen[edge]
        first, second = side // 3, other // 3
        turn = int(faces[side // 3, side % 3] == faces[other // 3, other % 3])
        while parent[first] != first:
            turn ^= parity[first]
            first = parent[first]
        while parent[second] != second:
            turn ^= parity[second]
            second = parent[second]
        if first == second:
            contradictions += turn
        else:
            low, high = min(first, second), max(first, second)
            parent[high] = low
            parity[high] = turn
        for start in (side // 3, other // 3):  # shorten both paths to one step
            at, total = start, 0
            while parent[at] != at:
                total ^= parity[at]
                at = parent[at]
            top, at, left = at, start, total
            while parent[at] != top and at != top:
                following, step = parent[at], parity[at]
                parent[at], parity[at] = top, left
                left ^= step
                at = following
    label, turned = np.empty(len(faces), np.int32), np.empty(len(faces), np.bool_)
    number = np.full(len(faces), -1, np.int32)
    count = 0
    for face in range(len(faces)):
        at, total = face, 0
        while parent[at] != at:
            total ^= parity[at]
            at = parent[at]
        if number[at] < 0:
            number[at] = count
            count += 1
        label[face], turned[face] = number[at], total == 1
    return label, turned, count, contradictions
