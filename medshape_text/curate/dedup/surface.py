"""A shape as points with normals, prepared for being compared: search tree, centre, principal axes.

All coordinates here are in voxels of the canonical grid, origin in the middle of the box.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from medshape_text.frame import HALF_BOX_VOXELS

Floats = NDArray[np.float64]
_NEIGHBOURS = 3
_FACING = 0.3
"""Cosine between two normals above which two points can lie on the same side of a thin wall."""


@dataclass(frozen=True, eq=False)
class SampledSurface:
    """``points`` (N, 3) spread evenly and at random over a surface, and its unit ``normals`` (N, 3).

    ``axes`` (rows) are the principal axes by falling ``spread`` (3,), the standard deviations along them.
    """

    points: Floats
    normals: Floats
    centre: Floats
    axes: Floats
    spread: Floats

    @cached_property
    def tree(self) -> cKDTree:
        """Search tree of the points, built when first asked for: what is only laid on others needs none."""
        return cKDTree(self.points, balanced_tree=False, compact_nodes=False)

    @cached_property
    def gap(self) -> float:
        """Distance beyond which the nearest of the points says nothing about the surface between them."""
        some = self.points[:: max(1, len(self.points) // 256)]
        # four times the median spacing: on the surface the nearest point is practically never as far as that
        return 4 * float(np.median(np.asarray(self.tree.query(some, k=2)[0])[:, 1]))


def prepare(points: ArrayLike, normals: ArrayLike) -> SampledSurface:
    """Surface of (N, 3) area-uniform points in random order and their normals, in canonical coordinates.

    Raises:
        ValueError: if the two differ in shape, are fewer than 16, or hold a number that is not finite.
    """
    places = np.array(points, dtype=np.float64) * HALF_BOX_VOXELS
    outward = np.array(normals, dtype=np.float64)
    if places.ndim != 2 or places.shape != outward.shape or places.shape[1] != 3 or len(places) < 16:
        raise ValueError(f"expected 16 or more points with normals, got {places.shape} and {outward.shape}")
    if not (np.isfinite(places).all() and np.isfinite(outward).all()):
        raise ValueError("points or normals are not finite")
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-9)
    centre = places.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(places.T))
    spread = np.sqrt(np.maximum(values[::-1], 0))
    return SampledSurface(places, outward, centre, vectors[:, ::-1].T, spread)


def residuals(points: Floats, normals: Floats, surface: SampledSurface) -> tuple[Floats, Floats]:
    """Signed distance (N,) of (N, 3) points with normals to a sampled surface, and its directions (N, 3).

    The offset to the nearest point that faces the same way is measured along the mean of both normals: between two
    points of one circle or sphere that is zero, so the distance is exact to second order however coarse the samples.
    A point that has no such neighbour within ``surface.gap`` is as far as its nearest point, whatever its normal.

    Source of the mean normal: Rusinkiewicz, A Symmetric Objective Function for ICP, SIGGRAPH 2019.
    """
    distance, near = (np.array(found) for found in surface.tree.query(points))
    facing = np.einsum("nd,nd->n", surface.normals[near], normals) > _FACING
    lost = distance > surface.gap
    astray = np.flatnonzero(~facing & ~lost)
    if len(astray):
        farther, index = (np.array(found) for found in surface.tree.query(points[astray], k=_NEIGHBOURS))
        fits = np.einsum("nkd,nd->nk", surface.normals[index], normals[astray]) > _FACING
        fits &= farther <= surface.gap
        row, choice = np.arange(len(astray)), fits.argmax(axis=1)  # the first that fits, or the nearest
        near[astray] = index[row, choice]
        lost[astray] = ~fits[row, choice]
    offset = points - surface.points[near]
    direction = normals + surface.normals[near]
    direction[lost] = offset[lost]
    direction /= np.maximum(np.sqrt(np.einsum("nd,nd->n", direction, direction)), 1e-9)[:, None]
    return np.einsum("nd,nd->n", offset, direction), direction
