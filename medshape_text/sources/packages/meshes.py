"""Small things done to triangle meshes before the pipeline sees them: weld, tell pieces apart, drop stray faces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

Vertices = NDArray[np.float64]
Faces = NDArray[np.int64]


def weld(vertices: Vertices, faces: Faces) -> tuple[Vertices, Faces, int]:
    """The same triangles with equal vertices merged into one.

    Triangles that repeat a vertex or repeat another triangle are left out; the third result is their number.
    """
    distinct, inverse = np.unique(vertices + 0.0, axis=0, return_inverse=True)  # + 0.0 makes -0 equal to 0
    merged = inverse.reshape(-1)[faces].astype(np.int64)
    ordered = np.sort(merged, axis=1)
    keep = np.zeros(len(merged), dtype=bool)
    keep[np.unique(ordered, axis=0, return_index=True)[1]] = True
    keep &= (ordered[:, 0] != ordered[:, 1]) & (ordered[:, 1] != ordered[:, 2])
    return distinct, merged[keep], int((~keep).sum())


def face_components(faces: Faces, n_vertices: int) -> NDArray[np.int64]:
    """The connected piece of each of (F, 3) faces, numbered from 0 without gaps; pieces share no vertex."""
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    graph = sparse.coo_matrix((np.ones(len(start), dtype=np.int8), (start, end)), shape=(n_vertices, n_vertices))
    label = connected_components(graph, directed=False)[1]
    return np.asarray(np.unique(label[faces[:, 0]], return_inverse=True)[1], dtype=np.int64)


def sheets(faces: Faces) -> NDArray[np.int64]:
    """The sheet of each of (F, 3) faces: faces joined across edges that have exactly two triangles.

    Unlike a connected piece, a closed surface stays apart from a loose triangle that touches it.
    """
    edge, count = _edges(faces)
    owner = np.repeat(np.arange(len(faces)), 3)
    inner = count[edge] == 2
    pairs = owner[inner][np.argsort(edge[inner], kind="stable")].reshape(-1, 2)
    graph = sparse.coo_matrix((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(len(faces),) * 2)
    return connected_components(graph, directed=False)[1].astype(np.int64)


def is_closed(faces: Faces) -> bool:
    """Whether every edge has exactly two triangles, whichever way round they go."""
    return bool((_edges(faces)[1] == 2).all())


def _edges(faces: Faces) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The number of the edge on each side of each face (3 F,), and how many triangles each edge has."""
    sides = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1).reshape(-1, 2), axis=1)
    _, edge, count = np.unique(sides, axis=0, return_inverse=True, return_counts=True)
    return edge.reshape(-1), count


def signed_volumes(vertices: Vertices, faces: Faces, piece: NDArray[np.int64]) -> NDArray[np.float64]:
    """Signed volume of every closed piece, in cubed units of the vertices; a cavity's is negative."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    return np.asarray(np.bincount(piece, weights=np.einsum("ij,ij->i", a, np.cross(b, c)) / 6), dtype=np.float64)


def renumber(vertices: Vertices, faces: Faces) -> tuple[Vertices, Faces]:
    """The same triangles without the vertices that none of them uses."""
    used, inverse = np.unique(faces, return_inverse=True)
    return vertices[used], inverse.reshape(faces.shape).astype(np.int64)
