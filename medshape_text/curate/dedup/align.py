"""The similarity, proper or mirrored, that lays one surface on another: starting poses, then symmetric ICP."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from medshape_text.curate.dedup.surface import Floats, SampledSurface, residuals

_SIGNS = np.array([(a, b, c) for a in (1, -1) for b in (1, -1) for c in (1, -1)], dtype=np.float64)
_ALIKE = 0.12
"""Two axes whose spreads differ by less than this share are not told apart."""
_TURNS = 12
"""Starting poses around an axis of near symmetry."""
_POSES = 240
"""Starting poses of a shape without any distinguished axis."""
_COARSE, _GLANCE, _MEDIUM, _FINE = 100, 150, 400, 1500
"""Points at which all poses are tried, a few of them are refined a little, and the best one is refined, twice."""
_TRIED = 3
"""How many poses are refined at first."""
_ALMOST = 0.5
"""By how much, in voxels of mean distance, a start may be worse than the best one and still be refined."""
_FAR_START, _FAR_START_OPEN = 1.2, 2.5
"""Mean distance, in voxels, beyond which no start is worth it: where axes can be matched, where angles are tried."""
_FAR, _NEAR = 0.6, 0.3
"""Root mean square distance, in voxels, above which a pose refined a little is none, and below which no other is tried.
Noise of 0.2 voxel leaves 0.17."""


@dataclass(frozen=True, eq=False)
class Pose:
    """``second = scale * turn @ first + shift`` in voxels; ``turn`` (3, 3) has determinant -1 if mirrored.

    ``rms`` is the root mean square distance, in voxels of the second shape, of points of the first.
    """

    turn: Floats
    scale: float
    shift: Floats
    rms: float = np.inf

    def apply(self, points: Floats) -> Floats:
        """(N, 3) points of the first shape in the frame of the second."""
        return np.asarray(self.scale * points @ self.turn.T + self.shift)

    def invert(self, points: Floats) -> Floats:
        """(N, 3) points of the second shape in the frame of the first."""
        return np.asarray((points - self.shift) @ self.turn / self.scale)

    @property
    def mirrored(self) -> bool:
        """Whether it turns left hands into right ones."""
        return bool(np.linalg.det(self.turn) < 0)

    @property
    def degrees(self) -> float:
        """Angle of the rotation; of a mirrored pose, the angle beside a reflection in the plane that leaves least."""
        turns = [self.turn @ np.diag(flip) for flip in ((-1, 1, 1), (1, -1, 1), (1, 1, -1))]
        turns = turns if self.mirrored else [self.turn]
        return float(min(np.degrees(Rotation.from_matrix(turn).magnitude()) for turn in turns))


def rough_pose(first: SampledSurface, second: SampledSurface, *, mirrored: bool) -> Pose | None:
    """The best pose of one handedness, or None where none comes near."""
    turns = _starting_turns(first, second, mirrored)
    scale = _scale(first, second)
    offsets = (_spread_out(first.points, _COARSE) - first.centre) * scale
    trial = np.einsum("kij,nj->kni", turns, offsets) + second.centre
    off = np.asarray(second.tree.query(trial.reshape(-1, 3))[0]).reshape(len(turns), -1).mean(axis=1)
    if off.min() > (_FAR_START if len(turns) <= len(_SIGNS) else _FAR_START_OPEN):
        return None
    order = [k for k in np.argsort(off.round(6), kind="stable")[:_TRIED] if off[k] <= off.min() + _ALMOST]
    best = Pose(turns[0], scale, second.centre)
    for k in order:
        pose = Pose(turns[k], scale, second.centre - scale * turns[k] @ first.centre)
        best = min(best, _refine(pose, first, second, _GLANCE, 3), key=lambda pose: pose.rms)
        if best.rms < _NEAR:
            break
    return _refine(best, first, second, _MEDIUM, 4) if best.rms < _FAR else None


def fine_pose(rough: Pose, first: SampledSurface, second: SampledSurface) -> Pose:
    """A rough pose made as good as the samples allow."""
    return _refine(rough, first, second, _FINE, 6)


def unturned_pose(first: SampledSurface, second: SampledSurface) -> Pose:
    """The best pose that only shifts and scales."""
    scale = _scale(first, second)
    return _refine(Pose(np.eye(3), scale, second.centre - scale * first.centre), first, second, _FINE, 6, turning=False)


def _scale(first: SampledSurface, second: SampledSurface) -> float:
    return float(np.linalg.norm(second.spread) / np.linalg.norm(first.spread))


def _refine(
    pose: Pose, first: SampledSurface, second: SampledSurface, count: int, steps: int, *, turning: bool = True
) -> Pose:
    """Gauss-Newton over turn, shift and scale for ``count`` points of the first shape, neighbours renewed each step."""
    points, normals = _spread_out(first.points, count), _spread_out(first.normals, count)
    best, trial = Pose(pose.turn, pose.scale, pose.shift), pose  # its rms at other points does not count
    for _ in range(steps + 1):
        moved = trial.apply(points)
        value, direction = residuals(moved, normals @ trial.turn.T, second)
        rms = float(np.sqrt(np.mean(value * value)))
        gain = best.rms - rms
        if gain > 0:
            best = Pose(trial.turn, trial.scale, trial.shift, rms)
        if gain < 1e-3 * rms and np.isfinite(gain):
            break
        trial = _step(best, moved, value, direction, second.centre, turning)
    return best


def _step(pose: Pose, moved: Floats, value: Floats, direction: Floats, centre: Floats, turning: bool) -> Pose:
    arm = moved - centre
    jacobian = np.empty((len(arm), 7))
    jacobian[:, :3] = np.cross(arm, direction) if turning else 0
    jacobian[:, 3:6] = direction
    jacobian[:, 6] = np.einsum("nd,nd->n", direction, arm)
    normal = jacobian.T @ jacobian
    # a little damping: what an axis of symmetry leaves open must not run away
    step = -np.linalg.solve(normal + 1e-3 * np.diag(np.diag(normal) + 1e-9), jacobian.T @ value)
    turn = Rotation.from_rotvec(step[:3]).as_matrix()
    growth = float(np.exp(np.clip(step[6], -0.2, 0.2)))
    return Pose(turn @ pose.turn, pose.scale * growth, growth * turn @ (pose.shift - centre) + centre + step[3:6])


def _spread_out(values: Floats, count: int) -> Floats:
    """The first rows: samples follow each other at random, so they are spread over the whole surface."""
    return values[:count]


def _starting_turns(first: SampledSurface, second: SampledSurface, mirrored: bool) -> Floats:
    """Turns (K, 3, 3) of one handedness: none, or one plain reflection, first; then those that match principal axes."""
    still = [np.diag(flip) for flip in ((-1.0, 1, 1), (1.0, -1, 1), (1.0, 1, -1))] if mirrored else [np.eye(3)]
    alike = [first.spread[k] - first.spread[k + 1] < _ALIKE * first.spread[k] for k in range(2)]
    frames: list[Floats] = [first.axes]
    if all(alike):
        return np.concatenate([np.stack(still), _even_turns() @ still[0]])
    if any(alike):
        axis = first.axes[0 if alike[1] else 2]
        angles = 2 * np.pi * np.arange(_TURNS) / _TURNS
        frames = [first.axes @ Rotation.from_rotvec(angle * axis).as_matrix() for angle in angles]
    # eigenvectors come with either sign
    matched = [second.axes.T @ (sign[:, None] * frame) for frame in frames for sign in _SIGNS]
    return np.stack(still + [turn for turn in matched if (np.linalg.det(turn) < 0) == mirrored])


@lru_cache(maxsize=1)
def _even_turns() -> NDArray[np.float64]:
    """Rotations (K, 3, 3) spread evenly over all, without a random number: the super-Fibonacci spiral.

    Source: Alexa, Super-Fibonacci Spirals, CVPR 2022.
    """
    phi, psi = np.sqrt(2.0), 1.533751168755204288118041
    s = np.arange(_POSES) + 0.5
    low, high = np.sqrt(s / _POSES), np.sqrt(1 - s / _POSES)
    alpha, beta = 2 * np.pi * s / phi, 2 * np.pi * s / psi
    quaternions = np.stack([low * np.sin(alpha), low * np.cos(alpha), high * np.sin(beta), high * np.cos(beta)], axis=1)
    return np.asarray(Rotation.from_quat(quaternions).as_matrix())
