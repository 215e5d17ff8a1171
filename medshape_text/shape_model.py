"""Linear shape model of corresponding vertices, and smooth warps calibrated on what it cannot explain.

Fitted on training subjects only. Synthetic training shapes are drawn from it: ``synthetic_ssm`` are
pure samples of the modes; ``synthetic_warp`` add a smooth random displacement whose size is the
model's own leave-one-out error, so that the training distribution covers what 18 subjects cannot span.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medshape_text.seeds import generator_for

FloatArray = NDArray[np.float64]

_CLIP_SD = 2.5
_WARP_LENGTHS = (5 / 32, 10 / 32, 20 / 32)
"""Correlation lengths of the warp in canonical units (5, 10 and 20 voxels), equal variance each."""
_WARP_FEATURES = 96


@dataclass(frozen=True)
class ShapeModel:
    """``vertices = mean + modes.T @ b``, ``b_k ~ N(0, deviations[k]**2)``.

    ``mean`` is (V, 3), ``modes`` (K, V*3) orthonormal rows, ``deviations`` (K,), and
    ``leave_one_out`` the root-mean-square vertex distance that a model without a subject leaves
    unexplained on that subject; all in canonical units.
    """

    mean: FloatArray
    modes: FloatArray
    deviations: FloatArray
    leave_one_out: float

    def sample(self, rng: np.random.Generator) -> FloatArray:
        """Vertices (V, 3) of one shape, mode weights clipped at 2.5 standard deviations."""
        weights = np.clip(rng.standard_normal(len(self.deviations)), -_CLIP_SD, _CLIP_SD) * self.deviations
        return self.mean + (weights @ self.modes).reshape(-1, 3)


def fit_shape_model(shapes: FloatArray) -> ShapeModel:
    """Fit the model to (N, V, 3) corresponding vertices in canonical coordinates.

    Raises:
        ValueError: with fewer than three shapes, where leave-one-out says nothing.
    """
    if len(shapes) < 3:
        raise ValueError(f"a shape model needs at least 3 shapes, got {len(shapes)}")
    mean, modes, deviations = _principal_modes(shapes)
    errors = []
    for left_out in range(len(shapes)):
        other_mean, other_modes, _ = _principal_modes(np.delete(shapes, left_out, axis=0))
        residual = (shapes[left_out] - other_mean).ravel()
        residual -= (residual @ other_modes.T) @ other_modes
        errors.append(np.mean(residual.reshape(-1, 3) ** 2) * 3)
    return ShapeModel(mean, modes, deviations, float(np.sqrt(np.mean(errors))))


def _principal_modes(shapes: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    flat = shapes.reshape(len(shapes), -1)
    mean = flat.mean(axis=0)
    _, singular, modes = np.linalg.svd(flat - mean, full_matrices=False)
    keep = len(shapes) - 1  # the centred data have one rank less than shapes
    return mean.reshape(-1, 3), modes[:keep], singular[:keep] / np.sqrt(keep)


def smooth_warp(points: FloatArray, amplitude: float, rng: np.random.Generator) -> FloatArray:
    """Displace (V, 3) points by a smooth Gaussian random field of the given root-mean-square length.

    The field is a sum of random cosines (random Fourier features of squared-exponential kernels at
    three correlation lengths). It is shrunk until its Jacobian determinant stays above 0.2 at every
    point, so that the warp folds nothing.
    """
    frequencies = np.concatenate([rng.standard_normal((_WARP_FEATURES, 3)) / length for length in _WARP_LENGTHS])
    phases = rng.uniform(0, 2 * np.pi, len(frequencies))
    weights = rng.standard_normal((len(frequencies), 3)) * amplitude * np.sqrt(2 / (3 * len(frequencies)))
    angle = points @ frequencies.T + phases
    jacobian = -np.einsum("pf,fd,fe->pde", np.sin(angle), weights, frequencies, optimize=True)
    strength = 1.0
    while np.linalg.det(np.eye(3) + strength * jacobian).min() < 0.2:
        strength *= 0.8
    return np.asarray(points + strength * (np.cos(angle) @ weights))


def synthetic_vertices(model: ShapeModel, shape_id: str, *, warped: bool) -> FloatArray:
    """Vertices (V, 3) of the synthetic shape named ``shape_id``; the same name gives the same vertices.

    ``warped`` adds a smooth warp of 0.3 to 1.5 times the model's leave-one-out error. The result is
    near the canonical frame but has to be normalised again.
    """
    rng = generator_for(shape_id, "synthetic-shape")
    vertices = model.sample(rng)
    if warped:
        vertices = smooth_warp(vertices, model.leave_one_out * rng.uniform(0.3, 1.5), rng)
    return vertices
