"""Maximum a posteriori fit of a deformation model to the occupancy of some voxels.

A voxel centre at signed distance ``s`` from the surface is inside with probability ``sigmoid(-s / T)``;
with a share of outliers ``e`` that becomes ``e + (1 - 2 e) sigmoid(-s / T)``. Distances to the deformed
mesh are exact, and so is their derivative: moving the closest surface point by ``d`` changes ``s`` by
``-n . d`` with the normal ``n``. Gauss-Newton steps follow while the temperature ``T`` falls, wide
enough first to catch a surface several voxels away, sharp at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import igl
import numpy as np
from numpy.typing import NDArray

from baselines.ssm.deformation import DeformationModel, FloatArray
from medshape_text.frame import HALF_BOX_VOXELS

_REACH = 6.0
"""Voxels farther from the surface than six temperatures have no gradient worth computing."""
_LONGEST_STEP_VOXELS = 4.0


@dataclass(frozen=True)
class FitSettings:
    """Temperatures in voxels, one Gauss-Newton step each, and the weight of the likelihood.

    The weight is below one because neighbouring voxels are not independent readings. Chosen on validation
    subjects and on training subjects left out of the model (README.md).
    """

    temperatures: tuple[float, ...] = (2.0, 1.0, 0.5, 0.3, 0.2, 0.15, 0.15)
    weight: float = 0.3


@dataclass(frozen=True, eq=False)
class Measurement:
    """What is known of some voxels.

    ``points`` (N, 3) are their centres in canonical units, ``sign`` (N,) is +1 inside and -1 outside, and
    ``outliers`` the share of signs that may be wrong.
    """

    points: FloatArray
    sign: FloatArray
    outliers: float


@dataclass(frozen=True, eq=False)
class _Contact:
    """Where points meet a surface.

    Signed ``distance`` (N,), outward unit ``normal`` (N, 3), the ``vertex`` (N,) next to the closest point.
    """

    distance: FloatArray
    normal: FloatArray
    vertex: NDArray[np.int64]


def fit_posterior(model: DeformationModel, measurement: Measurement, settings: FitSettings) -> FloatArray:
    """Mode weights (K,) of the most probable shape; zero where the measurement says nothing."""
    weights = np.zeros(model.modes.shape[2])
    for temperature in settings.temperatures:
        step = _gauss_newton_step(model, weights, measurement, temperature / HALF_BOX_VOXELS, settings.weight)
        farthest = np.abs(model.modes @ step).max() * HALF_BOX_VOXELS
        weights = weights + step * min(1.0, _LONGEST_STEP_VOXELS / max(farthest, 1e-12))
    return weights


def _gauss_newton_step(
    model: DeformationModel, weights: FloatArray, measurement: Measurement, temperature: float, tempering: float
) -> FloatArray:
    contact = _contact(measurement.points, model.vertices(weights), model)
    near = np.abs(contact.distance) < _REACH * temperature
    sign = measurement.sign[near]
    right = 1 / (1 + np.exp(np.clip(sign * contact.distance[near] / temperature, -30, 30)))
    mixed = (1 - 2 * measurement.outliers) * right
    trust = mixed / (measurement.outliers + mixed) if measurement.outliers else np.ones_like(right)
    slope = trust * sign * (1 - right) / temperature
    curvature = trust * right * (1 - right) / temperature**2
    jacobian = -np.einsum("nd,ndk->nk", contact.normal[near], model.modes[contact.vertex[near]])
    hessian = tempering * (jacobian * curvature[:, None]).T @ jacobian + np.eye(len(weights))
    gradient = tempering * jacobian.T @ slope + weights
    return np.linalg.solve(hessian, -gradient)


def _contact(points: FloatArray, vertices: FloatArray, model: DeformationModel) -> _Contact:
    squared, triangle, closest = igl.point_mesh_squared_distance(points, vertices, model.faces)
    outward = np.where(igl.fast_winding_number(vertices, model.faces, points) > 0.5, -1.0, 1.0)
    length = np.sqrt(squared)
    corner = vertices[model.faces[triangle]]
    nearest = ((corner - closest[:, None]) ** 2).sum(axis=-1).argmin(axis=1)
    vertex = model.faces[triangle, nearest]
    # On the surface itself the direction to the closest point is undefined: take the triangle's normal.
    flat = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    flat /= np.linalg.norm(flat, axis=1, keepdims=True) + 1e-12
    direction = (points - closest) * (outward / np.maximum(length, 1e-9))[:, None]
    return _Contact(outward * length, np.where(length[:, None] > 1e-3, direction, flat), vertex)
