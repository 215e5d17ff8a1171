"""Smoothing of staircase surfaces for display, without making thin bones thinner (Taubin 1995)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

SHRINK, GROW = 0.5, -0.53
"""Step towards the mean of the neighbours, then a slightly larger one away from it."""
ROUNDS = 12


def taubin(vertices: NDArray[np.float32], faces: NDArray[np.int32], rounds: int = ROUNDS) -> NDArray[np.float32]:
    """Vertices (V, 3) of the smoothed mesh; faces (F, 3) stay as they are."""
    start, end = faces.ravel(), np.roll(faces, 1, axis=1).ravel()
    count = len(vertices)
    once = np.ones(len(start), dtype=np.float32)
    # Each edge occurs once in either direction, because the mesh is closed: every neighbour counts twice.
    edges = sparse.coo_array((once, (start, end)), shape=(count, count)).tocsr()
    neighbours = edges + edges.T
    weights = sparse.diags(1 / np.maximum(np.asarray(neighbours.sum(axis=1)).ravel(), 1)) @ neighbours
    moved = vertices.astype(np.float32)
    for _ in range(rounds):
        for step in (SHRINK, GROW):
            moved = np.asarray(moved + step * (weights @ moved - moved), dtype=np.float32)
    return moved


def vertex_normals(vertices: NDArray[np.float32], faces: NDArray[np.int32]) -> NDArray[np.float32]:
    """Unit normals (V, 3): the mean of the adjacent triangles' normals, weighted by their areas."""
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], across)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(length > 0, normals / np.maximum(length, 1e-12), [0.0, 0.0, 1.0]).astype(np.float32)
