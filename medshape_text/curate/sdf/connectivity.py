"""How triangles hang together by edges and vertices: kernels over faces, none of them looking at coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

Faces = NDArray[np.int64]
Labels = NDArray[np.int32]
Mask = NDArray[np.bool_]
_MIX_A, _MIX_B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)


@dataclass(frozen=True, eq=False)
class Edges:
    """The undirected edges of a mesh.

    Attributes:
        of: (F, 3) edge of every side of every face, the side from corner c to corner c + 1.
        ends: (E, 2) vertices of every edge, the smaller index first.
        forward, backward: (E,) how many faces run along it from its first to its second end, and back.
    """

    of: Labels
    ends: Faces
    forward: Labels
    backward: Labels

    @property
    def watertight(self) -> bool:
        """Whether every edge has two faces that agree on which side is out."""
        return bool((self.forward == 1).all() and (self.backward == 1).all())

    @property
    def excess(self) -> Labels:
        """(E,) forward minus backward; zero everywhere if and only if winding numbers are whole."""
        return self.forward - self.backward


def find_edges(faces: Faces) -> Edges:
    """All edges, in the order of their first appearance; sides from a vertex to itself are edges like others."""
    of, ends, forward, backward, count = _find_edges(faces)
    return Edges(of, ends[:count].copy(), forward[:count].copy(), backward[:count].copy())


@njit(cache=True, nogil=True)
def mixed(a: int | np.uint64, b: int) -> np.uint64:
    """64 well-mixed bits of two whole numbers."""
    value = (np.uint64(a) * _MIX_A) ^ (np.uint64(b) + (np.uint64(a) << _HALF))
    value = (value ^ (value >> _HALF)) * _MIX_B
    value = (value ^ (value >> _HALF)) * _MIX_B
    return value ^ (value >> _HALF)


@njit(cache=True, nogil=True)
def is_balanced(faces: Faces) -> bool:
    """Whether every edge is run along as often as back; wrong with a chance of 2^-64, the same on every run.

    A sum of +-hash over all sides is zero then: a twentieth of the time a table of edges takes.
    """
    total = np.uint64(0)
    for face in range(len(faces)):
        for corner in range(3):
            a, b = faces[face, corner], faces[face, (corner + 1) % 3]
            if a < b:
                total += mixed(a, b)
            elif b < a:
                total -= mixed(b, a)
    return bool(total == np.uint64(0))


@njit(cache=True, nogil=True)
def _find_edges(faces: Faces) -> tuple[Labels, Faces, Labels, Labels, int]:
    sides = 3 * len(faces)
    size = 16
    while size < 2 * sides:
        size *= 2
    table = np.full(size, -1, np.int32)
    of = np.empty((len(faces), 3), np.int32)
    ends = np.empty((sides, 2), np.int64)
    forward, backward = np.zeros(sides, np.int32), np.zeros(sides, np.int32)
    count = 0
    for face in range(len(faces)):
        for corner in range(3):
            a, b = faces[face, corner], faces[face, (corner + 1) % 3]
            low, high = min(a, b), max(a, b)
            slot = np.int64(mixed(low, high) & np.uint64(size - 1))
            while table[slot] >= 0 and (ends[table[slot], 0] != low or ends[table[slot], 1] != high):
                slot = (slot + 1) & (size - 1)
            if table[slot] < 0:
                table[slot] = count
                ends[count, 0], ends[count, 1] = low, high
                count += 1
            edge = table[slot]
            of[face, corner] = edge
            if a <= b:
                forward[edge] += 1
            if b <= a:
                backward[edge] += 1
    return of, ends, forward, backward, count


def beside(edges: Edges) -> Labels:
    """(F, 3) the face over each side, -1 where there is none; the last other one where there are several."""
    return np.asarray(_beside(edges.of, len(edges.ends)))


@njit(cache=True, nogil=True)
def _beside(of: Labels, n_edges: int) -> Labels:
    first, last = np.full(n_edges, -1, np.int32), np.full(n_edges, -1, np.int32)
    for face in range(len(of)):
        for corner in range(3):
            edge = of[face, corner]
            if first[edge] < 0:
                first[edge] = face
            else:
                last[edge] = face
    result = np.empty((len(of), 3), np.int32)
    for face in range(len(of)):
        for corner in range(3):
            edge = of[face, corner]
            result[face, corner] = last[edge] if first[edge] == face else first[edge]
    return result


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
