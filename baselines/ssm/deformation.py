"""A Gaussian prior over the vertices of one category, learnt from training subjects.

``vertices = mean + modes @ b`` with ``b ~ N(0, 1)`` per mode. The first modes are the principal modes of
the training subjects (Cootes et al., CVIU 61(1), 1995). Eighteen subjects cannot span the anatomy of a new
one, so smooth displacement modes follow: the leading eigenfunctions of a sum of squared-exponential
kernels, as large as what the principal modes leave unexplained when a subject is left out (the augmented
model of Luethi et al., Gaussian process morphable models, IEEE TPAMI 40(8), 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from medshape_text.frame import HALF_BOX_VOXELS
from medshape_text.shape_model import fit_shape_model

FloatArray = NDArray[np.float64]

KERNEL_LENGTHS_VOXELS = (5.0, 10.0, 20.0)
KERNEL_RANK = 60
"""Smooth modes per coordinate axis."""
_LANDMARKS = 800
"""Vertices on which the kernel is decomposed; the others follow by the Nystroem extension."""


@dataclass(frozen=True, eq=False)
class DeformationModel:
    """``mean`` (V, 3) and unit-variance ``modes`` (V, 3, K) in canonical units, ``faces`` (F, 3)."""

    mean: FloatArray
    modes: FloatArray
    faces: NDArray[np.int64]

    def vertices(self, weights: FloatArray) -> FloatArray:
        """Vertices (V, 3) for mode weights (K,)."""
        return self.mean + self.modes @ weights


def fit_deformation_model(shapes: FloatArray, faces: NDArray[np.int64], elasticity: float) -> DeformationModel:
    """Learn the prior from (N, V, 3) corresponding canonical vertices.

    Args:
        shapes: at least three training shapes.
        faces: their common triangles.
        elasticity: root-mean-square length of the smooth displacement in multiples of the leave-one-out
            error of the principal modes; 0 gives the plain linear model.

    Raises:
        ValueError: with fewer than three shapes.
    """
    linear = fit_shape_model(shapes)
    principal = (linear.modes * linear.deviations[:, None]).reshape(len(linear.modes), -1, 3).transpose(1, 2, 0)
    modes = principal
    if elasticity > 0:
        scale = elasticity * linear.leave_one_out / np.sqrt(3)
        modes = np.concatenate([principal, _smooth_modes(linear.mean) * scale], axis=2)
    return DeformationModel(linear.mean, np.ascontiguousarray(modes), np.ascontiguousarray(faces))


def _smooth_modes(points: FloatArray) -> FloatArray:
    """Displacement modes (V, 3, 3 * rank) whose squares sum to about one at every point and axis."""
    landmarks = points[np.linspace(0, len(points) - 1, min(_LANDMARKS, len(points))).astype(int)]
    values, vectors = np.linalg.eigh(_kernel(landmarks, landmarks))
    rank = min(KERNEL_RANK, int((values > 1e-9 * values[-1]).sum()))
    values, vectors = values[::-1][:rank], vectors[:, ::-1][:, :rank]
    scalar = _kernel(points, landmarks) @ vectors / np.sqrt(values)
    modes = np.zeros((len(points), 3, 3 * rank))
    for axis in range(3):
        modes[:, axis, axis * rank : (axis + 1) * rank] = scalar
    return modes


def _kernel(a: FloatArray, b: FloatArray) -> FloatArray:
    """Mean of squared-exponential kernels between canonical points (N, 3) and (M, 3), one at zero distance."""
    squared = cdist(a, b, "sqeuclidean") * HALF_BOX_VOXELS**2
    total = np.zeros_like(squared)
    for length in KERNEL_LENGTHS_VOXELS:
        total += np.exp(-squared / (2 * length**2))
    return np.asarray(total / len(KERNEL_LENGTHS_VOXELS))
